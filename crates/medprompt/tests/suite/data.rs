use medprompt::Error;
use medprompt::data::{CocoAnnotations, DropReason, RunLengths};
use serde_json::Value;

use crate::common::fixture;

fn text(name: &str) -> String {
    std::fs::read_to_string(fixture(&format!("medprompt/{name}"))).unwrap()
}

#[test]
fn masks_are_those_of_pycocotools() {
    let annotations = CocoAnnotations::parse(&text("coco.json")).unwrap();
    assert_eq!(annotations.categories, ["first", "second"]);
    assert_eq!(annotations.classes(), 3);
    let [a, b] = annotations.images.as_slice() else { panic!("{:?}", annotations.images) };
    let expected: Vec<Value> = serde_json::from_str(&text("coco_masks.json")).unwrap();
    for (image, id) in [(a, 7), (b, 3)] {
        let expected: Vec<&Value> = expected.iter().filter(|row| row["image_id"] == id).collect();
        assert_eq!(image.objects.len(), expected.len());
        for (number, (object, expected)) in image.objects.iter().zip(expected).enumerate() {
            let runs = RunLengths::of(object.mask([image.height, image.width]).view()).unwrap();
            let counts: Vec<u32> = serde_json::from_value(expected["counts"].clone()).unwrap();
            assert_eq!(runs.counts(), counts, "object {number} of {}", image.file_name);
            assert_eq!(runs.to_compressed(), expected["text"], "object {number}");
            assert_eq!(RunLengths::from_compressed(runs.size(), &runs.to_compressed()).unwrap(), runs);
        }
    }
}

#[test]
fn classes_follow_the_categories_and_crowds_are_apart() {
    let annotations = CocoAnnotations::parse(&text("coco.json")).unwrap();
    let image = &annotations.images[0];
    assert_eq!(image.objects.iter().filter(|object| object.crowd).count(), 1);
    let (with, without) = (image.mask(true), image.mask(false));
    assert_eq!(with.dim(), (60, 90));
    assert_ne!(with, without);
    // The last object of the image lies over all others.
    let last = image.objects.last().unwrap();
    let mask = last.mask([60, 90]);
    assert_eq!(last.class, 2);
    assert!(with.iter().zip(&mask).all(|(class, inside)| !inside || *class == 2));
}

#[test]
fn rows_that_are_no_objects_are_listed() {
    let dropped = CocoAnnotations::parse(&text("coco.json")).unwrap().dropped;
    let found: Vec<(Option<i64>, DropReason)> = dropped.iter().map(|row| (row.id, row.reason)).collect();
    use DropReason as R;
    let rows = [
        R::UnknownImage,
        R::UnknownCategory,
        R::NoSegmentation,
        R::NoSegmentation,
        R::Polygon,
        R::Polygon,
        R::Polygon,
        R::RunLengths,
        R::RunLengths,
        R::Malformed,
        R::Malformed,
    ];
    let mut expected = vec![(Some(4), R::ImageSize), (Some(5), R::Malformed)];
    expected.extend(rows.into_iter().enumerate().map(|(i, reason)| (Some(1000 + i as i64), reason)));
    assert_eq!(found, expected);
}

#[test]
fn files_that_are_none_are_refused() {
    assert!(matches!(CocoAnnotations::parse("{}"), Err(Error::Syntax { .. })));
    assert!(matches!(CocoAnnotations::parse("[1"), Err(Error::Syntax { .. })));
    let twice = r#"{"images": [], "annotations": [], "categories": [{"id": 1, "name": "a"}, {"id": 1, "name": "b"}]}"#;
    assert!(matches!(CocoAnnotations::parse(twice), Err(Error::Config { field: "categories", .. })));
    let none = r#"{"images": [], "annotations": [], "categories": []}"#;
    assert_eq!(CocoAnnotations::parse(none).unwrap().classes(), 1);
}
