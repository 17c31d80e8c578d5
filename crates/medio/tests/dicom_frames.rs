//! Files of several frames, and archives of files, against highdicom and pydicom.

// A helper that fails is a test that fails.
#![allow(clippy::unwrap_used)]

mod dicom_support;

use dicom_support::fixture;
use medcore::{Affine3, Lps, Point3, Volume, Voxel};
use medio::Error;
use medio::dicom::{
    self, Assumption, LoadOptions, Policy, Series, SeriesKind, SkipReason, SpacingPolicy, SplitBy, Study,
};
use safetensors::SafeTensors;

fn scan(file: &str) -> Study {
    dicom::scan(fixture("dicom_frames").join(file)).unwrap()
}

fn only(file: &str) -> Series {
    let study = scan(file);
    assert_eq!(study.len(), 1, "{study:?}");
    study[0].clone()
}

fn expected_values(case: &str) -> (Vec<usize>, Vec<f32>) {
    let bytes = std::fs::read(fixture("dicom_frames/expected.safetensors")).unwrap();
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    let tensor = tensors.tensor(case).unwrap();
    let values = tensor.data().as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect();
    (tensor.shape().to_vec(), values)
}

fn assert_expected(case: &str, volume: &Volume<f32>) {
    let (shape, values) = expected_values(case);
    assert_eq!(volume.size().to_vec(), shape, "{case}");
    assert_eq!(volume.as_slice(), values, "{case}");
    let text = std::fs::read_to_string(fixture("dicom_frames/expected.json")).unwrap();
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    let rows = std::array::from_fn(|r| std::array::from_fn(|c| json[case][r][c].as_f64().unwrap()));
    let affine = Affine3::<Voxel, Lps>::from_rows(rows);
    for corner in 0..8 {
        let index: [usize; 3] =
            std::array::from_fn(|axis| if corner >> axis & 1 == 0 { 0 } else { volume.size()[axis] - 1 });
        let expected = affine.apply(Point3::new(index[2] as f64, index[1] as f64, index[0] as f64));
        let found = volume.geometry().position(index);
        assert!(found.distance(expected) < 1e-4, "{case} {index:?}: expected {expected:?}, found {found:?}");
    }
}

#[test]
fn frames_are_sorted_by_position_and_rescaled_one_by_one() {
    for case in ["enhanced_ct", "enhanced_deflated"] {
        let series = only(&format!("{case}.dcm"));
        assert_eq!((series.kind(), series.frames(), series.files().len()), (SeriesKind::Volume, 5, 1));
        let (volume, report) = series.load().unwrap();
        assert_expected(case, &volume);
        assert!(report.is_clean() && report.varying_rescale, "{report:?}");
        // The order of the file is 3, 0, 4, 1, 2.
        let frames: Vec<_> = series.image_refs().map(|image| image.frame.unwrap()).collect();
        assert_eq!(frames, [2, 4, 5, 1, 3]);
    }
}

#[test]
fn a_converted_series_of_another_writer() {
    let series = only("legacy_ct.dcm");
    let (volume, report) = series.load().unwrap();
    assert_expected("legacy_ct", &volume);
    assert!(report.is_clean(), "{report:?}");
    assert_eq!(series.modality(), "CT");
}

#[test]
fn echoes_of_one_file_are_volumes() {
    let study = scan("enhanced_mr.dcm");
    assert_eq!(study.len(), 2);
    for (series, time) in study.iter().zip(["4.6", "12.5"]) {
        let split: Vec<_> = series.split().iter().map(|s| (s.by, s.value.as_str())).collect();
        assert_eq!(split, [(SplitBy::EchoTime, time)]);
        assert_expected(&format!("enhanced_mr/{time}"), &series.load().unwrap().0);
    }
}

#[test]
fn weights_and_directions_of_diffusion_are_volumes() {
    let study = scan("diffusion.dcm");
    let splits: Vec<Vec<_>> =
        study.iter().map(|s| s.split().iter().map(|s| (s.by, s.value.as_str())).collect()).collect();
    assert_eq!(
        splits,
        [
            vec![(SplitBy::BValue, "0")],
            vec![(SplitBy::BValue, "1000"), (SplitBy::Gradient, "0\\1\\0")],
            vec![(SplitBy::BValue, "1000"), (SplitBy::Gradient, "1\\0\\0")],
        ]
    );
    let frames: Vec<Vec<_>> =
        study.iter().map(|s| s.image_refs().filter_map(|image| image.frame).collect()).collect();
    assert_eq!(frames, [[1, 2], [5, 6], [3, 4]]);
}

#[test]
fn a_frame_without_a_place_shifts_no_other() {
    let error = only("missing_position.dcm").load().unwrap_err();
    assert!(matches!(&error, Error::MissingAttribute { attribute: "ImagePositionPatient", .. }), "{error}");
    assert!(error.path().ends_with("missing_position.dcm/frames/2"), "{error}");
}

