//! Every file of `fixtures/nrrd` against SimpleITK's affine and values; writing; broken and hostile files.

// Helpers outside of the test functions fail as tests do.
#![allow(clippy::unwrap_used, clippy::panic)]

mod golden;

use std::path::PathBuf;

use golden::{assert_case, cases, folder, random, sample};
use medcore::{Label, LabelMap, Volume};
use medio::nrrd::{
    self, Encoding, Note, ReadOptions, Report, Segment, Segmentation, Space, WriteOptions, from_bytes,
};
use medio::{ByteOrder, Error, NumberType};

fn path(name: &str) -> PathBuf {
    folder("nrrd").join(name)
}

fn bytes(name: &str) -> Vec<u8> {
    std::fs::read(path(name)).unwrap()
}

fn report(name: &str) -> Report {
    nrrd::read_with::<f32>(path(name), &ReadOptions::default()).unwrap().1
}

fn read(bytes: &[u8]) -> Result<Report, Error> {
    from_bytes::<f32>(bytes, &ReadOptions::default()).map(|(_, report)| report)
}

#[test]
fn every_file_reads_as_simpleitk_reads_it() {
    let cases = cases("nrrd");
    assert!(cases.len() > 110, "only {} cases", cases.len());
    for case in &cases {
        let mut options = ReadOptions::default().data_anywhere(case.name == "outside.nhdr");
        if let Some(volume) = case.volume {
            options = options.volume(volume);
        }
        let (volume, report) = nrrd::read_with::<f64>(path(&case.name), &options).unwrap();
        match report.number_type {
            NumberType::F32 | NumberType::F64 => assert_case(&volume, case),
            NumberType::U64 => {
                assert_case(&nrrd::read_with::<u64>(path(&case.name), &options).unwrap().0, case);
            }
            _ => assert_case(&nrrd::read_with::<i64>(path(&case.name), &options).unwrap().0, case),
        }
        if !case.name.ends_with(".nhdr") {
            let (in_memory, _) = from_bytes::<f64>(&bytes(&case.name), &options).unwrap();
            assert_eq!(in_memory, volume, "{}", case.name);
        }
    }
}

#[test]
fn the_report_keeps_what_the_header_says() {
    let found = report("texts.nrrd");
    assert_eq!(found.version, 4);
    assert_eq!((found.number_type, found.byte_order), (NumberType::I16, Some(ByteOrder::Little)));
    assert_eq!((found.encoding, found.volumes, found.sizes), (Encoding::Raw, 1, vec![4, 3, 2]));
    assert_eq!(found.kinds, ["domain"; 3]);
    assert_eq!(found.centerings, ["cell"; 3]);
    assert_eq!(found.space, Some(Space::Lps));
    assert_eq!(found.content.as_deref(), Some("a ramp"));
    assert_eq!(found.measurement_frame, Some([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, -1.0]]));
    let pairs: Vec<_> = found.key_values.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    let expected =
        [("key one", "value: with = and := in it"), ("path", "C:\\data\nsecond line"), ("empty", "")];
    assert_eq!(pairs, expected);
    assert_eq!(found.comments, ["a comment", "another"]);
    assert_eq!(found.notes, []);
    let notes = |name| report(name).notes;
    assert_eq!(notes("units_cm.nrrd"), [Note::UnitsConverted { factor: 10.0 }]);
    assert_eq!(notes("space_scanner.nrrd"), [Note::LpsAssumed]);
    assert_eq!(notes("no_origin.nrrd"), [Note::OriginAssumed]);
    assert_eq!(notes("spacings.nrrd"), [Note::OriginAssumed, Note::LpsAssumed]);
    let files = report("pattern.nhdr").data_files;
    assert_eq!(files, [path("parts/slice_007.raw"), path("parts/slice_010.raw")]);
    let mut longer = bytes("gzip_be.nrrd");
    longer.extend(b"more");
    assert_eq!(read(&longer).unwrap().notes, []);
    let mut longer = bytes("type_f4_be.nrrd");
    longer.extend(b"more");
    assert_eq!(read(&longer).unwrap().notes, [Note::TrailingBytes { bytes: 4 }]);
    let unknown = patched("texts.nrrd", "content:", "colour:");
    assert_eq!(read(&unknown).unwrap().notes, [Note::UnknownField { name: "colour".into() }]);
}

