//! Segmentations: those of highdicom, and there and back.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod dicom_support;

use std::path::Path;
use std::time::SystemTime;

use dicom_support::{fixture, only};
use medcore::{Affine3, Geometry, Label, LabelMap, Lps, Point3, Spacing, Volume, Voxel};
use medio::dicom::seg::{self, Algorithm, Content, Overlap, SegKind, SegOptions, Segment, Segmentation};
use medio::dicom::{self, Code, NewSeries};
use medio::{Error, Result};
use safetensors::SafeTensors;

const HIGHDICOM: [(&str, Content, &[u16]); 8] = [
    ("hd_binary", Content::Binary, &[1, 2]),
    ("hd_implicit", Content::Binary, &[1, 2]),
    ("hd_overlap", Content::Binary, &[1, 2, 3]),
    ("hd_fractional", Content::Fractional, &[1, 2]),
    ("hd_fractional_rle", Content::Fractional, &[1, 2]),
    ("hd_labels", Content::LabelMap, &[1, 7]),
    ("hd_labels_16", Content::LabelMap, &[1, 300]),
    ("hd_labels_16_rle", Content::LabelMap, &[1, 300]),
];

fn read(name: &str) -> Segmentation {
    seg::read(fixture("dicom_out").join(format!("{name}.dcm"))).unwrap()
}

fn expected(name: &str, check: impl Fn(&[usize], &[u8])) {
    let bytes = std::fs::read(fixture("dicom_out/expected.safetensors")).unwrap();
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    let tensor = tensors.tensor(name).unwrap();
    check(tensor.shape(), tensor.data());
}

#[test]
fn highdicom_masks_are_bit_exact() {
    for (name, content, numbers) in HIGHDICOM {
        let found = read(name);
        assert_eq!(found.content(), content, "{name}");
        assert_eq!(found.segments().iter().map(|s| s.number).collect::<Vec<_>>(), numbers, "{name}");
        for number in numbers {
            expected(&format!("{name}/{number}"), |shape, data| {
                if content == Content::Fractional {
                    let volume = found.fraction(*number).unwrap();
                    assert_eq!(volume.size(), shape, "{name}");
                    let data = data.as_chunks().0.iter().map(|b| f32::from_le_bytes(*b));
                    for (a, b) in volume.as_slice().iter().zip(data) {
                        assert!((a - b).abs() < 1e-6, "{name} {number}: {a} {b}");
                    }
                } else {
                    let volume = found.mask(*number).unwrap();
                    assert_eq!(volume.size(), shape, "{name}");
                    assert_eq!(volume.as_slice(), data, "{name} {number}");
                    let fraction = found.fraction(*number).unwrap();
                    assert_eq!(fraction.cast::<u8>().as_slice(), data, "{name} {number}");
                }
            });
        }
    }
}

#[test]
fn highdicom_grids() {
    for (name, ..) in HIGHDICOM {
        let found = read(name);
        expected(&format!("{name}/affine"), |_, data| {
            let numbers: Vec<f64> = data.as_chunks().0.iter().map(|b| f64::from_le_bytes(*b)).collect();
            let rows = std::array::from_fn(|r| std::array::from_fn(|c| numbers[4 * r + c]));
            let affine = Affine3::<Voxel, Lps>::from_rows(rows);
            let geometry = Geometry::new(found.geometry().size(), affine).unwrap();
            assert!(
                found.geometry().is_close(&geometry, 1e-6),
                "{name}: {:?} {geometry:?}",
                found.geometry()
            );
        });
    }
}

#[test]
fn highdicom_descriptions() {
    let found = read("hd_binary");
    let [first, second] = found.segments() else { panic!("two segments") };
    assert_eq!(first.name, "hd_binary 1");
    assert!(first.property_type.is_same(&Code::sct("10200004", "Liver")), "{first:?}");
    assert!(first.category.is_same(&Code::sct("91772007", "Organ")), "{first:?}");
    assert_eq!(first.algorithm, Algorithm::Automatic("maker".into()));
    assert_eq!(first.tracking.as_ref().unwrap().id, "thing 1");
    // CIELab 54.29, 80.81, 69.89 is pure red.
    let color = first.color.unwrap();
    assert!(color[0] >= 254 && color[1] <= 2 && color[2] <= 2, "{color:?}");
    assert_eq!(second.color, None);
    assert_eq!(found.source_instance_uids().len(), 6);
    assert!(found.source_series_uid().unwrap().starts_with("2.25."));
    assert!(!found.study_uid().is_empty() && !found.frame_of_reference_uid().is_empty());
    let missing = found.mask(9);
    assert!(matches!(missing, Err(Error::Invalid { what: "segment", .. })), "{missing:?}");
}