#[test]
fn a_frame_without_an_item_leaves_all_in_doubt() {
    let error = only("missing_item.dcm").load().unwrap_err();
    let Error::Invalid { what: "PerFrameFunctionalGroupsSequence", expected, found, .. } = &error else {
        panic!("{error}")
    };
    assert_eq!((expected.as_str(), found.as_str()), ("4 items, one per frame, or more", "3"));
}

#[test]
fn sequences_have_times_and_are_no_volumes() {
    for (file, frames, times) in [
        ("ultrasound.dcm", 3, vec![0.0, 40.0, 80.0]),
        ("ultrasound_colour.dcm", 2, vec![0.0, 40.0]),
        ("angiography.dcm", 4, vec![0.0, 33.5, 99.5, 133.0]),
    ] {
        let series = only(file);
        assert_eq!((series.kind(), series.frames()), (SeriesKind::Sequence, frames), "{file}");
        assert_eq!((series.size(), series.spacing()), ([frames, 6, 8], None), "{file}");
        assert_eq!(series.frame_times(), Some(times), "{file}");
        let error = series.load().unwrap_err();
        assert!(matches!(error, Error::NotAVolume { .. }) && error.to_string().contains("Series::image"));
    }
    assert_eq!(only("enhanced_ct.dcm").frame_times(), None);
}

#[test]
fn doses_are_volumes() {
    for (case, frames) in
        [("dose", [1, 2, 3, 4]), ("dose_descending", [4, 3, 2, 1]), ("dose_z", [1, 2, 3, 4])]
    {
        let series = only(&format!("{case}.dcm"));
        let (volume, report) = series.load().unwrap();
        assert_expected(case, &volume);
        assert!(report.is_clean(), "{case}: {report:?}");
        assert_eq!(series.image_refs().map(|image| image.frame.unwrap()).collect::<Vec<_>>(), frames);
    }
}

/// A file with the first occurrence of some bytes replaced.
fn changed(file: &str, from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut bytes = std::fs::read(fixture("dicom_frames").join(file)).unwrap();
    let at = bytes.windows(from.len()).position(|w| w == from).unwrap();
    bytes[at..at + from.len()].copy_from_slice(to);
    bytes
}

#[test]
fn a_dose_whose_offsets_say_nothing_is_an_error() {
    for (from, to, expected) in [
        ("80.0\\83.0\\86", "40.0\\83.0\\86", "GridFrameOffsetVector"),
        ("80.0\\83.0\\86", "80.0\\83.0 86", "GridFrameOffsetVector"),
        ("2.5e-3", "x.5e-3", "RescaleSlope and RescaleIntercept"),
    ] {
        let bytes = changed("dose_z.dcm", from.as_bytes(), to.as_bytes());
        let study = dicom::scan_bytes([("dose".to_string(), bytes)]).unwrap();
        let error = study[0].load().unwrap_err();
        assert!(matches!(&error, Error::Invalid { what, .. } if *what == expected), "{error}");
    }
}

#[test]
fn frames_that_are_only_claimed_cost_nothing() {
    let claim = |file: &str, frames: &[u8; 2], more: &[u8; 2]| {
        let from = [b"\x28\x00\x08\x00IS\x02\x00".as_slice(), frames].concat();
        let to = [b"\x28\x00\x08\x00IS\x02\x00".as_slice(), more].concat();
        dicom::scan_bytes([("x".to_string(), changed(file, &from, &to))]).unwrap()[0].clone()
    };
    let error = claim("enhanced_ct.dcm", b"5 ", b"99").load().unwrap_err();
    assert!(matches!(&error, Error::Invalid { found, .. } if found == "5"), "{error}");
    // Fewer frames than items: the first items are theirs.
    let options = LoadOptions::new().irregular_spacing(SpacingPolicy::Warn);
    let (volume, report) = claim("enhanced_ct.dcm", b"5 ", b"4 ").load_with(&options).unwrap();
    assert_eq!((volume.size()[0], report.assumed), (4, vec![Assumption::FunctionalGroups]));
    assert_eq!(claim("ultrasound.dcm", b"3 ", b"99").frames(), 99);
    let mut bytes = std::fs::read(fixture("dicom_frames/ultrasound.dcm")).unwrap();
    let at = bytes.windows(8).position(|w| w == b"\x28\x00\x08\x00IS\x02\x00").unwrap();
    bytes.splice(at + 6..at + 10, *b"\x0A\x004000000000");
    let series = dicom::scan_bytes([("x".to_string(), bytes)]).unwrap()[0].clone();
    assert_eq!((series.frames(), series.frame_times()), (4_000_000_000, None));
}

