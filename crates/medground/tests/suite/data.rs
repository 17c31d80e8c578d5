//! Readers on small generated files in the published formats.

use medground::Error;
use medground::data::{
    ChestImaGenomeOptions, DropReason, PadChestLanguage, Split, chest_imagenome_splits, read_chest_imagenome,
    read_json_lines, read_ms_cxr, read_padchest_gr, read_padchest_master, read_rsna, read_vindr_cxr,
};
use serde_json::json;

fn object(name: &str, corners: [f64; 4]) -> serde_json::Value {
    let [x1, y1, x2, y2] = corners;
    json!({"object_id": format!("d1_{name}"), "x1": 1, "y1": 1, "x2": 2, "y2": 2, "width": 1, "height": 1,
           "bbox_name": name, "synsets": ["C0"], "name": name, "original_x1": x1, "original_y1": y1,
           "original_x2": x2, "original_y2": y2, "original_width": x2 - x1, "original_height": y2 - y1})
}

fn scene_graph(viewpoint: &str) -> String {
    json!({"image_id": "d1", "viewpoint": viewpoint, "patient_id": 10000001, "study_id": 5, "gender": "F",
           "attributes": [], "relationships": [],
           "objects": [object("right lung", [100.0, 50.0, 900.0, 2000.0]), object("left lung", [1200.0, 60.0, 2000.0, 2010.0]),
                       object("carina", [500.0, 400.0, 500.0, 450.0]), object("left eye", [1.0, 1.0, 2.0, 2.0]),
                       object("svc", [-5.0, 10.0, 20.0, 30.0]), json!({"bbox_name": "spine"})]})
    .to_string()
}

#[test]
fn scene_graphs() {
    let splits = chest_imagenome_splits(
        ",subject_id,study_id,dicom_id,path\n0,10000001,5,d1,files/x.dcm\n",
        Split::Test,
    )
    .unwrap();
    let options = ChestImaGenomeOptions { splits, ..ChestImaGenomeOptions::default() };
    let found = read_chest_imagenome(&scene_graph("PA"), &options).unwrap();
    assert_eq!((found.samples.len(), found.report.rows, found.report.dropped.len()), (2, 6, 4));
    let right = &found.samples[0];
    assert_eq!(
        (right.phrase.as_str(), right.image.as_str(), right.split),
        ("right lung", "d1", Some(Split::Test))
    );
    assert_eq!(right.boxes[0].xyxy(), [100.0, 50.0, 900.0, 2000.0]);
    assert_eq!(right.patient.as_deref(), Some("10000001"));
    let reasons: Vec<_> = found.report.dropped.iter().map(|d| (d.row, d.reason)).collect();
    let expected = [
        (2, DropReason::DegenerateBox),
        (3, DropReason::UnknownStructure),
        (4, DropReason::OutsideImage),
        (5, DropReason::Malformed("original_x1")),
    ];
    assert_eq!(reasons, expected);
    let with_synonyms = ChestImaGenomeOptions { synonyms: true, ..options.clone() };
    let all = read_chest_imagenome(&scene_graph("AP"), &with_synonyms).unwrap().samples;
    assert_eq!(all.len(), 8);
    assert!(all.iter().any(|s| s.phrase == "left hemithorax" && s.boxes[0].xyxy()[0] == 1200.0));

    let lateral = read_chest_imagenome(&scene_graph("LATERAL"), &options).unwrap();
    assert_eq!((lateral.samples.len(), lateral.report.count(DropReason::NotFrontal)), (0, 1));
    let excluded_patients = ["10000001".to_string()].into();
    let options = ChestImaGenomeOptions { excluded_patients, ..options };
    let excluded = read_chest_imagenome(&scene_graph("PA"), &options).unwrap();
    assert_eq!((excluded.samples.len(), excluded.report.count(DropReason::ExcludedPatient)), (0, 1));
    assert!(matches!(read_chest_imagenome("{\"image_id\": 1", &options), Err(Error::Syntax { .. })));
    assert!(matches!(read_chest_imagenome("{}", &options), Err(Error::Table { .. })));
}