#[test]
fn overlapping_segments_need_a_policy() {
    let found = read("hd_overlap");
    let error = found.to_label_map().unwrap_err();
    assert!(matches!(error, Error::OverlappingSegments { first: 1, second: 2 | 3, .. }), "{error}");
    let masks: Vec<_> = (1..=3).map(|n| found.mask(n).unwrap()).collect();
    let first = found.to_label_map_with(Overlap::First).unwrap();
    let last = found.to_label_map_with(Overlap::Last).unwrap();
    for at in 0..first.geometry().voxels() {
        let there: Vec<u16> = (1..=3).filter(|n| masks[usize::from(*n) - 1].as_slice()[at] == 1).collect();
        assert_eq!(first.volume().as_slice()[at], there.first().copied().unwrap_or(0));
        assert_eq!(last.volume().as_slice()[at], there.last().copied().unwrap_or(0));
    }
    // Those of others do not overlap.
    let map = read("hd_labels_16").to_label_map().unwrap();
    assert_eq!(map.counts().into_keys().collect::<Vec<_>>(), [0, 1, 300]);
    assert_eq!(map.labels()[&300].name, "hd_labels_16 300");
    let map = read("hd_binary").to_label_map().unwrap();
    assert_eq!(map.counts().into_keys().collect::<Vec<_>>(), [0, 1, 2]);
}

/// A label map on the pixels of the fixture `oblique`, which is empty in its first slice.
fn labels() -> LabelMap {
    let (volume, _) = only("oblique").load().unwrap();
    let slice = volume.size()[1] * volume.size()[2];
    let of = |at: usize| if at < slice { 0 } else { [0, 1, 0, 5, 300][at * 7 % 5] };
    let voxels = (0..volume.as_slice().len()).map(of).collect();
    let volume = Volume::from_vec(voxels, *volume.geometry()).unwrap();
    LabelMap::new(volume).with_labels([(5, Label { name: "left lung".into(), color: [10, 200, 30] })])
}

fn fixed(name: &str) -> NewSeries {
    NewSeries::new(name).uid_seed(name).time(SystemTime::UNIX_EPOCH)
}

/// The same label at each voxel of the smaller grid, and no label outside of it.
fn assert_same_places(found: &LabelMap, written: &LabelMap, renumber: impl Fn(u16) -> u16) {
    for k in 0..written.geometry().size()[0] {
        for j in 0..written.geometry().size()[1] {
            for i in 0..written.geometry().size()[2] {
                let expected = renumber(written.volume().voxels()[[k, j, i]]);
                let place = written.geometry().position([k, j, i]);
                assert_eq!(found.volume().at(place).unwrap_or(0), expected, "{k} {j} {i}");
            }
        }
    }
    let count = |map: &LabelMap| map.volume().as_slice().iter().filter(|l| **l != 0).count();
    assert_eq!(count(found), count(written));
}