#[test]
fn written_files_read_back_the_same() {
    let frame = [[0.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, -1.0]];
    let folder = tempfile::tempdir().unwrap();
    for encoding in [Encoding::Raw, Encoding::Gzip, Encoding::Text, Encoding::Hex] {
        for order in [ByteOrder::Little, ByteOrder::Big] {
            for name in ["a.nrrd", "b.nhdr"] {
                let path = folder.path().join(name);
                let options = WriteOptions::default()
                    .encoding(encoding)
                    .byte_order(order)
                    .key_value("note", "a\\b\nc: d:=e")
                    .comment("made by a test")
                    .content("a ramp")
                    .measurement_frame(frame);
                nrrd::write_with(&path, &sample(), &options).unwrap();
                let (back, report) = nrrd::read_with::<i16>(&path, &ReadOptions::default()).unwrap();
                assert_eq!(back, sample());
                assert_eq!(report.encoding, encoding);
                assert!(report.is_clean());
                assert_eq!(report.key_values, [("note".to_string(), "a\\b\nc: d:=e".to_string())]);
                assert_eq!(report.comments, ["made by a test"]);
                assert_eq!(report.content.as_deref(), Some("a ramp"));
                assert_eq!(report.measurement_frame, Some(frame));
                assert_eq!((report.notes, report.data_files.len()), (vec![], usize::from(name == "b.nhdr")));
            }
        }
    }
    let files = std::fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(files, 6, "a.nrrd, b.nhdr and one data file for each encoding");
    macro_rules! back {
        ($($t:ty: $values:expr),*) => {$({
            let g = medcore::Geometry::new([1, 1, 4], *sample().geometry().voxel_to_lps()).unwrap();
            let volume = Volume::<$t>::from_vec($values.to_vec(), g).unwrap();
            for encoding in [Encoding::Gzip, Encoding::Text] {
                let path = folder.path().join("typed.nrrd");
                nrrd::write_with(&path, &volume, &WriteOptions::default().encoding(encoding)).unwrap();
                let (back, report) = nrrd::read_with::<$t>(&path, &ReadOptions::default()).unwrap();
                assert_eq!((back, report.number_type), (volume.clone(), NumberType::of::<$t>()));
            }
        })*};
    }
    back!(u8: [0, 1, 254, 255], i8: [-128, 0, 1, 127], u16: [0, 1, 2, u16::MAX], u32: [0, 1, 2, u32::MAX],
        i32: [i32::MIN, 0, 1, i32::MAX], u64: [0, 1, (1 << 60) + 1, u64::MAX], i64: [i64::MIN, 0, 1, i64::MAX],
        f32: [f32::MIN_POSITIVE, -1.0 / 3.0, f32::MAX, f32::INFINITY], f64: [1e-300, 0.1, f64::MAX, 1.0]);
}

