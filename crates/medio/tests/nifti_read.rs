//! Every file of `fixtures/nifti` against nibabel's affine and values, and the reports on the odd ones.

// Helpers outside of the test functions fail as tests do.
#![allow(clippy::unwrap_used, clippy::panic)]

mod nifti_common;

use medcore::{Scalar, Volume};
use medio::Error;
use medio::nifti::{self, DataType, Note, ReadOptions, Report, Transform, TransformPrecedence, Version};
use medio::{ByteOrder, Scaling};
use nifti_common::{bytes, cases, path};

fn load<T: Scalar>(name: &str) -> (Volume<T>, Report) {
    nifti::read_with(path(name), &ReadOptions::default()).unwrap()
}

fn notes(name: &str) -> Vec<Note> {
    load::<f64>(name).1.notes
}

/// The file's own affine, rows.
fn affine<T: Scalar>(volume: &Volume<T>) -> Vec<f64> {
    volume.geometry().voxel_to_ras().to_rows().concat()
}

fn assert_affine(found: &[f64], expected: &[f64], name: &str) {
    for (a, b) in found.iter().zip(expected) {
        assert!((a - b).abs() <= 1e-4, "{name}: {found:?} is not {expected:?}");
    }
}

#[test]
fn every_file_reads_as_nibabel_reads_it() {
    let cases = cases();
    assert!(cases.len() > 75, "only {} cases", cases.len());
    for case in cases {
        let options = case.options();
        let (f64s, _) = nifti::read_with::<f64>(path(&case.name), &options).unwrap();
        assert_eq!(f64s.size(), case.size, "{}", case.name);
        assert_affine(&affine(&f64s), &case.affine, &case.name);
        // Of magnitude and phase the libraries of Python and Rust round the last bit differently.
        let close = |(a, b): (&f64, &f64)| (a - b).abs() <= 4.0 * f64::EPSILON * b.abs();
        let same = f64s.as_slice().iter().zip(&case.values).all(close);
        assert!(if case.part.is_some() { same } else { f64s.as_slice() == case.values }, "{}", case.name);
        if case.part.is_some() || case.name.contains(".hdr") {
            continue;
        }
        let (f32s, _) = nifti::read_with::<f32>(path(&case.name), &options).unwrap();
        let expected: Vec<f32> = case.values.iter().map(|&x| x as f32).collect();
        assert_eq!(f32s.as_slice(), expected, "{}", case.name);
        let (in_memory, _) = nifti::from_bytes::<f64>(&bytes(&case.name), &options).unwrap();
        assert_eq!(in_memory, f64s, "{}", case.name);
    }
}

#[test]
fn the_first_index_is_the_column() {
    let volume = nifti::read_as::<i16>(path("type_i2_le.nii")).unwrap();
    assert_eq!(volume.size(), [2, 3, 4]);
    // The fixture counts on by 7 with the first index fastest.
    assert_eq!(volume.voxels()[[0, 1, 0]] - volume.voxels()[[0, 0, 3]], 7);
    assert_eq!(volume.voxels()[[1, 0, 0]] - volume.voxels()[[0, 2, 3]], 7);
    assert_eq!(volume.geometry().origin().coords(), [101.5, -33.25, -7.125]);
}

#[test]
fn plain_files_have_no_notes() {
    for end in ["le", "be"] {
        for datatype in ["u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f4", "f8"] {
            let (_, report) = load::<f64>(&format!("type_{datatype}_{end}.nii"));
            assert_eq!(report.notes, [], "{datatype} {end}");
            assert_eq!(report.byte_order == ByteOrder::Big, end == "be");
            assert!(!report.compressed);
        }
        let (_, report) = load::<f64>(&format!("nifti2_{end}.nii"));
        assert_eq!((report.version, report.notes), (Version::Nifti2, vec![]));
    }
    let (_, report) = load::<f64>("type_u2_be.nii");
    assert_eq!(report.datatype, DataType::U16);
    assert_eq!((report.version, report.volumes), (Version::Nifti1, 1));
    assert_eq!(report.transform, Transform::Sform { code: 1 });
    assert!(report.disagreement_mm.unwrap() < 1e-5);
}