#[test]
fn label_maps_there_and_back() {
    let folder = tempfile::tempdir().unwrap();
    let (source, map) = (only("oblique"), labels());
    let path = folder.path().join("map.dcm");
    let options = SegOptions::new().kind(SegKind::LabelMap).series(fixed("map"));
    let written = seg::write(&path, &map, &source, &options).unwrap();
    let found = seg::read(&path).unwrap();
    assert_eq!(found.content(), Content::LabelMap);
    assert_eq!(found.segments().iter().map(|s| s.number).collect::<Vec<_>>(), [1, 5, 300]);
    let without_color = |s: &Segment| Segment { color: None, ..s.clone() };
    assert_eq!(
        found.segments().iter().map(without_color).collect::<Vec<_>>(),
        written.iter().map(without_color).collect::<Vec<_>>()
    );
    let color = found.segments()[1].color.unwrap();
    assert!(color.iter().zip([10, 200, 30]).all(|(a, b)| a.abs_diff(b) <= 1), "{color:?}");
    assert_eq!(found.segments()[1].modifier.as_ref().unwrap().meaning, "Left");
    assert_same_places(&found.to_label_map().unwrap(), &map, |l| l);
    assert_eq!(found.study_uid(), source.study_uid());
    assert_eq!(found.frame_of_reference_uid(), source.frame_of_reference_uid());
    assert_eq!(found.source_series_uid(), Some(source.uid()));
    let images: Vec<_> = source.image_refs().map(|image| image.sop_instance_uid.to_string()).collect();
    assert_eq!(found.source_instance_uids(), images);
    // The empty slice is not stored, unless it is asked for.
    assert_eq!(found.geometry().size()[0], map.geometry().size()[0] - 1);
    seg::write(&path, &map, &source, &options.clone().empty_frames(true)).unwrap();
    let found = seg::read(&path).unwrap();
    assert!(found.geometry().is_close(map.geometry(), 1e-6));
    assert_eq!(found.to_label_map().unwrap().volume().as_slice(), map.volume().as_slice());
    // A seed and a time make the same bytes.
    let bytes = std::fs::read(&path).unwrap();
    seg::write(&path, &map, &source, &options.empty_frames(true)).unwrap();
    assert!(std::fs::read(&path).unwrap() == bytes);
}

#[test]
fn binary_there_and_back() {
    let folder = tempfile::tempdir().unwrap();
    let (source, map) = (only("oblique"), labels());
    let path = folder.path().join("binary.dcm");
    let options = SegOptions::new().segment(Segment::named(9, "liver").tracking("liver 1", "2.25.9"));
    let written = seg::write(&path, &map, &source, &options).unwrap();
    assert_eq!(
        written.iter().map(|s| (s.number, s.name.as_str())).collect::<Vec<_>>(),
        [(1, "Label 1"), (2, "left lung"), (3, "liver"), (4, "Label 300"),]
    );
    let found = seg::read(&path).unwrap();
    assert_eq!(found.content(), Content::Binary);
    assert_same_places(&found.to_label_map().unwrap(), &map, |l| match l {
        5 => 2,
        300 => 4,
        l => l,
    });
    assert_eq!(found.segments()[2].tracking.as_ref().unwrap().uid, "2.25.9");
    // A segment without voxels is there and empty.
    assert!(found.mask(3).unwrap().as_slice().iter().all(|v| *v == 0));
    // Random UIDs: another object each time.
    let first = std::fs::read(&path).unwrap();
    seg::write(&path, &map, &source, &options).unwrap();
    assert!(std::fs::read(&path).unwrap() != first);
}

#[test]
fn masks_and_fractions_there_and_back() {
    let folder = tempfile::tempdir().unwrap();
    let source = only("oblique");
    let (volume, _) = source.load().unwrap();
    let count = volume.as_slice().len();
    let geometry = *volume.geometry();
    let mask = |n: usize| {
        let voxels = (0..count).map(|at| u8::from(at % n == 0) * 7).collect();
        Volume::from_vec(voxels, geometry).unwrap()
    };
    let path = folder.path().join("masks.dcm");
    let masks = [(Segment::named(1, "a"), mask(2)), (Segment::named(1, "b"), mask(3))];
    seg::write_masks(&path, &masks, &source, &SegOptions::new()).unwrap();
    let found = seg::read(&path).unwrap();
    for (number, (_, mask)) in (1..).zip(&masks) {
        assert_eq!(found.mask(number).unwrap().as_slice(), mask.map(|v| u8::from(v != 0)).as_slice());
    }
    assert!(matches!(found.to_label_map(), Err(Error::OverlappingSegments { .. })));

    let values = (0..count).map(|at| at as f32 / (count - 1) as f32).collect();
    let fraction = Volume::from_vec(values, geometry).unwrap();
    seg::write_fractions(&path, &[(Segment::named(1, "a"), fraction.clone())], &source, &SegOptions::new())
        .unwrap();
    let found = seg::read(&path).unwrap();
    let back = found.fraction(1).unwrap();
    for (a, b) in back.as_slice().iter().zip(fraction.as_slice()) {
        assert!((a - b).abs() <= 0.5 / 255.0 + 1e-6, "{a} {b}");
    }
    for (a, b) in found.mask(1).unwrap().as_slice().iter().zip(back.as_slice()) {
        assert_eq!(*a == 1, *b >= 0.5);
    }
}