#[test]
fn what_cannot_be_written() {
    let folder = tempfile::tempdir().unwrap();
    let invalid = |name: &str, options: WriteOptions| {
        let found = nrrd::write_with(folder.path().join(name), &sample(), &options);
        assert!(matches!(found, Err(Error::Invalid { .. })), "{found:?}");
    };
    invalid("a.nii", WriteOptions::default());
    for key in ["", "a:=b", "#a", "type: short"] {
        invalid("a.nrrd", WriteOptions::default().key_value(key, "1"));
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn slicer_segmentations() {
    let map = nrrd::read_labels(path("one_layer.seg.nrrd")).unwrap();
    let label = |name: &str, color| Label { name: name.into(), color };
    assert_eq!(map.labels()[&1], label("liver", [221, 130, 101]));
    assert_eq!(map.labels()[&5], label("left kidney", [0, 255, 64]));
    assert_eq!((map.count(1), map.count(5)), (4, 2));
    assert!(matches!(nrrd::read_labels(path("two_layers.seg.nrrd")), Err(Error::Unsupported { .. })));
    let found = nrrd::read_segmentation(path("two_layers.seg.nrrd")).unwrap();
    assert_eq!((found.layers.len(), found.segments.len()), (2, 3));
    assert_eq!(found.layers[0], map);
    assert_eq!(found.layers[1].labels()[&1], label("lesion", [255, 0, 0]));
    let lesion = &found.segments[2];
    assert_eq!((lesion.id.as_str(), lesion.label, lesion.layer), ("Segment_3", 1, 1));
    assert!(lesion.terminology().unwrap().contains("SCT^10200004^Liver"));
    assert_eq!(found.key_values.len(), 3);

    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("copy.seg.nrrd");
    nrrd::write_segmentation(&copy, &found).unwrap();
    assert_eq!(nrrd::read_segmentation(&copy).unwrap(), found);
    let pairs = nrrd::read_with::<u8>(&copy, &ReadOptions::default().volume(0)).unwrap().1.key_values;
    assert!(pairs.contains(&("Segment2_Extent".into(), "2 3 1 1 0 0".into())), "{pairs:?}");
    nrrd::write_labels(&copy, &map).unwrap();
    assert_eq!(nrrd::read_labels(&copy).unwrap(), map);
    let wide = LabelMap::new(map.volume().map(|l| l * 1000));
    nrrd::write_labels(&copy, &wide).unwrap();
    assert_eq!(nrrd::read_labels(&copy).unwrap(), wide);
    let nowhere = Segment { layer: 1, ..Segment::default() };
    let bad = Segmentation { layers: vec![map], segments: vec![nowhere], key_values: vec![] };
    assert!(matches!(nrrd::write_segmentation(&copy, &bad), Err(Error::Invalid { .. })));
    assert!(nrrd::read_labels(path("space_ras.nrrd")).is_err(), "negative values are no labels");
}

/// A sound file with a part of its header replaced.
fn patched(name: &str, from: &str, to: &str) -> Vec<u8> {
    let file = bytes(name);
    let at = file.windows(from.len()).position(|w| w == from.as_bytes()).unwrap();
    [&file[..at], to.as_bytes(), &file[at + from.len()..]].concat()
}

const SOUND: &str = "type_i2_le.nrrd";

#[test]
fn what_is_not_read_is_named() {
    for (name, what) in [("bzip2.nrrd", "bzip2"), ("block.nrrd", "block"), ("middle.nrrd", "between")] {
        let Err(Error::Unsupported { found, .. }) = read(&bytes(name)) else { panic!("{name}") };
        assert!(found.contains(what), "{found}");
    }
    assert!(matches!(read(&patched(SOUND, "NRRD0004", "NRRD0006")), Err(Error::Unsupported { .. })));
    assert!(matches!(read(&bytes("detached.nhdr")), Err(Error::Unsupported { .. })));
    assert!(matches!(read(&bytes("first_list.nrrd")), Err(Error::Unsupported { .. })));
    let beyond = from_bytes::<f32>(&bytes("first_list.nrrd"), &ReadOptions::default().volume(3));
    assert!(matches!(beyond, Err(Error::Invalid { .. })));
}

#[test]
fn headers_that_break_a_rule() {
    for (from, to) in [
        ("NRRD0004", "NRRX0004"),
        ("type: signed char", "type: char"),
        ("type: signed char", "kind: signed char"),
        ("sizes: 4 3 2", "sizes: 4 3"),
        ("sizes: 4 3 2", "sizes: 4 3 0"),
        ("sizes: 4 3 2", "sizes: 4 3 -2"),
        ("sizes: 4 3 2", "sizes: 4 3 2 1"),
        ("sizes: 4 3 2", "sizes: 4294967296 4294967296 4294967296"),
        ("sizes: 4 3 2", "sizes: 4 3 2\nsizes: 4 3 2"),
        ("dimension: 3", "dimension: 17"),
        ("dimension: 3", "dimension: 0"),
        ("encoding: raw", "encoding: zip"),
        ("encoding: raw", "encoding: gzip\nbyte skip: -1"),
        ("encoding: raw", "encoding: raw\nbyte skip: -2"),
        ("encoding: raw", "encoding: raw\nline skip: -1"),
        ("encoding: raw", "encoding: raw\nspacings: 1 2"),
        ("encoding: raw", "encoding: raw\njust words"),
        ("space directions: (", "space directions: none ("),
        ("space directions: (", "space directions: "),
        ("space origin: (", "space origin: (1,2,3) ("),
        ("space origin: (", "space origin: (x,"),
    ] {
        let found = read(&patched("type_i1_le.nrrd", from, to));
        assert!(matches!(found, Err(Error::Invalid { .. })), "{to}: {found:?}");
    }
    let found = read(&patched(SOUND, "endian: little\n", ""));
    assert!(matches!(found, Err(Error::Invalid { what: "NRRD endian", .. })), "{found:?}");
    let flat = patched("spacings.nrrd", "spacings: 0.75", "spacings: 0");
    assert!(matches!(read(&flat), Err(Error::Geometry { .. })));
    let text = patched("text.nrrd", "-50", "x50");
    assert!(matches!(read(&text), Err(Error::Invalid { .. })));
    let hex = patched("hex.nrrd", "\n\n", "\n\nzz");
    assert!(matches!(read(&hex), Err(Error::Invalid { .. })));
    let mut checksum = bytes("gzip.nrrd");
    let at = checksum.len() - 6;
    checksum[at] ^= 1;
    assert!(matches!(read(&checksum), Err(Error::Invalid { .. })));
}

#[test]
fn claims_beyond_the_file_allocate_nothing() {
    for name in [SOUND, "gzip.nrrd", "text.nrrd", "hex.nrrd", "byte_skip.nrrd", "byte_skip_end.nrrd"] {
        let found = read(&patched(name, "sizes: 4 3 2", "sizes: 8192 8192 8192"));
        assert!(matches!(found, Err(Error::Truncated { .. })), "{name}: {found:?}");
    }
    let skip = patched("byte_skip.nrrd", "byte skip: 5", "byte skip: 18446744073709551615");
    assert!(matches!(read(&skip), Err(Error::Truncated { .. })));
    let skip = patched("line_skip.nrrd", "line skip: 2", "line skip: 18446744073709551615");
    assert!(matches!(read(&skip), Err(Error::Truncated { .. })));
    let skip = patched("gzip_skips.nrrd", "byte skip: 3", "byte skip: 20000");
    assert!(matches!(read(&skip), Err(Error::Truncated { .. })));
    // One number of very many is no volume.
    let components = patched("first_list.nrrd", "sizes: 3 4 3 2", "sizes: 99999999 4 3 2");
    assert!(matches!(read(&components), Err(Error::Unsupported { .. })));
}

#[test]
fn headers_without_end() {
    let long_line = [b"NRRD0004\ncontent: ".as_slice(), &vec![b'x'; 100 << 20]].concat();
    assert!(matches!(read(&long_line), Err(Error::Invalid { what: "header", .. })));
    let lines = b"key:=value\n".repeat(2 << 20);
    let many_lines = [b"NRRD0004\n".as_slice(), &lines].concat();
    assert!(matches!(read(&many_lines), Err(Error::Invalid { what: "header", .. })));
    let fields: String = (0..1 << 20).map(|i| format!("field{i}: 1\n")).collect();
    let fields = format!("NRRD0004\n{fields}");
    assert!(matches!(read(fields.as_bytes()), Err(Error::Invalid { what: "NRRD header", .. })));
    assert!(matches!(read(&vec![b'x'; 100 << 20]), Err(Error::Invalid { .. })));
    assert!(matches!(read(b""), Err(Error::Invalid { .. })));
    assert!(matches!(read(b"NRRD0004\n"), Err(Error::Invalid { .. })));
}

#[test]
fn data_files_stay_in_the_folder() {
    let read = |path: PathBuf| nrrd::read(path);
    let Err(Error::Invalid { what, .. }) = read(path("outside.nhdr")) else { panic!("read") };
    assert_eq!(what, "name of a data file");
    let folder = tempfile::tempdir().unwrap();
    let header = String::from_utf8(bytes("list.nhdr")).unwrap();
    let file = |from: &str, to: &str| {
        let path = folder.path().join("a.nhdr");
        std::fs::write(&path, header.replace(from, to)).unwrap();
        path
    };
    assert!(matches!(read(file("x", "x")), Err(Error::Io { .. })), "the parts are not there");
    assert!(matches!(read(file("parts/slice_010.raw", "/etc/hostname")), Err(Error::Invalid { .. })));
    assert!(matches!(read(file("\nparts/slice_010.raw", "")), Err(Error::Invalid { .. })));
    assert!(matches!(read(file("LIST", "LIST 4")), Err(Error::Invalid { .. })));
    assert!(matches!(read(file("LIST", "SKIPLIST")), Err(Error::Unsupported { .. })));
    assert!(matches!(read(file("LIST", "%d 1 2 0")), Err(Error::Invalid { .. })));
    assert!(matches!(read(file("LIST", "%s 1 2 1")), Err(Error::Invalid { .. })));
    assert!(matches!(read(file("LIST", "")), Err(Error::Invalid { .. })));
    std::fs::create_dir(folder.path().join("parts")).unwrap();
    let slice = bytes("parts/slice_007.raw");
    std::fs::write(folder.path().join("parts/slice_007.raw"), &slice).unwrap();
    std::fs::write(folder.path().join("parts/slice_010.raw"), &slice[1..]).unwrap();
    let Err(Error::Truncated { path, .. }) = read(file("x", "x")) else { panic!("read") };
    assert!(path.ends_with("slice_010.raw"));
    std::fs::remove_file(folder.path().join("parts/slice_010.raw")).unwrap();
    std::fs::create_dir(folder.path().join("parts/slice_010.raw")).unwrap();
    assert!(matches!(read(file("x", "x")), Err(Error::Io { .. })), "a folder is no data file");
}

const FILES: [&str; 8] = [
    "texts.nrrd",
    "gzip_be.nrrd",
    "text_f8.nrrd",
    "hex_be.nrrd",
    "gzip_skips.nrrd",
    "both_sides.nrrd",
    "spacings_node.nrrd",
    "two_layers.seg.nrrd",
];

fn any_volume(name: &str) -> ReadOptions {
    let several = name == "both_sides.nrrd" || name.starts_with("two_layers");
    if several { ReadOptions::default().volume(1) } else { ReadOptions::default() }
}

#[test]
fn every_truncation_is_an_error() {
    for name in FILES {
        let whole = bytes(name);
        // The last volume, so that all bytes count.
        let last =
            if name == "both_sides.nrrd" { ReadOptions::default().volume(5) } else { any_volume(name) };
        assert!(from_bytes::<i16>(&whole, &last).is_ok());
        // Text may lose digits of its last number and still be text.
        let end = if name.starts_with("text_") { whole.len() - 20 } else { whole.len() };
        for end in 0..end {
            assert!(from_bytes::<i16>(&whole[..end], &last).is_err(), "{name} cut at {end}");
        }
    }
}

#[test]
fn flipped_bytes_never_panic() {
    let mut state = 0x9e37_79b9_7f4a_7c15;
    let (mut fine, mut refused) = (0, 0);
    for name in FILES {
        let whole = bytes(name);
        for _ in 0..3000 {
            let mut file = whole.clone();
            for _ in 0..=random(&mut state) % 3 {
                let at = random(&mut state) as usize % file.len();
                file[at] ^= (random(&mut state) % 255 + 1) as u8;
            }
            match from_bytes::<i16>(&file, &any_volume(name)) {
                Ok((volume, _)) => {
                    assert_eq!(volume.as_slice().len(), volume.geometry().voxels());
                    fine += 1;
                }
                Err(_) => refused += 1,
            }
        }
    }
    assert!(fine > 1000 && refused > 1000, "{fine} fine, {refused} refused");
}
