//! Every file of `fixtures/metaimage` against SimpleITK's affine and values; writing; broken and hostile files.

// Helpers outside of the test functions fail as tests do.
#![allow(clippy::unwrap_used, clippy::panic)]

mod golden;

use std::path::PathBuf;

use golden::{assert_case, cases, folder, random, sample};
use medcore::{LabelMap, Volume};
use medio::metaimage::{self, Note, ReadOptions, Report, WriteOptions, from_bytes};
use medio::{ByteOrder, Error, NumberType, Scaling};

fn path(name: &str) -> PathBuf {
    folder("metaimage").join(name)
}

fn bytes(name: &str) -> Vec<u8> {
    std::fs::read(path(name)).unwrap()
}

fn report(name: &str) -> Report {
    metaimage::read_with::<f32>(path(name), &ReadOptions::default()).unwrap().1
}

fn read(bytes: &[u8]) -> Result<Report, Error> {
    from_bytes::<f32>(bytes, &ReadOptions::default()).map(|(_, report)| report)
}

/// A sound file with a part of its header replaced.
fn patched(name: &str, from: &str, to: &str) -> Vec<u8> {
    let file = bytes(name);
    let at = file.windows(from.len()).position(|w| w == from.as_bytes()).unwrap();
    [&file[..at], to.as_bytes(), &file[at + from.len()..]].concat()
}

const SOUND: &str = "type_i2_le.mha";

#[test]
fn every_file_reads_as_simpleitk_reads_it() {
    let cases = cases("metaimage");
    assert!(cases.len() > 55, "only {} cases", cases.len());
    for case in &cases {
        let outside = case.name == "outside.mhd";
        let mut options = ReadOptions::default().stored_values(true).data_anywhere(outside);
        if let Some(volume) = case.volume {
            options = options.volume(volume);
        }
        let (volume, report) = metaimage::read_with::<f64>(path(&case.name), &options).unwrap();
        match report.number_type {
            NumberType::F32 | NumberType::F64 => assert_case(&volume, case),
            NumberType::U64 => {
                assert_case(&metaimage::read_with::<u64>(path(&case.name), &options).unwrap().0, case);
            }
            _ => assert_case(&metaimage::read_with::<i64>(path(&case.name), &options).unwrap().0, case),
        }
        if case.name.ends_with(".mha") {
            let (in_memory, _) = from_bytes::<f64>(&bytes(&case.name), &options).unwrap();
            assert_eq!(in_memory, volume, "{}", case.name);
        }
    }
    let by_slice = metaimage::read_as::<i16>(path("times_list.mhd")).unwrap();
    assert_eq!(by_slice.as_slice(), metaimage::read_as::<i16>(path("list.mhd")).unwrap().as_slice());
}

#[test]
fn slope_and_offset_are_applied() {
    let stored = metaimage::read_as::<i16>(path(SOUND)).unwrap();
    let (scaled, report) = metaimage::read_with::<f64>(path("scaling.mha"), &ReadOptions::default()).unwrap();
    assert_eq!(report.scaling, Some(Scaling { slope: 0.5, inter: -10.0 }));
    assert_eq!(report.notes, [Note::ScalingApplied]);
    let expected: Vec<f64> = stored.as_slice().iter().map(|&v| f64::from(v) * 0.5 - 10.0).collect();
    assert_eq!(scaled.as_slice(), expected);
    assert_eq!(report_notes("scaling_zero.mha"), [Note::ScalingIgnored]);
}

fn report_notes(name: &str) -> Vec<Note> {
    report(name).notes
}

#[test]
fn the_report_keeps_what_the_header_says() {
    let found = report("center.mha");
    for (name, value) in
        [("CenterOfRotation", "1 2 3"), ("AnatomicalOrientation", "LPS"), ("Comment", "of a ramp")]
    {
        assert!(found.fields.contains(&(name.into(), value.into())), "{name}");
    }
    assert_eq!(found.notes, []);
    assert_eq!(report_notes("nothing.mha"), [Note::SpacingAssumed, Note::OffsetAssumed]);
    assert_eq!(report_notes("element_size.mha"), [Note::SpacingFromElementSize, Note::OffsetAssumed]);
    assert_eq!(report_notes("order_none.mha"), [Note::LittleEndianAssumed]);
    let big = report("zlib_be.mha");
    assert_eq!((big.byte_order, big.compressed, big.text), (ByteOrder::Big, true, false));
    assert_eq!(report("list.mhd").data_files.len(), 2);
    let mut longer = bytes(SOUND);
    longer.extend(b"more");
    assert_eq!(read(&longer).unwrap().notes, [Note::TrailingBytes { bytes: 4 }]);
}