#[test]
fn integers_are_exact_or_saturate() {
    let read = |name| nifti::read_as::<i64>(path(name)).unwrap().as_slice()[..4].to_vec();
    assert_eq!(read("type_i8_le.nii"), [-50, i64::MAX, i64::MIN, -29]);
    assert_eq!(read("type_i8_be.nii"), [-50, i64::MAX, i64::MIN, -29]);
    assert_eq!(read("type_u8_be.nii"), [0, i64::MAX, 0, 21]);
    let exact = nifti::read_as::<u64>(path("type_u8_le.nii")).unwrap();
    assert_eq!(exact.as_slice()[..4], [0, u64::MAX, 0, 21]);
    let narrow = nifti::read_as::<u8>(path("type_i2_le.nii")).unwrap();
    assert_eq!(narrow.as_slice()[..9], [0, 255, 0, 0, 0, 0, 0, 0, 6]);
    let rounded = nifti::read_as::<i16>(path("type_f4_be.nii")).unwrap();
    assert_eq!(rounded.as_slice()[..4], [-50, i16::MAX, 0, -29]);
}

#[test]
fn scaling_comes_before_the_conversion_to_integers() {
    // -50 * 0.1 - 1024 and so on; a reader that converts the slope first finds only zeros.
    let volume = nifti::read_as::<i16>(path("slope.nii")).unwrap();
    assert_eq!(volume.as_slice()[..5], [-1029, 2253, -4301, -1027, -1026]);
    let (_, report) = load::<f32>("slope.nii");
    let Scaling { slope, inter } = report.scaling.unwrap();
    assert_eq!((slope as f32, inter), (0.1, -1024.0));
}

#[test]
fn scaling_that_cannot_be_is_ignored_and_told() {
    for name in ["slope_nan.nii", "slope_inf.nii", "inter_nan.nii"] {
        assert!(matches!(notes(name)[..], [Note::ScalingIgnored { .. }]), "{name}");
    }
    let (_, report) = load::<f32>("slope_zero.nii");
    assert_eq!((report.scaling, report.notes), (None, vec![]));
}

#[test]
fn content_not_name_tells_compression() {
    assert!(load::<f32>("gzip_named_plain.nii").1.compressed);
    assert!(!load::<f32>("plain_named_gzip.nii.gz").1.compressed);
    assert_eq!(notes("gzip_members.nii.gz"), []);
    assert_eq!(notes("gzip_padded.nii.gz"), [Note::BytesAfterGzip { bytes: 512 }]);
    let (_, report) = load::<f32>("gzip_nifti2.nii.gz");
    assert_eq!((report.version, report.compressed), (Version::Nifti2, true));
}

#[test]
fn what_lies_around_the_voxels() {
    assert_eq!(notes("offset_1024.nii"), []);
    assert_eq!(notes("offset_0.nii"), [Note::VoxOffsetAssumed { used: 352 }]);
    assert_eq!(notes("extension.nii"), []);
    assert_eq!(notes("trailing_bytes.nii"), [Note::TrailingBytes { bytes: 4 }]);
    assert_eq!(notes("bitpix_8.nii"), [Note::BitpixMismatch { expected: 16, found: 8 }]);
}

#[test]
fn defects_of_the_qform_are_mended_and_told() {
    assert_eq!(notes("qfac_0.nii"), [Note::QfacAssumed { found: 0.0 }]);
    assert_eq!(notes("pixdim_negative.nii"), [Note::NegativePixdim { axis: 1, found: -0.75 }]);
    assert_eq!(notes("pixdim_zero.nii"), [Note::ZeroPixdim { axis: 2 }]);
    let [Note::QuaternionNormalized { norm }] = notes("quaternion_long.nii")[..] else { panic!("no note") };
    assert!((norm - 1.14f64.sqrt()).abs() < 1e-6);
    assert_eq!(notes("qform_180.nii"), []);
}

