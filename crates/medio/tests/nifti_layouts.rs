//! Pairs, ANALYZE 7.5, series, regions, colour, complex numbers and extensions.

// Helpers outside of the test functions fail as tests do.
#![allow(clippy::unwrap_used, clippy::panic)]

mod nifti_common;

use medcore::Volume;
use medio::nifti::{
    self, ComplexPart, DataType, Extension, NiftiFile, Note, ReadOptions, Report, TimeUnit, Transform,
    TransformPrecedence, Version,
};
use medio::{Error, NumberType};
use nifti_common::{bytes, path};

fn load(name: &str) -> (Volume<f64>, Report) {
    nifti::read_with(path(name), &ReadOptions::new()).unwrap()
}

#[test]
fn pairs_are_found_from_either_name() {
    for (header, image) in [
        ("pair_nifti1.hdr", "pair_nifti1.img"),
        ("pair_nifti1_be.hdr.gz", "pair_nifti1_be.img.gz"),
        ("pair_nifti2.hdr", "pair_nifti2.img.gz"),
        ("analyze_origin.hdr", "analyze_origin.img"),
    ] {
        let (volume, report) = load(header);
        assert_eq!(report.notes, [], "{header}");
        assert_eq!(load(image), (volume.clone(), report));
        let (head, body) = (bytes(header), bytes(image));
        let file = NiftiFile::from_pair_bytes(&head, &body, &ReadOptions::new()).unwrap();
        assert_eq!(file.read_volume::<f64>(0).unwrap(), volume);
        for end in 0..head.len().min(348) {
            let cut = NiftiFile::from_pair_bytes(&head[..end], &body, &ReadOptions::new());
            assert!(cut.is_err(), "{header} cut at {end}");
        }
        for end in 0..body.len() {
            let cut = NiftiFile::from_pair_bytes(&head, &body[..end], &ReadOptions::new());
            // A compressed image that lacks the end of its stream has all of its voxels, but not their checksum.
            let cut = cut.and_then(|file| file.read_volume::<f64>(0));
            assert!(cut.is_err() || cut.unwrap() == volume && image.ends_with("gz"), "{image} cut at {end}");
        }
    }
}

#[test]
fn half_a_pair_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let header = folder.path().join("a.hdr");
    std::fs::copy(path("pair_nifti1.hdr"), &header).unwrap();
    let Err(Error::Io { path: missing, .. }) = nifti::read(&header) else { panic!("no error") };
    assert_eq!(missing, folder.path().join("a.img"));
    let odd = folder.path().join("header");
    std::fs::copy(path("pair_nifti1.hdr"), &odd).unwrap();
    assert!(matches!(nifti::read(&odd), Err(Error::Unsupported { .. })));
    let image = folder.path().join("b.img");
    std::fs::copy(path("pair_nifti1.img"), &image).unwrap();
    assert!(matches!(nifti::read(&image), Err(Error::Truncated { .. } | Error::Invalid { .. })));
}

#[test]
fn analyze_has_no_orientation() {
    let (_, report) = load("analyze_plain.hdr");
    assert_eq!((report.version, report.transform), (Version::Analyze75, Transform::Pixdim));
    assert!(!report.is_clean());
    let (_, report) = load("analyze_origin.hdr");
    assert_eq!((report.transform, report.scaling.unwrap().slope), (Transform::AnalyzeOrigin, 0.5));
    let (_, report) = load("analyze_range.hdr");
    assert_eq!(report.scaling.unwrap().slope, 0.01);
    let (_, report) = load("analyze_far_origin.hdr");
    assert_eq!((report.transform, report.scaling.unwrap().inter), (Transform::Pixdim, 0.0));
}

/// `ramp` of the fixtures' script.
fn ramp(index: usize) -> i16 {
    match index {
        1 => i16::MAX,
        2 => i16::MIN,
        i => i as i16 * 7 - 50,
    }
}