#[test]
fn coco_phrases() {
    let annotation = |id: u64, image: u64, text: &str, bbox: [f64; 4]| {
        json!({"id": id, "image_id": image, "category_id": 3, "bbox": bbox, "area": bbox[2] * bbox[3], "iscrowd": 0,
               "label_text": text, "segmentation": []})
    };
    let coco = json!({
        "info": {}, "licenses": [],
        "categories": [{"id": 3, "name": "Pneumonia", "supercategory": "lung"}],
        "images": [{"id": 7, "file_name": "a.jpg", "path": "files/p10/p10000032/s5/a.jpg", "width": 200, "height": 100},
                   {"id": 8, "file_name": "b.jpg", "path": "files/p11/p11000033/s6/b.jpg", "width": 50, "height": 50}],
        "annotations": [annotation(1, 7, "Left basal opacity", [100.0, 50.0, 20.0, 30.0]),
                        annotation(2, 7, "Left basal opacity", [150.0, 60.0, 80.0, 30.0]),
                        annotation(3, 8, " ", [1.0, 1.0, 10.0, 10.0]),
                        annotation(4, 9, "none", [1.0, 1.0, 10.0, 10.0]),
                        annotation(5, 8, "outside", [60.0, 1.0, 10.0, 10.0]),
                        json!({"id": 6, "image_id": 8, "category_id": 3, "label_text": "x", "bbox": [1, 2, 3]})]})
    .to_string();
    let found = read_ms_cxr(&coco).unwrap();
    assert_eq!(found.samples.len(), 2);
    let [both, named] = &found.samples[..] else { panic!() };
    assert_eq!(
        (both.boxes.len(), both.patient.as_deref(), both.size),
        (2, Some("10000032"), Some([100, 200]))
    );
    // Cut at the edge of the image.
    assert_eq!(both.boxes[1].xyxy(), [150.0, 60.0, 200.0, 90.0]);
    assert_eq!(found.report.clipped, 1);
    assert_eq!(named.phrase, "Pneumonia");
    let reasons: Vec<_> = found.report.dropped.iter().map(|d| (d.row, d.reason)).collect();
    let expected = [
        (3, DropReason::UnknownReference),
        (4, DropReason::OutsideImage),
        (5, DropReason::Malformed("bbox")),
    ];
    assert_eq!(reasons, expected);
    assert!(matches!(read_ms_cxr("[]"), Err(Error::Syntax { .. })));
}

#[test]
fn grounded_reports() {
    let master = "StudyID,ImageID,PatientID,split,Height,Width\ns1,i1.png,p1,train,1000,500\ns2,i2.png,p2,validation,,\n";
    let images = read_padchest_master(master).unwrap();
    assert_eq!(images["i1.png"].size, Some([1000, 500]));
    let finding = |sentence: &str, boxes: serde_json::Value| {
        json!({"sentence_en": sentence, "sentence_es": "frase", "abnormal": true, "boxes": boxes, "extra_boxes": [],
               "labels": [], "locations": []})
    };
    let reports = json!([
        {"StudyID": "s1", "ImageID": "i1.png", "findings": [
            finding("Right effusion.", json!([[0.1, 0.5, 0.3, 0.75], [0.6, 0.5, 0.9, 1.25]])),
            finding("No pneumothorax.", json!([])), finding("", json!([])),
            finding("Flat.", json!([[0.1, 0.5, 0.1, 0.7]])), finding("Odd.", json!("none"))]},
        {"StudyID": "s2", "ImageID": "i2.png", "findings": [finding("Mass.", json!([[0.1, 0.1, 0.2, 0.2]]))]},
        {"StudyID": "s3"}])
    .to_string();
    let found = read_padchest_gr(&reports, &images, PadChestLanguage::English).unwrap();
    assert_eq!(found.samples.len(), 2);
    let expected = [[50.0, 500.0, 150.0, 750.0], [300.0, 500.0, 450.0, 1000.0]];
    for (found, expected) in found.samples[0].boxes.iter().zip(expected) {
        assert!(found.xyxy().iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-9));
    }
    assert_eq!(
        (found.samples[0].patient.as_deref(), found.samples[0].split),
        (Some("p1"), Some(Split::Train))
    );
    assert!(found.samples[1].boxes.is_empty());
    let count = |reason| found.report.count(reason);
    assert_eq!((found.report.rows, found.report.clipped), (7, 1));
    assert_eq!((count(DropReason::EmptyPhrase), count(DropReason::DegenerateBox)), (1, 1));
    assert_eq!((count(DropReason::NoBoxLeft), count(DropReason::UnknownReference)), (1, 1));
    assert_eq!((count(DropReason::Malformed("boxes")), count(DropReason::Malformed("ImageID"))), (1, 1));
    let spanish = read_padchest_gr(&reports, &images, PadChestLanguage::Spanish).unwrap();
    assert_eq!(spanish.samples[0].phrase, "frase");
}