#[test]
fn archives_are_looked_into() {
    let study = scan("archive.zip");
    assert_eq!(study.len(), 2);
    for (series, (case, file)) in study
        .iter()
        .zip([("archive", "archive.zip/study/slice3.dcm"), ("enhanced_ct", "archive.zip/enhanced.dcm")])
    {
        assert_expected(case, &series.load().unwrap().0);
        assert!(series.files().next().unwrap().ends_with(file), "{:?}", series.files().next());
    }
    let mut skipped: Vec<_> = study.skipped().iter().map(|s| (s.path.clone(), s.reason.clone())).collect();
    skipped.sort_by(|a, b| a.0.cmp(&b.0));
    let name = |name: &str| fixture("dicom_frames/archive.zip").join(name);
    assert_eq!(
        skipped,
        [(name("inner.zip"), SkipReason::NotDicom), (name("notes.txt"), SkipReason::NotDicom)]
    );
}

#[test]
fn files_in_memory_are_read_as_those_on_the_disk() {
    let read = |name: &str| (name.to_string(), std::fs::read(fixture("dicom_frames").join(name)).unwrap());
    let study = dicom::scan_bytes([read("archive.zip"), read("enhanced_mr.dcm")]).unwrap();
    assert_eq!(study.len(), 4);
    for series in study.iter().filter(|s| s.modality() == "CT") {
        let case = if series.size()[0] == 5 { "enhanced_ct" } else { "archive" };
        assert_expected(case, &series.load().unwrap().0);
    }
    assert!(matches!(dicom::scan_bytes([]), Err(Error::NoImages { .. })));
}

#[test]
fn a_damaged_archive_is_named() {
    let bytes = std::fs::read(fixture("dicom_frames/archive.zip")).unwrap();
    let end = bytes.len() - 30;
    let found = dicom::scan_bytes([("a.zip".to_string(), bytes[..end].to_vec())]);
    let Err(Error::NoImages { skipped, .. }) = found else { panic!("{found:?}") };
    assert_eq!(skipped[0].reason, SkipReason::BrokenArchive);
}

/// The archive with some bytes replaced, from a place after a name in it.
fn changed_archive(name: &[u8], change: impl Fn(&mut [u8])) -> medio::Result<Study> {
    let mut bytes = std::fs::read(fixture("dicom_frames/archive.zip")).unwrap();
    let at = bytes.windows(name.len()).position(|w| w == name).unwrap();
    change(&mut bytes[at..]);
    dicom::scan_bytes([("a.zip".to_string(), bytes)])
}

#[test]
fn an_entry_that_does_not_match_its_checksum_is_an_error() {
    // The end of a deflated slice: its header is as it was, its pixels are not.
    let study = changed_archive(b"study/slice3.dcm", |entry| {
        let next = entry.windows(4).position(|w| w == b"PK\x03\x04").unwrap();
        entry[next - 20] ^= 0x10;
    });
    let error = study.unwrap()[0].load().unwrap_err();
    assert!(matches!(error, Error::Decode { syntax: "deflate", .. } | Error::Truncated { .. }), "{error}");
    assert!(error.path().ends_with("a.zip/study/slice3.dcm"), "{error}");
}

#[test]
fn an_entry_that_claims_more_than_deflate_can_make_is_skipped() {
    // The size in the directory, whose entries start with PK 1 2, of the first slice.
    let study =
        changed_archive(b"PK\x01\x02", |entry| entry[24..28].copy_from_slice(&[0, 0, 0, 0x70])).unwrap();
    let skipped = study.skipped().iter().find(|s| s.reason == SkipReason::BrokenArchive).unwrap();
    assert!(skipped.path.ends_with("study/slice3.dcm"));
}

#[test]
fn slices_can_be_read_one_by_one() {
    for file in ["enhanced_ct.dcm", "enhanced_deflated.dcm", "legacy_ct.dcm"] {
        let series = only(file);
        let (whole, _) = series.load().unwrap();
        let plane = 48;
        for k in 0..series.size()[0] {
            let slice = series.load_slice(k).unwrap();
            assert_eq!(slice.as_slice(), &whole.as_slice()[k * plane..(k + 1) * plane]);
            assert!(
                slice.geometry().position([0, 5, 7]).distance(whole.geometry().position([k, 5, 7])) < 1e-9
            );
            assert!((slice.spacing().slice - whole.spacing().slice).abs() < 1e-9);
        }
        let (part, _) = series.load_slices(1..4, &LoadOptions::new()).unwrap();
        assert_eq!((part.size(), part.as_slice()), ([3, 6, 8], &whole.as_slice()[plane..4 * plane]));
        for range in [4..9, 2..2, usize::MAX - 1..usize::MAX] {
            let error = series.load_slices(range, &LoadOptions::new()).unwrap_err();
            assert!(matches!(error, Error::Invalid { what: "slices to load", .. }), "{error}");
        }
    }
}