#[test]
fn series_have_their_extents_and_time() {
    for (name, extents, unit, step, start) in [
        ("series_4d.nii", vec![5], TimeUnit::Second, 2.5, 7.5),
        ("series_4d.nii.gz", vec![5], TimeUnit::Millisecond, 2500.0, 7.5),
        ("series_5d.nii", vec![1, 3], TimeUnit::Unknown, 0.0, 0.0),
        ("series_7d_be.nii", vec![2, 1, 2, 3], TimeUnit::Hertz, 2.5, 7.5),
    ] {
        let (series, report) = nifti::read_series::<i16>(path(name), &ReadOptions::new()).unwrap();
        assert!(report.is_clean(), "{name}: {:?}", report.notes);
        assert_eq!(series.further_extents(), extents);
        let time = series.time().unwrap();
        assert_eq!((time.unit, time.step, time.start), (unit, step, start), "{name}");
        let seconds = if name.starts_with("series_4d") { Some(2.5) } else { None };
        assert_eq!(time.step_seconds(), seconds);
        assert_eq!(series.volumes().len(), extents.iter().product::<usize>());
        let file = nifti::open(path(name)).unwrap();
        for (index, volume) in series.volumes().iter().enumerate() {
            let expected: Vec<i16> = (0..24).map(|i| ramp(24 * index + i)).collect();
            assert_eq!(volume.as_slice(), expected, "{name} {index}");
            assert_eq!(file.read_volume::<i16>(index).unwrap(), *volume);
        }
        assert!(matches!(file.read_volume::<i16>(file.volumes()), Err(Error::Invalid { .. })));
        assert!(matches!(nifti::read(path(name)), Err(Error::Unsupported { .. })));
    }
    let (series, _) = nifti::read_series::<f32>(path("slope.nii"), &ReadOptions::new()).unwrap();
    assert_eq!((series.volumes().len(), series.time()), (1, None));
    let chosen = ReadOptions::new().volume(1);
    assert!(nifti::read_series::<f32>(path("series_4d.nii"), &chosen).is_err());
}

#[test]
fn every_region_is_a_part_of_the_whole() {
    for name in ["series_4d.nii", "series_4d.nii.gz", "slope.nii", "type_f8_be.nii", "pair_nifti2.hdr"] {
        let file = nifti::open(path(name)).unwrap();
        let last = file.volumes() - 1;
        let whole = file.read_volume::<f32>(last).unwrap();
        let [slices, rows, columns] = whole.size();
        let ranges = |n: usize| (0..n).flat_map(move |a| (a + 1..=n).map(move |b| a..b));
        for k in ranges(slices) {
            for j in ranges(rows) {
                for i in ranges(columns) {
                    let part = file.read_region::<f32>([k.clone(), j.clone(), i.clone()], last).unwrap();
                    for (at, value) in part.voxels().indexed_iter() {
                        let index = [at.0 + k.start, at.1 + j.start, at.2 + i.start];
                        assert_eq!(*value, whole.voxels()[index], "{name} {k:?} {j:?} {i:?}");
                        let place = part.geometry().position([at.0, at.1, at.2]);
                        assert!(place.distance(whole.geometry().position(index)) < 1e-9);
                    }
                }
            }
        }
        assert_eq!(file.read_slice::<f32>(1, last).unwrap().size(), [1, rows, columns]);
        let empty = 1..1;
        for region in [[0..slices + 1, 0..1, 0..1], [empty, 0..1, 0..1], [0..1, 0..1, 4..usize::MAX]] {
            let found = file.read_region::<f32>(region, last);
            let Err(Error::Geometry { source, .. }) = found else { panic!("no error") };
            assert!(matches!(source, medcore::Error::OutOfBounds { .. }));
        }
        assert!(file.read_slice::<f32>(usize::MAX, last).is_err());
    }
}

#[test]
fn a_region_reads_no_other_bytes() {
    // All but the wanted slice is cut off or damaged.
    let mut file = bytes("type_i2_le.nii");
    let whole = nifti::read_as::<i16>(path("type_i2_le.nii")).unwrap();
    file[352..352 + 24].fill(0xee);
    let open = NiftiFile::from_bytes(&file, &ReadOptions::new()).unwrap();
    let slice = open.read_slice::<i16>(1, 0).unwrap();
    assert_eq!(slice.as_slice(), &whole.as_slice()[12..]);
}

#[test]
fn complex_needs_a_choice() {
    for name in ["complex64_le.nii", "complex128_le.nii"] {
        let Err(error) = nifti::read(path(name)) else { panic!("no error") };
        assert!(error.to_string().contains("`complex` option"), "{error}");
    }
    let options = ReadOptions::new().complex(ComplexPart::Real);
    let (plain, _) = nifti::read_with::<i16>(path("type_i2_le.nii"), &options).unwrap();
    assert_eq!(plain, nifti::read_as(path("type_i2_le.nii")).unwrap());
}