#[test]
fn a_grid_of_its_own_and_a_tilted_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("own.dcm");
    let source = only("oblique");
    let (volume, _) = source.load().unwrap();
    let center = volume.geometry().center();
    let tilt = Affine3::new([[0.5, 0.0, 0.1], [0.0, 0.5, 0.4], [0.0, 0.0, 1.1]], center.coords());
    let flipped = Affine3::new([[0.5, 0.0, 0.0], [0.0, 0.5, 0.0], [0.0, 0.0, -2.0]], center.coords());
    for (affine, reversed) in [(tilt, false), (flipped, true)] {
        let geometry = Geometry::new([3, 3, 5], affine).unwrap();
        let map = LabelMap::new(Volume::from_vec((0..45).map(|v| v % 4).collect(), geometry).unwrap());
        seg::write(&path, &map, &source, &SegOptions::new()).unwrap();
        let found = seg::read(&path).unwrap();
        assert_same_places(&found.to_label_map().unwrap(), &map, |l| l);
        assert_eq!(found.geometry().is_close(&geometry, 1e-6), !reversed);
    }
}

#[test]
fn what_cannot_be_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("none.dcm");
    let (source, map) = (only("oblique"), labels());
    let write =
        |map: &LabelMap, options: SegOptions| -> Result<_> { seg::write(&path, map, &source, &options) };
    let empty = LabelMap::new(Volume::filled(0, *map.geometry()));
    assert!(matches!(write(&empty, SegOptions::new()), Err(Error::Invalid { what: "label map", .. })));
    for segments in [vec![Segment::named(0, "a")], vec![Segment::named(1, "a"), Segment::named(1, "b")]] {
        let options = segments.into_iter().fold(SegOptions::new(), |o, s| o.segment(s));
        assert!(matches!(write(&map, options), Err(Error::Invalid { .. })));
    }
    let long = SegOptions::new().segment(Segment::named(1, "x".repeat(65)));
    assert!(matches!(write(&map, long), Err(Error::Invalid { what: "SegmentLabel", .. })));
    let label = SegOptions::new().label("lower case");
    assert!(matches!(write(&map, label), Err(Error::Invalid { what: "ContentLabel", .. })));
    let far = Geometry::axial([1, 2, 2], Spacing::isotropic(1.0), Point3::new(5e3, 0.0, 0.0)).unwrap();
    let far = LabelMap::new(Volume::filled(1, far));
    assert!(matches!(write(&far, SegOptions::new()), Err(Error::Invalid { .. })));
    let skew =
        Affine3::new([[1.0, 0.5, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]], map.geometry().origin().coords());
    let skew = LabelMap::new(Volume::filled(1, Geometry::new([2, 5, 5], skew).unwrap()));
    assert!(matches!(write(&skew, SegOptions::new()), Err(Error::Unsupported { .. })));
    let fraction = [(Segment::named(1, "a"), Volume::filled(1.5f32, *map.geometry()))];
    let found = seg::write_fractions(&path, &fraction, &source, &SegOptions::new());
    assert!(matches!(found, Err(Error::Invalid { what: "fraction", .. })));
    assert!(!path.exists());
}

#[test]
fn names_beyond_ascii_are_utf8() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("utf8.dcm");
    let options = SegOptions::new().segment(Segment::named(1, "Länge 肺"));
    seg::write(&path, &labels(), &only("oblique"), &options).unwrap();
    assert_eq!(seg::read(&path).unwrap().segments()[0].name, "Länge 肺");
}