#[test]
fn transforms_and_their_precedence() {
    assert_eq!(load::<f32>("qform_only.nii").1.transform, Transform::Qform { code: 1 });
    assert_eq!(load::<f32>("sform_only.nii").1.transform, Transform::Sform { code: 1 });
    assert_eq!(load::<f32>("neither.nii").1.transform, Transform::Pixdim);
    assert_eq!(load::<f32>("qform_only.nii").1.disagreement_mm, None);
    let options = ReadOptions::new().precedence(TransformPrecedence::QformFirst);
    let transform = |name| nifti::read_with::<f32>(path(name), &options).unwrap().1.transform;
    assert_eq!(load::<f32>("codes_4_2.nii").1.transform, Transform::Sform { code: 4 });
    assert_eq!(transform("codes_4_2.nii"), Transform::Qform { code: 2 });
    assert_eq!(transform("sform_only.nii"), Transform::Sform { code: 1 });
    let code = Note::UnknownTransformCode { field: "sform_code", code: 9 };
    assert_eq!(notes("sform_code_9.nii"), [code]);
}

#[test]
fn the_disagreement_is_the_largest_distance_of_a_corner() {
    let options = ReadOptions::new().precedence(TransformPrecedence::QformFirst);
    let (s, report) = load::<i16>("disagree.nii");
    let (q, _) = nifti::read_with::<i16>(path("disagree.nii"), &options).unwrap();
    let mut largest = 0f64;
    for corner in [[0, 0, 0], [0, 0, 3], [0, 2, 0], [0, 2, 3], [1, 0, 0], [1, 0, 3], [1, 2, 0], [1, 2, 3]] {
        largest = largest.max(s.geometry().position(corner).distance(q.geometry().position(corner)));
    }
    assert!(largest > 0.1);
    assert!((report.disagreement_mm.unwrap() - largest).abs() < 1e-9);
}

#[test]
fn units_become_millimetres() {
    assert_eq!(notes("units_metre.nii"), [Note::UnitsConverted { factor: 1e3 }]);
    assert_eq!(notes("units_micrometre.nii"), [Note::UnitsConverted { factor: 1e-3 }]);
}

#[test]
fn several_volumes_need_a_choice() {
    for name in ["dim_4.nii", "dim_4.nii.gz"] {
        let all: Vec<Vec<u8>> = (0..3)
            .map(|index| {
                let options = ReadOptions::new().volume(index);
                let (volume, report) = nifti::read_with::<u8>(path(name), &options).unwrap();
                assert_eq!(report.volumes, 3);
                volume.as_slice().to_vec()
            })
            .collect();
        assert!(all[0] != all[1] && all[1] != all[2]);
        let Err(Error::Unsupported { found, .. }) = nifti::read(path(name)) else {
            panic!("read one of three")
        };
        assert!(found.contains('3') && found.contains("`volume`"), "{found}");
        let options = ReadOptions::new().volume(3);
        let found = nifti::read_with::<u8>(path(name), &options);
        assert!(matches!(found, Err(Error::Invalid { what: "the index of a volume", .. })));
    }
}

#[test]
fn labels_of_any_type() {
    let expected: Vec<u16> = (0..24).map(|i| i % 5).collect();
    for name in ["labels_u1.nii.gz", "labels_f4.nii"] {
        let labels = nifti::read_labels(path(name)).unwrap();
        assert_eq!(labels.volume().as_slice(), expected, "{name}");
    }
    let found = nifti::read_labels(path("type_i2_le.nii"));
    assert!(matches!(found, Err(Error::Geometry { source: medcore::Error::InvalidLabel { .. }, .. })));
}