#[test]
fn resampled_slices_can_be_read_one_by_one() {
    let options =
        LoadOptions::new().irregular_spacing(dicom::SpacingPolicy::Resample).duplicates(Policy::Warn);
    let study = dicom::scan(fixture("dicom/missing_slice")).unwrap();
    let (whole, _) = study[0].load_with(&options).unwrap();
    for k in 0..whole.size()[0] {
        let (slice, _) = study[0].load_slices(k..k + 1, &options).unwrap();
        assert_eq!(slice.as_slice(), &whole.as_slice()[k * 48..(k + 1) * 48], "{k}");
        assert!(slice.geometry().origin().distance(whole.geometry().position([k, 0, 0])) < 1e-9);
    }
}

#[test]
fn a_copy_of_a_file_is_left_out_with_a_reason() {
    let slices: Vec<_> =
        (0..4).map(|k| std::fs::read(fixture(&format!("dicom/explicit_le/{k}.dcm"))).unwrap()).collect();
    let named = |name: &str, bytes: &[u8]| (name.to_string(), bytes.to_vec());
    let longer = [slices[2].as_slice(), b"\xFC\xFF\xFC\xFFOB\x00\x00\x02\x00\x00\x00\x00\x00"].concat();
    let mut files: Vec<_> = (0..4).map(|k| named(&format!("{k}.dcm"), &slices[k])).collect();
    files.push(named("copy.dcm", &slices[1]));
    files.push(named("longer.dcm", &longer));
    // The same UID, but another image: both are kept.
    let number = slices[3].windows(8).position(|w| w == b"\x20\x00\x13\x00IS\x02\x00").unwrap() + 8;
    let mut other = slices[3].clone();
    other[number] = b'9';
    files.push(named("other.dcm", &other));
    let study = dicom::scan_bytes(files).unwrap();
    assert_eq!(study[0].files().len(), 5);
    let skipped: Vec<_> = study.skipped().iter().map(|s| (s.path.to_str().unwrap(), &s.reason)).collect();
    let same = |of: &str, same_length| SkipReason::SameInstance { of: of.into(), same_length };
    assert_eq!(skipped, [("copy.dcm", &same("1.dcm", true)), ("longer.dcm", &same("2.dcm", false))]);
    assert!(skipped[1].1.to_string().contains("of another length"));
}

/// Scans and loads all there is; how many volumes.
fn read_all(bytes: Vec<u8>) -> usize {
    let Ok(study) = dicom::scan_bytes([("x".to_string(), bytes)]) else { return 0 };
    for series in study.iter() {
        let _ = (series.frame_times(), series.image_refs().len());
        let _ = series.load_slice(series.size()[0] / 2);
    }
    study.iter().filter(|series| series.load().is_ok()).count()
}

#[test]
fn damaged_files_give_a_result_or_an_error() {
    for file in [
        "enhanced_ct.dcm",
        "enhanced_deflated.dcm",
        "enhanced_mr.dcm",
        "diffusion.dcm",
        "missing_item.dcm",
        "legacy_ct.dcm",
        "dose.dcm",
        "ultrasound.dcm",
        "angiography.dcm",
        "archive.zip",
    ] {
        let bytes = std::fs::read(fixture("dicom_frames").join(file)).unwrap();
        let whole = read_all(bytes.clone());
        let mut fewer = 0;
        for length in (0..bytes.len()).step_by(5) {
            fewer += usize::from(read_all(bytes[..length].to_vec()) < whole);
        }
        assert!(whole == 0 || fewer > bytes.len() / 5 - 50, "{file}: {fewer}");
        for at in (0..bytes.len()).step_by(3) {
            let mut changed = bytes.clone();
            changed[at] ^= [0x01, 0xFF, 0x80, 0x10][at / 3 % 4];
            read_all(changed);
        }
    }
}

#[test]
fn of_a_copy_in_an_archive_the_plain_file_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    // The archive comes first by name, and holds the other file.
    std::fs::copy(fixture("dicom_frames/archive.zip"), folder.path().join("a.zip")).unwrap();
    std::fs::copy(fixture("dicom_frames/enhanced_ct.dcm"), folder.path().join("b.dcm")).unwrap();
    let study = dicom::scan(folder.path()).unwrap();
    let files: Vec<_> = study.iter().flat_map(|series| series.files()).collect();
    assert_eq!(files.iter().filter(|f| f.ends_with("b.dcm")).count(), 1, "{files:?}");
    let copies: Vec<_> = study
        .skipped()
        .iter()
        .filter(|s| matches!(s.reason, SkipReason::SameInstance { .. }))
        .map(|s| s.path.strip_prefix(folder.path()).unwrap().to_path_buf())
        .collect();
    assert_eq!(copies, [std::path::Path::new("a.zip/enhanced.dcm")]);
}