#[test]
fn written_files_read_back_the_same() {
    let folder = tempfile::tempdir().unwrap();
    for compressed in [false, true] {
        for order in [ByteOrder::Little, ByteOrder::Big] {
            for name in ["a.mha", "b.mhd"] {
                let path = folder.path().join(name);
                let options = WriteOptions::default()
                    .compressed(compressed)
                    .byte_order(order)
                    .field("Comment", "a ramp");
                metaimage::write_with(&path, &sample(), &options).unwrap();
                let (back, report) = metaimage::read_with::<i16>(&path, &ReadOptions::default()).unwrap();
                assert_eq!(back.as_slice(), sample().as_slice());
                assert!(report.is_clean());
                assert!(back.geometry().is_close(sample().geometry(), 1e-9));
                assert_eq!((report.compressed, report.byte_order, report.notes), (compressed, order, vec![]));
                assert!(report.fields.contains(&("Comment".into(), "a ramp".into())));
            }
        }
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 4, "a.mha, b.mhd, b.raw, b.zraw");
    macro_rules! back {
        ($($t:ty: $values:expr),*) => {$({
            let g = medcore::Geometry::new([1, 1, 4], *sample().geometry().voxel_to_lps()).unwrap();
            let volume = Volume::<$t>::from_vec($values.to_vec(), g).unwrap();
            let path = folder.path().join("typed.mha");
            metaimage::write(&path, &volume).unwrap();
            let (back, report) = metaimage::read_with::<$t>(&path, &ReadOptions::default()).unwrap();
            assert_eq!((back.as_slice(), report.number_type), (volume.as_slice(), NumberType::of::<$t>()));
        })*};
    }
    back!(u8: [0, 1, 254, 255], i8: [-128, 0, 1, 127], u16: [0, 1, 2, u16::MAX], u32: [0, 1, 2, u32::MAX],
        i32: [i32::MIN, 0, 1, i32::MAX], u64: [0, 1, (1 << 60) + 1, u64::MAX], i64: [i64::MIN, 0, 1, i64::MAX],
        f32: [f32::MIN_POSITIVE, -1.0 / 3.0, f32::MAX, f32::INFINITY], f64: [1e-300, 0.1, f64::MAX, 1.0]);
}

#[test]
fn labels() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("labels.mha");
    let map = LabelMap::new(sample().map(|v| (v % 3).unsigned_abs()));
    for factor in [1, 1000] {
        let map = LabelMap::new(map.volume().map(|l| l * factor));
        metaimage::write_labels(&path, &map).unwrap();
        assert_eq!(metaimage::read_labels(&path).unwrap().volume().as_slice(), map.volume().as_slice());
        let report = metaimage::read_with::<u16>(&path, &ReadOptions::default()).unwrap().1;
        assert_eq!(report.number_type == NumberType::U8, factor == 1);
    }
    assert!(metaimage::read_labels(self::path(SOUND)).is_err(), "negative values are no labels");
}