#[test]
fn colour_is_never_scaled() {
    for (name, channels, datatype) in
        [("color_rgb.nii", 3, DataType::Rgb24), ("color_rgba.nii", 4, DataType::Rgba32)]
    {
        let (color, report) = nifti::read_color(path(name), &ReadOptions::new()).unwrap();
        assert_eq!((report.datatype, report.scaling), (datatype, None));
        assert_eq!(color.alpha.is_some(), channels == 4);
        let all = [Some(color.red), Some(color.green), Some(color.blue), color.alpha];
        for (c, volume) in all.into_iter().flatten().enumerate() {
            let expected: Vec<u8> = (0..24).map(|i| ((i * channels + c) * 5 % 256) as u8).collect();
            assert_eq!(volume.as_slice(), expected);
        }
        let Err(error) = nifti::read(path(name)) else { panic!("no error") };
        assert!(error.to_string().contains("read_color"), "{error}");
    }
    let grey = nifti::read_color(path("slope.nii"), &ReadOptions::new());
    assert!(matches!(grey, Err(Error::Unsupported { .. })));
}

#[test]
fn types_that_are_refused() {
    for name in ["float128", "complex256", "binary"] {
        let found = nifti::read(path(&format!("refused_{name}.nii")));
        assert!(matches!(found, Err(Error::Unsupported { what: "NIfTI datatype", .. })), "{name}");
    }
    assert_eq!(DataType::Complex128.number(), NumberType::F64);
}

#[test]
fn extensions_are_kept() {
    let (_, report) = load("extensions_be.nii");
    assert!(report.is_clean());
    assert_eq!(report.description, "two extensions");
    let [first, second] = &report.extensions[..] else { panic!("{:?}", report.extensions) };
    assert_eq!((first.code, &first.data[..]), (6, &b"first\0\0\0"[..]));
    assert_eq!((second.code, second.data.len()), (4, 40));
    let (_, report) = load("extension.nii");
    assert_eq!(report.extensions, [Extension { code: 6, data: b"nothing of interest here".to_vec() }]);
    let (_, report) = load("extension_broken.nii");
    assert_eq!(report.notes, [Note::ExtensionsMalformed { bytes: 32 }]);
}

#[test]
fn a_transform_that_is_not_usable_gives_way() {
    let (_, report) = load("sform_singular.nii");
    assert_eq!(report.transform, Transform::Qform { code: 1 });
    assert_eq!(report.notes, [Note::TransformUnusable { field: "sform" }]);
    let mut file = bytes("type_i2_le.nii");
    file[256..260].copy_from_slice(&f32::NAN.to_le_bytes());
    let options = ReadOptions::new().precedence(TransformPrecedence::QformFirst);
    let (_, report) = nifti::from_bytes::<f32>(&file, &options).unwrap();
    assert_eq!(report.transform, Transform::Sform { code: 1 });
    assert_eq!(report.notes, [Note::TransformUnusable { field: "qform" }]);
}

#[test]
fn transforms_that_disagree_can_be_refused() {
    let strict = ReadOptions::new().max_disagreement_mm(0.1);
    let found = nifti::read_with::<f32>(path("disagree.nii"), &strict);
    assert!(matches!(found, Err(Error::Invalid { .. })));
    let (_, report) = load("disagree.nii");
    let mm = report.disagreement_mm.unwrap();
    assert!(!report.is_clean());
    let lax = ReadOptions::new().max_disagreement_mm(mm);
    assert!(nifti::read_with::<f32>(path("disagree.nii"), &lax).is_ok());
    assert!(nifti::read_with::<f32>(path("type_i2_le.nii"), &strict).unwrap().1.is_clean());
    assert!(nifti::read_with::<f32>(path("sform_only.nii"), &strict).unwrap().1.is_clean());
}

#[test]
fn an_extent_of_zero_counts_as_one() {
    let (volume, report) = load("dim_zero.nii");
    assert_eq!(volume.size(), [1, 3, 4]);
    assert_eq!(report.notes, [Note::ZeroExtent { axis: 3 }]);
}
