//! A real chest CT: the series against the NIfTI file of the same voxels, read here byte by byte.

mod dicom_support;

use std::io::Read;

use dicom_support::fixture;
use medcore::Point3;

#[test]
fn the_series_is_the_nifti_volume() {
    let study = medio::dicom::scan(fixture("ct_chest/series")).unwrap();
    assert_eq!(study.len(), 1);
    assert_eq!(study[0].size(), [61, 256, 256]);
    let (volume, report) = study[0].load().unwrap();
    assert!(report.is_clean(), "{report:?}");

    let mut nifti = Vec::new();
    let file = std::fs::File::open(fixture("ct_chest/ct_chest.nii.gz")).unwrap();
    flate2::read::GzDecoder::new(file).read_to_end(&mut nifti).unwrap();
    let (cells, _) = nifti[352..].as_chunks::<2>();
    assert_eq!(cells.len(), volume.as_slice().len());
    let same = volume.as_slice().iter().zip(cells).all(|(v, b)| *v == f32::from(i16::from_le_bytes(*b)));
    assert!(same, "voxels differ");

    // srow_x, srow_y and srow_z: voxel to RAS.
    let number = |at: usize| f64::from(f32::from_le_bytes(nifti[at..at + 4].try_into().unwrap()));
    for index in [[0, 0, 0], [60, 0, 0], [0, 255, 0], [0, 0, 255], [60, 255, 255]] {
        let [k, j, i] = index.map(|x| x as f64);
        let row = |r: usize| {
            let s = |c: usize| number(280 + 16 * r + 4 * c);
            s(0) * i + s(1) * j + s(2) * k + s(3)
        };
        let expected = Point3::new(row(0), row(1), row(2));
        let found = volume.geometry().position(index).to_ras();
        assert!(found.distance(expected) < 1e-3, "{index:?}: expected {expected:?}, found {found:?}");
    }
}