#[test]
fn what_cannot_be_written() {
    let folder = tempfile::tempdir().unwrap();
    let invalid = |name: &str, options: WriteOptions| {
        let found = metaimage::write_with(folder.path().join(name), &sample(), &options);
        assert!(matches!(found, Err(Error::Invalid { .. })), "{found:?}");
    };
    invalid("a.nii", WriteOptions::default());
    for (name, value) in
        [("", "1"), ("a=b", "1"), ("a", "1\nDimSize = 1 1 1"), ("NDims", "4"), ("DimSize", "1")]
    {
        invalid("a.mha", WriteOptions::default().field(name, value));
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn headers_that_break_a_rule() {
    for (from, to) in [
        ("ObjectType", "\u{1}bjectType"),
        ("NDims = 3\n", ""),
        ("NDims = 3", "NDims = x"),
        ("NDims = 3", "NDims = 3\nNDims = 3"),
        ("DimSize = 4 3 2", "DimSize = 4 3"),
        ("DimSize = 4 3 2", "DimSize = 4 3 0"),
        ("DimSize = 4 3 2", "DimSize = 4 3 -2"),
        ("DimSize = 4 3 2", "DimSize = 4 3 2 1 1"),
        ("DimSize = 4 3 2", "DimSize = 4294967296 4294967296 4294967296"),
        ("DimSize = 4 3 2", "ElementNumberOfChannels = 0\nDimSize = 4 3 2"),
        ("MET_SHORT", "short"),
        ("ElementDataFile", "ElementDatafile"),
        ("BinaryData = True", "BinaryData = maybe"),
        ("ElementSpacing = 0.75", "ElementSpacing = 0.75 1"),
        ("ElementSpacing = 0.75", "ElementSpacing = wide"),
        ("TransformMatrix = ", "TransformMatrix = 1 "),
        ("NDims = 3", "NDims = 3\nHeaderSize = -2"),
    ] {
        let found = read(&patched(SOUND, from, to));
        assert!(matches!(found, Err(Error::Invalid { .. })), "{to}: {found:?}");
    }
    for (from, to) in [
        ("ObjectType = Image", "ObjectType = Tube"),
        ("NDims = 3", "NDims = 5"),
        ("NDims = 3", "NDims = 1"),
        ("MET_SHORT", "MET_STRING"),
        ("LOCAL", "other.raw"),
        ("DimSize = 4 3 2", "ElementNumberOfChannels = 2\nDimSize = 2 3 2"),
        ("DimSize = 4 3 2", "ElementNumberOfChannels = 99999999\nDimSize = 2 3 2"),
    ] {
        let found = read(&patched(SOUND, from, to));
        assert!(matches!(found, Err(Error::Unsupported { .. })), "{to}: {found:?}");
    }
    let flat = patched(SOUND, "ElementSpacing = 0.75", "ElementSpacing = 0");
    assert!(matches!(read(&flat), Err(Error::Geometry { .. })));
    let nan = patched(SOUND, "Offset = -101.5", "Offset = nan");
    assert!(matches!(read(&nan), Err(Error::Geometry { .. })));
    assert!(matches!(read(&patched("text.mha", "-50", "x50")), Err(Error::Invalid { .. })));
    let mut checksum = bytes("zlib.mha");
    *checksum.last_mut().unwrap() ^= 1;
    assert!(matches!(read(&checksum), Err(Error::Invalid { .. })));
    let beyond = from_bytes::<f32>(&bytes("channels.mha"), &ReadOptions::default().volume(3));
    assert!(matches!(beyond, Err(Error::Invalid { .. })));
}

#[test]
fn claims_beyond_the_file_allocate_nothing() {
    for name in [SOUND, "zlib.mha", "gzip.mha", "text.mha", "header_end.mha"] {
        let found = read(&patched(name, "DimSize = 4 3 2", "DimSize = 8192 8192 8192"));
        assert!(matches!(found, Err(Error::Truncated { .. })), "{name}: {found:?}");
    }
    let sized = patched("zlib.mha", "CompressedDataSize = ", "CompressedDataSize = 9");
    assert!(matches!(read(&sized), Err(Error::Truncated { .. })));
    let skip = patched("header_end.mha", "HeaderSize = -1", "HeaderSize = 18446744073709551615");
    assert!(matches!(read(&skip), Err(Error::Truncated { .. })));
}

#[test]
fn headers_without_end() {
    let long_line = [b"Comment = ".as_slice(), &vec![b'x'; 100 << 20]].concat();
    assert!(matches!(read(&long_line), Err(Error::Invalid { what: "header", .. })));
    let lines: Vec<u8> = (0..2 << 20).flat_map(|_| *b"\n       \n").collect();
    assert!(matches!(read(&lines), Err(Error::Invalid { what: "header", .. })));
    let many: String = (0..1 << 20).map(|i| format!("Field{i} = 1\n")).collect();
    assert!(matches!(read(many.as_bytes()), Err(Error::Invalid { .. })));
    assert!(matches!(read(&vec![0; 100 << 20]), Err(Error::Invalid { .. })));
    assert!(matches!(read(b""), Err(Error::Invalid { .. })));
}

#[test]
fn data_files_stay_in_the_folder() {
    let read = |path: PathBuf| metaimage::read(path);
    let Err(Error::Invalid { what, .. }) = read(path("outside.mhd")) else { panic!("read") };
    assert_eq!(what, "name of a data file");
    let folder = tempfile::tempdir().unwrap();
    let header = String::from_utf8(bytes("list.mhd")).unwrap();
    let file = |from: &str, to: &str| {
        let path = folder.path().join("a.mhd");
        std::fs::write(&path, header.replace(from, to)).unwrap();
        path
    };
    assert!(matches!(read(file("x", "x")), Err(Error::Io { .. })), "the parts are not there");
    assert!(matches!(read(file("parts/slice_002.raw", "/etc/hostname")), Err(Error::Invalid { .. })));
    assert!(matches!(read(file("\nparts/slice_002.raw", "")), Err(Error::Invalid { .. })));
    assert!(matches!(read(file("LIST", "LIST 3")), Err(Error::Invalid { .. })));
    assert!(matches!(read(file("LIST", "%d 1 3")), Err(Error::Invalid { .. })));
    assert!(matches!(read(file("LIST", "%s")), Err(Error::Invalid { .. })));
    assert!(matches!(read(file("LIST", "")), Err(Error::Invalid { .. })));
}

const FILES: [&str; 6] =
    [SOUND, "type_f8_be.mha", "zlib.mha", "channels_zlib.mha", "text_f4.mha", "times.mha"];

fn last_volume(name: &str) -> ReadOptions {
    match name {
        "channels_zlib.mha" | "times.mha" => ReadOptions::default().volume(2),
        _ => ReadOptions::default(),
    }
}

#[test]
fn every_truncation_is_an_error() {
    for name in FILES {
        let whole = bytes(name);
        assert!(from_bytes::<i16>(&whole, &last_volume(name)).is_ok());
        // Text may lose digits of its last number and still be text.
        let end = if name.starts_with("text_") { whole.len() - 20 } else { whole.len() };
        for end in 0..end {
            assert!(from_bytes::<i16>(&whole[..end], &last_volume(name)).is_err(), "{name} cut at {end}");
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
            match from_bytes::<i16>(&file, &last_volume(name)) {
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
