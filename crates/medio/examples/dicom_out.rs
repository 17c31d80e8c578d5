//! Writes one DICOM object of each kind into a folder, for other software to look at: see
//! `fixtures/dicom_out/validate.py`.
//!
//! `cargo run -p medio --example dicom_out -- SERIES FOLDER`

use std::path::Path;

use medcore::{Affine3, Box3, Geometry, Label, LabelMap, PixelBox, Point3, Volume};
use medio::dicom::derived::{self, DerivedOptions, ImageClass, NewStudy};
use medio::dicom::seg::{self, SegKind, SegOptions, Segment};
use medio::dicom::sr::{self, Finding, Measurement, Region, SrOptions};
use medio::dicom::{self, Code, NewSeries, Series};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [series, folder] = arguments.as_slice() else { return Err("two arguments: SERIES FOLDER".into()) };
    let folder = Path::new(folder);
    std::fs::create_dir_all(folder)?;
    let study = dicom::scan(series)?;
    let source = study.first().ok_or("no series")?;
    let (volume, _) = source.load()?;

    let labels = LabelMap::new(volume.map(|hu| if hu < -500.0 { 1 } else { 3 * u16::from(hu > 300.0) }))
        .with_labels([(1, Label { name: "lung".into(), color: [80, 120, 200] })]);
    for (name, kind) in [("binary", SegKind::Binary), ("label_map", SegKind::LabelMap)] {
        let options = SegOptions::new()
            .kind(kind)
            .segment(Segment::named(3, "Bone").tracking("bone 1", "2.25.42"))
            .series(NewSeries::new(name).uid_seed(name));
        seg::write(folder.join(format!("seg_{name}.dcm")), &labels, source, &options)?;
    }
    let masks = [
        (Segment::named(1, "left lung"), volume.map(|hu| u8::from(hu < -500.0))),
        (Segment::named(2, "lesion"), volume.map(|hu| u8::from(hu < -800.0))),
    ];
    let options = SegOptions::new().series(NewSeries::new("overlap"));
    seg::write_masks(folder.join("seg_overlap.dcm"), &masks, source, &options)?;
    let fractions = [(Segment::named(1, "liver"), volume.map(|hu| ((hu + 1024.0) / 4096.0).clamp(0.0, 1.0)))];
    seg::write_fractions(folder.join("seg_fractional.dcm"), &fractions, source, &SegOptions::new())?;
    write_report(folder, source)?;
    write_images(folder, source, &volume)
}

fn write_report(folder: &Path, source: &Series) -> Result<(), Box<dyn std::error::Error>> {
    let image = source.image_refs().nth(20).ok_or("no image")?;
    let corner = Box3::new(Point3::new(-60.5, -200.25, -210.0), Point3::new(-40.0, -180.0, -195.5))?;
    let rectangle = Region::Rectangle {
        sop_instance_uid: image.sop_instance_uid.to_string(),
        frame: image.frame,
        pixels: PixelBox::new(10.5, 20.0, 40.0, 60.25)?,
    };
    let findings = [
        Finding::new("nodule 1", Region::Box(corner))
            .finding(Code::sct("27925004", "Nodule"))
            .site(Code::sct("39607008", "Lung"), Some(Code::sct("24028007", "Right")))
            .score(0.93)
            .measurement(Measurement::length_mm(20.1))
            .measurement(Measurement::volume_mm3(1234.5)),
        Finding::new("shadow 2", rectangle).finding(Code::sct("4147007", "Mass")).score(0.5),
    ];
    let options = SrOptions::new().observer("detector 1").series(NewSeries::new("Findings").number(301));
    sr::write_measurements(folder.join("report.dcm"), &findings, source, &options)?;
    Ok(())
}

fn write_images(
    folder: &Path,
    source: &Series,
    volume: &Volume<f32>,
) -> Result<(), Box<dyn std::error::Error>> {
    let options = |name: &str| DerivedOptions::new().series(NewSeries::new(name).uid_seed(name).number(400));
    derived::write_series(folder.join("ct_whole"), volume, source, &options("ct whole"))?;
    let real = volume.map(|hu| hu / 3.0);
    derived::write_series(folder.join("ct_real"), &real, source, &options("ct real"))?;
    // Tilted slices without a source.
    let tilt = Affine3::new([[0.7, 0.0, 0.0], [0.0, 0.8, 0.9], [0.0, 0.0, 2.4]], [1.0, -2.0, 3.0]);
    let voxels = (0..4 * 5 * 6).map(|v| v as f32 * 0.37).collect();
    let tilted = Volume::from_vec(voxels, Geometry::new([4, 5, 6], tilt)?)?;
    let study = NewStudy::new().patient("PHANTOM^ONE", "P1");
    for (name, class) in
        [("new_mr", ImageClass::Mr), ("new_ct", ImageClass::Ct), ("new_sc", ImageClass::SecondaryCapture)]
    {
        derived::write_study(folder.join(name), &tilted, &study, &options(name).class(class))?;
    }
    Ok(())
}
