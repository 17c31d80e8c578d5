//! Series that mix what does not belong together, and files that contradict themselves, built byte by byte.

#![allow(clippy::unwrap_used, clippy::panic)]

mod dicom_support;

use std::io::Write;

use dicom_support::fixture;
use medio::Error;
use medio::dicom::{self, Assumption, LoadOptions, Padding, SeriesKind, SplitBy, Study, seg};

const CT: &str = "1.2.840.10008.5.1.4.1.1.2";
const DOSE: &str = "1.2.840.10008.5.1.4.1.1.481.2";
const DX: &str = "1.2.840.10008.5.1.4.1.1.1.1";
const PARAMETRIC_MAP: &str = "1.2.840.10008.5.1.4.1.1.30";
const EXPLICIT: &str = "1.2.840.10008.1.2.1";
const DEFLATED: &str = "1.2.840.10008.1.2.1.99";

type Element = (u32, &'static str, Vec<u8>);

fn text(tag: u32, vr: &'static str, value: &str) -> Element {
    (tag, vr, value.as_bytes().to_vec())
}

fn short(tag: u32, value: u16) -> Element {
    (tag, "US", value.to_le_bytes().to_vec())
}

fn encoded((tag, vr, value): &Element) -> Vec<u8> {
    let mut value = value.clone();
    if value.len() % 2 == 1 {
        value.push(if *vr == "UI" { 0 } else { b' ' });
    }
    let mut b = [((tag >> 16) as u16).to_le_bytes(), (*tag as u16).to_le_bytes()].concat();
    b.extend(vr.bytes());
    match *vr {
        "OW" | "OB" | "OF" | "SQ" => {
            b.extend([vec![0, 0], (value.len() as u32).to_le_bytes().to_vec()].concat())
        }
        _ => b.extend((value.len() as u16).to_le_bytes()),
    }
    b.extend(value);
    b
}

fn meta(syntax: &str) -> Vec<u8> {
    [vec![0; 128], b"DICM".to_vec(), encoded(&text(0x0002_0010, "UI", syntax))].concat()
}

/// The data set of an image of `side` x `side` pixels of one series; what is in `more` takes the place of what is here.
fn data_set(class: &str, name: &str, side: u16, more: Vec<Element>) -> Vec<u8> {
    let pixels = (0..u32::from(side) * u32::from(side)).flat_map(|n| (n as u16).to_le_bytes()).collect();
    let mut elements = vec![
        text(0x0008_0016, "UI", class),
        text(0x0008_0018, "UI", name),
        text(0x0020_000E, "UI", "1.2.3"),
        short(0x0028_0002, 1),
        text(0x0028_0004, "CS", "MONOCHROME2"),
        short(0x0028_0010, side),
        short(0x0028_0011, side),
        short(0x0028_0100, 16),
        short(0x0028_0101, 16),
        short(0x0028_0102, 15),
        short(0x0028_0103, 0),
        text(0x0028_1052, "DS", "0"),
        text(0x0028_1053, "DS", "1"),
        (0x7FE0_0010, "OW", pixels),
    ];
    elements.retain(|(tag, ..)| more.iter().all(|(other, ..)| other != tag));
    elements.extend(more);
    elements.sort_by_key(|(tag, ..)| *tag);
    elements.iter().flat_map(encoded).collect()
}

fn placed(z: &str) -> Vec<Element> {
    vec![
        text(0x0020_0032, "DS", &format!("0\\0\\{z}")),
        text(0x0020_0037, "DS", "1\\0\\0\\0\\1\\0"),
        text(0x0028_0030, "DS", "0.5\\0.5"),
    ]
}

fn file(class: &str, name: &str, more: Vec<Element>) -> (String, Vec<u8>) {
    (name.to_string(), [meta(EXPLICIT), data_set(class, name, 2, more)].concat())
}

fn only(file: (String, Vec<u8>)) -> dicom::Series {
    let study = dicom::scan_bytes([file]).unwrap();
    assert_eq!(study.len(), 1, "{study:?}");
    study[0].clone()
}

fn splits(study: &Study) -> Vec<Vec<SplitBy>> {
    study.iter().map(|series| series.split().iter().map(|split| split.by).collect()).collect()
}

#[test]
fn a_dose_is_no_slice_of_its_ct() {
    let mut files: Vec<_> = ["0", "2", "4"].map(|z| file(CT, &format!("1.{z}"), placed(z))).to_vec();
    let scaling = [placed("6"), vec![text(0x3004_000E, "DS", "0.5")]].concat();
    files.push(file(DOSE, "1.6", scaling));
    let study = dicom::scan_bytes(files).unwrap();
    assert_eq!(splits(&study), [[SplitBy::SopClass]; 2]);
    assert_eq!(study.iter().map(|s| s.size()[0]).sum::<usize>(), 4);
    assert_eq!(study.iter().find(|s| s.sop_class_uid() == CT).unwrap().load().unwrap().0.size(), [3, 2, 2]);
}

#[test]
fn acquisition_times_split_what_they_fill_equally() {
    let at = |time: &str, z: &str| {
        let times = vec![text(0x0008_0022, "DA", "20240101"), text(0x0008_0032, "TM", time)];
        file(CT, &format!("1.{time}.{z}"), [placed(z), times].concat())
    };
    let study = dicom::scan_bytes([at("10", "0"), at("11", "0"), at("10", "2"), at("11", "2")]).unwrap();
    assert_eq!(splits(&study), [[SplitBy::AcquisitionTime]; 2]);
    assert_eq!(study[1].split()[0].value, "2024010111");
    // One slice that was taken again is no volume of its own.
    let study = dicom::scan_bytes([at("10", "0"), at("11", "0"), at("10", "2"), at("10", "4")]).unwrap();
    assert_eq!(study.len(), 1);
    assert!(matches!(study[0].load(), Err(Error::DuplicatePosition { .. })));
}

#[test]
fn a_damaged_deflate_stream_is_no_matter_of_the_system() {
    let mut noise = 1u32;
    let mut random = || {
        noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (noise >> 24) as u8
    };
    let pixels = (0x7FE0_0010, "OW", (0..2 * 512 * 512).map(|_| random()).collect());
    let set = data_set(CT, "1.1", 512, [placed("0"), vec![pixels]].concat());
    let mut encoder = flate2::write::DeflateEncoder::new(meta(DEFLATED), flate2::Compression::fast());
    encoder.write_all(&set).unwrap();
    let whole = encoder.finish().unwrap();
    assert!(only(("whole".into(), whole.clone())).load().is_ok());
    let cut = whole[..whole.len() - 1000].to_vec();
    let error = only(("cut".into(), cut)).load().unwrap_err();
    assert!(matches!(error, Error::Decode { .. } | Error::Truncated { .. }), "{error}");
}

#[test]
fn projections_have_one_rule_for_their_spacing() {
    let imager = || vec![text(0x0018_1164, "DS", "0.2\\0.3")];
    let factor = || vec![text(0x0018_1114, "DS", "2")];
    let own = || vec![text(0x0028_0030, "DS", "0.2\\0.3")];
    let calibrated = || vec![text(0x0028_0A02, "CS", "FIDUCIAL")];
    let scanned = || vec![text(0x0018_2010, "DS", "0.4\\0.6")];
    for (more, spacing, assumption) in [
        (imager(), [0.2, 0.3], Some(Assumption::ImagerPixelSpacing)),
        ([imager(), factor()].concat(), [0.1, 0.15], Some(Assumption::MagnificationFactor)),
        ([imager(), factor(), own()].concat(), [0.1, 0.15], Some(Assumption::MagnificationFactor)),
        ([imager(), factor(), own(), calibrated()].concat(), [0.2, 0.3], None),
        ([factor(), own()].concat(), [0.2, 0.3], None),
        (scanned(), [0.4, 0.6], Some(Assumption::NominalScannedPixelSpacing)),
    ] {
        let series = only(file(DX, "1.1", more));
        let (volume, report) = series.load().unwrap();
        let found = [volume.spacing().row, volume.spacing().column];
        assert!(found.iter().zip(spacing).all(|(a, b)| (a - b).abs() < 1e-9), "{found:?} {spacing:?}");
        let others = [Assumption::Orientation, Assumption::Position, Assumption::SliceSpacing];
        let mut assumed = report.assumed.iter().filter(|a| !others.contains(a));
        assert_eq!(assumed.next().copied(), assumption);
        let image = series.image(0).unwrap().spacing().unwrap();
        assert!((image.row - spacing[0]).abs() < 1e-9 && (image.column - spacing[1]).abs() < 1e-9);
    }
}

#[test]
fn padding_of_floats() {
    let floats = |values: [f32; 4]| values.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>();
    for (padding, stored, expected) in [
        (-9.0, [1.0, -9.0, 2.5, 0.0], [1.0, -1.0, 2.5, 0.0]),
        (f32::NAN, [1.0, f32::NAN, 2.5, 0.0], [1.0, -1.0, 2.5, 0.0]),
    ] {
        let set = data_set(
            PARAMETRIC_MAP,
            "1.1",
            2,
            [
                placed("0"),
                vec![
                    short(0x0028_0100, 32),
                    (0x0028_0122, "FL", padding.to_le_bytes().to_vec()),
                    (0x7FE0_0008, "OF", floats(stored)),
                ],
            ]
            .concat(),
        );
        let series = only(("x".into(), [meta(EXPLICIT), set].concat()));
        let options = LoadOptions::new().padding(Padding::Value(-1.0));
        let (volume, report) = series.load_with(&options).unwrap();
        assert_eq!((volume.as_slice(), report.padding_voxels), (expected.as_slice(), 1));
    }
}

#[test]
fn a_segmentation_is_found_as_what_it_is() {
    let path = fixture("dicom_out/hd_binary.dcm");
    let bytes = std::fs::read(&path).unwrap();
    let direct = seg::read(&path).unwrap();
    assert_eq!(direct.unused_descriptions(), 0);
    let series = only(("seg.dcm".into(), bytes));
    assert_eq!(series.kind(), SeriesKind::Segmentation);
    let found = series.segmentation().unwrap();
    assert_eq!((found.segments(), found.geometry()), (direct.segments(), direct.geometry()));
    assert!(direct.segments().len() > 1);
    assert!(matches!(series.load(), Err(Error::NotAVolume { .. })));
    assert!(series.image(0).is_ok());
    // A CT is none.
    assert!(matches!(only(file(CT, "1.1", placed("0"))).segmentation(), Err(Error::Invalid { .. })));
}

#[test]
fn mosaics_that_nothing_tells_apart_are_volumes_one_by_one() {
    let folder = fixture("dicom_mosaic/forward");
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let mut bytes = std::fs::read(&path).unwrap();
        let at = bytes.windows(8).position(|w| w == b"\x20\x00\x12\x00IS\x02\x00").unwrap();
        bytes[at + 8..at + 10].copy_from_slice(b"1 ");
        files.push((path.display().to_string(), bytes));
    }
    let times = files.len();
    let study = dicom::scan_bytes(files).unwrap();
    assert_eq!(study.len(), times);
    assert!(times > 1 && study.iter().all(|series| series.load().unwrap().1.is_clean()));
    assert!(splits(&study).iter().all(|by| matches!(by[..], [SplitBy::Instance | SplitBy::AcquisitionTime])));
}