#[test]
fn frames_of_an_enhanced_file_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("frames.dcm");
    let study = dicom::scan(fixture("dicom_frames/enhanced_ct.dcm")).unwrap();
    let (volume, _) = study[0].load().unwrap();
    let map = LabelMap::new(volume.map(|_| 1));
    seg::write(&path, &map, &study[0], &SegOptions::new()).unwrap();
    let found = seg::read(&path).unwrap();
    assert!(found.geometry().is_close(map.geometry(), 1e-6));
    assert_eq!(found.source_instance_uids(), [study[0].image_refs().next().unwrap().sop_instance_uid]);
    // ReferencedFrameNumber (0008,1160) of each frame, in explicit VR.
    let bytes = std::fs::read(&path).unwrap();
    let named: Vec<_> = bytes
        .windows(10)
        .filter(|w| w.starts_with(&[0x08, 0, 0x60, 0x11, b'I', b'S', 2, 0]))
        .map(|w| std::str::from_utf8(&w[8..]).unwrap().trim().parse().ok())
        .collect();
    assert_eq!(named, study[0].image_refs().map(|image| image.frame).collect::<Vec<_>>());
}

fn read_bytes(folder: &Path, bytes: &[u8]) -> Result<Segmentation> {
    let path = folder.join("broken.dcm");
    std::fs::write(&path, bytes).unwrap();
    seg::read(&path)
}

#[test]
fn broken_files_are_errors() {
    let folder = tempfile::tempdir().unwrap();
    for (name, ..) in HIGHDICOM {
        let bytes = std::fs::read(fixture("dicom_out").join(format!("{name}.dcm"))).unwrap();
        for length in (0..bytes.len() - 1).step_by(97) {
            assert!(read_bytes(folder.path(), &bytes[..length]).is_err(), "{name} {length}");
        }
        // Whatever one byte becomes: no panic, and nothing absurd.
        for at in (132..bytes.len()).step_by(53) {
            for value in [0, 0x7F, 0xFF] {
                let mut broken = bytes.clone();
                broken[at] = value;
                if let Ok(found) = read_bytes(folder.path(), &broken) {
                    let number = found.segments()[0].number;
                    assert!(found.geometry().voxels() < 1 << 26, "{name} {at}");
                    let _ = found.mask(number).unwrap();
                }
            }
        }
    }
    let ct = fixture("dicom/explicit_le/0.dcm");
    assert!(matches!(seg::read(ct), Err(Error::Invalid { what: "SOPClassUID", .. })));
    assert!(matches!(
        seg::read(fixture("dicom_out/make.py")),
        Err(Error::Invalid { what: "DICOM file", .. })
    ));
    assert!(matches!(seg::read(folder.path().join("gone")), Err(Error::Io { .. })));
}

#[test]
fn claims_of_size_are_checked_against_the_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = std::fs::read(fixture("dicom_out/hd_binary.dcm")).unwrap();
    // Rows (0028,0010) US.
    let tag = [0x28, 0, 0x10, 0, b'U', b'S', 2, 0];
    let at = bytes.windows(8).position(|w| w == tag).unwrap() + 8;
    let mut broken = bytes.clone();
    broken[at..at + 2].copy_from_slice(&[0xFF, 0xFF]);
    assert!(matches!(read_bytes(folder.path(), &broken), Err(Error::Truncated { .. })));
    let at = bytes.windows(4).rposition(|w| w == [0x20, 0, 0x32, 0]).unwrap() + 8;
    let mut broken = bytes;
    // The last frame is somewhere else.
    broken[at..at + 4].copy_from_slice(b"9e9\\");
    assert!(matches!(
        read_bytes(folder.path(), &broken),
        Err(Error::Invalid { .. } | Error::MissingAttribute { .. })
    ));
}

#[test]
fn a_real_scan() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lungs.dcm");
    let study = dicom::scan(fixture("ct_chest/series")).unwrap();
    let (volume, _) = study[0].load().unwrap();
    let map = LabelMap::new(volume.map(|hu| u16::from(hu < -500.0) + 2 * u16::from(hu > 300.0)));
    for kind in [SegKind::Binary, SegKind::LabelMap] {
        seg::write(&path, &map, &study[0], &SegOptions::new().kind(kind).empty_frames(true)).unwrap();
        let found = seg::read(&path).unwrap();
        assert!(found.geometry().is_close(map.geometry(), 1e-6));
        assert_eq!(found.to_label_map().unwrap().volume().as_slice(), map.volume().as_slice());
    }
}