#[test]
fn radiologists_are_fused() {
    let csv = "image_id,rad_id,class_name,x_min,y_min,x_max,y_max\n\
        a,R1,Cardiomegaly,100,100,200,200\na,R2,Cardiomegaly,110,100,210,200\na,R1,Nodule/Mass,5,5,9,9\n\
        b,R1,No finding,,,,\nb,R2,No finding,,,,\nc,R1,ILD,9,9,5,5\nc,R1,ILD,1,,5,5\n";
    let found = read_vindr_cxr(csv, Some(0.5)).unwrap();
    assert_eq!(found.samples.len(), 3);
    assert_eq!(found.samples[0].phrase, "cardiomegaly");
    assert_eq!(found.samples[0].boxes.len(), 1);
    assert_eq!(found.samples[0].boxes[0].xyxy(), [105.0, 100.0, 205.0, 200.0]);
    assert_eq!((found.samples[2].phrase.as_str(), found.samples[2].boxes.len()), ("no finding", 0));
    assert_eq!(found.report.count(DropReason::DegenerateBox), 1);
    assert_eq!(found.report.count(DropReason::Malformed("y_min")), 1);
    assert_eq!(read_vindr_cxr(csv, None).unwrap().samples[0].boxes.len(), 2);
    assert!(matches!(read_vindr_cxr("a,b\n", None), Err(Error::Table { .. })));
}

#[test]
fn pneumonia_labels() {
    let csv = "patientId,x,y,width,height,Target\np1,10.0,20.0,30.0,40.0,1\np1,100,20,30,40,1\np2,,,,,0\np3,1,1,,4,1\n";
    let found = read_rsna(csv, "lung opacity").unwrap();
    assert_eq!(found.samples.len(), 2);
    assert_eq!(found.samples[0].boxes[0].xywh(), [10.0, 20.0, 30.0, 40.0]);
    assert_eq!((found.samples[0].boxes.len(), found.samples[0].size), (2, Some([1024, 1024])));
    assert!(found.samples[1].boxes.is_empty());
    assert_eq!(found.report.count(DropReason::Malformed("width")), 1);
}

#[test]
fn lines_of_json() {
    let text = concat!(
        r#"{"image": "a.jpg", "width": 640, "height": 511, "phrase": "right lung", "box_xywh": [29.2, 1.6, 288.4, 442.3], "patient": "5", "split": "train", "licence": "CC BY-SA"}"#,
        "\n\n",
        r#"{"image": "a.jpg", "phrase": "left hip prosthesis", "box_xywh": null, "patient": 5, "split": "val"}"#,
        "\nnot json\n",
        r#"{"image": "a.jpg", "phrase": "", "box_xywh": [1, 1, 2, 2]}"#,
        "\n",
        r#"{"image": "a.jpg", "phrase": "x", "box_xywh": [1, 1, -2, 2]}"#,
    );
    let found = read_json_lines(text);
    assert_eq!((found.samples.len(), found.report.rows), (2, 5));
    assert_eq!(found.samples[0].size, Some([511, 640]));
    assert_eq!(found.samples[1].split, Some(Split::Validation));
    assert!(found.samples[1].boxes.is_empty());
    let reasons: Vec<_> = found.report.dropped.iter().map(|d| (d.row, d.reason)).collect();
    let expected =
        [(3, DropReason::Malformed("line")), (4, DropReason::EmptyPhrase), (5, DropReason::DegenerateBox)];
    assert_eq!(reasons, expected);
}
