//! `ground-train` as a user runs it, on small files in the published formats.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use burn::tensor::Device;
use medburn_examples::grounding::{Results, read_image};
use medburn_examples::picture::Canvas;
use medground::PhraseGrounder;
use serde_json::{Value, json};

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_ground-train")).args(arguments).output().unwrap()
}

fn succeeds(arguments: &[&str]) -> String {
    let output = run(arguments);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn refuses(arguments: &[&str]) -> String {
    let output = run(arguments);
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{error}");
    assert!(error.starts_with("error: ") && !error.contains("panicked"), "{error}");
    error
}

/// A random model of a few thousand parameters.
fn config(folder: &Path, model_type: &str) -> PathBuf {
    let layers = json!({"num_layers": 1, "width": 16, "heads": 2, "ffn": 24, "dropout": 0.1,
                        "attention_dropout": 0.0, "activation_dropout": 0.0});
    let mut config = json!({
        "model_type": model_type,
        "vision": {"model_type": "dinov2", "hidden_size": 12, "num_hidden_layers": 1, "num_attention_heads": 2,
                   "mlp_ratio": 2, "image_size": 32, "patch_size": 8, "num_channels": 3},
        "text": {"model_type": "bert", "vocab_size": 64, "hidden_size": 12, "num_hidden_layers": 1,
                 "num_attention_heads": 2, "intermediate_size": 24, "max_position_embeddings": 32},
        "image_size": 32, "text_tokens": 12,
    });
    let more = match model_type {
        "transvg" => json!({"fusion": layers}),
        _ => json!({"encoder": layers, "decoder": layers, "queries": 3}),
    };
    config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let path = folder.join(format!("{model_type}.json"));
    std::fs::write(&path, config.to_string()).unwrap();
    path
}

/// The patient's left is on the right of the picture.
const LEFT: [f64; 4] = [40.0, 8.0, 16.0, 32.0];
const RIGHT: [f64; 4] = [8.0, 8.0, 16.0, 32.0];

fn write_image(path: &Path, shade: u8) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    if path.extension().is_some_and(|e| e == "jpg") {
        let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/ground_train/blocks.jpg");
        std::fs::copy(fixture, path).unwrap();
        return;
    }
    let mut canvas = Canvas::new(64, 48, [20; 3]).unwrap();
    canvas.fill_rect(8, 8, 16, 32, [200 - shade; 3]);
    canvas.fill_rect(40, 8, 16, 32, [160; 3]);
    canvas.write_png(path).unwrap();
}

/// `MS_CXR_Local_Alignment.json` and its images under `files/`.
fn ms_cxr(folder: &Path) -> PathBuf {
    let (mut images, mut annotations) = (Vec::new(), Vec::new());
    for id in 0..10_u64 {
        let patient = 10_000_000 + id / 2;
        let path = format!("files/p10/p{patient}/s5{id:07}/image{id}.jpg");
        write_image(&folder.join(&path), 0);
        images.push(json!({"file_name": format!("image{id}.jpg"), "height": 48, "width": 64, "id": id,
                           "num_annotations": 2, "path": path}));
        for (category, text, bbox) in
            [(1, "Left lower lobe opacity", LEFT), (2, "Right basilar consolidation", RIGHT)]
        {
            annotations.push(json!({"area": bbox[2] * bbox[3], "bbox": bbox, "category_id": category,
                "id": annotations.len(), "image_id": id, "iscrowd": 0, "label_text": text, "segmentation": []}));
        }
    }
    let coco = json!({
        "info": {"version": "1.1.0"}, "licenses": [],
        "categories": [{"id": 1, "name": "Lung Opacity"}, {"id": 2, "name": "Consolidation"}],
        "images": images, "annotations": annotations,
    });
    let path = folder.join("MS_CXR_Local_Alignment_v1.1.0.json");
    std::fs::write(&path, coco.to_string()).unwrap();
    path
}

/// Scene graphs and tables of splits, with images of other patients and one patient of MS-CXR.
fn chest_imagenome(folder: &Path) -> PathBuf {
    let root = folder.join("chest-imagenome/silver_dataset");
    std::fs::create_dir_all(root.join("scene_graph")).unwrap();
    std::fs::create_dir_all(root.join("splits")).unwrap();
    let mut train = "subject_id,study_id,dicom_id\n".to_string();
    for id in 0..8 {
        let (patient, image) = (10_000_002 + id, format!("anatomy{id}"));
        write_image(&folder.join(format!("files/p10/p{patient}/s6/{image}.png")), 0);
        train += &format!("{patient},6,{image}\n");
        let object = |name: &str, [x, y, width, height]: [f64; 4]| {
            json!({"bbox_name": name, "name": name, "object_id": format!("{image}_{name}"),
                   "original_x1": x, "original_y1": y, "original_x2": x + width, "original_y2": y + height})
        };
        let graph = json!({"image_id": image, "viewpoint": "AP", "patient_id": patient, "study_id": 6,
                           "objects": [object("left lung", LEFT), object("right lung", RIGHT)]});
        let file = root.join(format!("scene_graph/{image}_SceneGraph.json"));
        std::fs::write(file, graph.to_string()).unwrap();
    }
    std::fs::write(root.join("splits/train.csv"), train).unwrap();
    root
}

fn has_png(path: &Path) {
    let bytes = std::fs::read(path).unwrap();
    assert!(bytes.starts_with(b"\x89PNG"), "{}", path.display());
}

#[test]
fn both_stages_on_files_in_the_format_of_ms_cxr() {
    let folder = tempfile::tempdir().unwrap();
    let (phrases, anatomy) = (ms_cxr(folder.path()), chest_imagenome(folder.path()));
    let (config, output) = (config(folder.path(), "transvg"), folder.path().join("out"));
    let arguments = [
        "train",
        "--phrases",
        phrases.to_str().unwrap(),
        "--format",
        "ms-cxr",
        "--anatomy",
        anatomy.to_str().unwrap(),
        "--anatomy-format",
        "chest-imagenome",
        "--synonyms",
        "--images",
        folder.path().to_str().unwrap(),
        "--config",
        config.to_str().unwrap(),
        "--validation",
        "0.2",
        "--test",
        "0.4",
        "--split-seed",
        "1",
        "--anatomy-epochs",
        "2",
        "--epochs",
        "2",
        "--batch",
        "4",
        "--rate",
        "1e-3",
        "--output",
        output.to_str().unwrap(),
    ];
    let printed = succeeds(&arguments);
    assert!(printed.contains("20 samples of 20 rows"), "{printed}");
    assert!(printed.contains("zero-shot") && printed.contains("fine-tuned"), "{printed}");
    let results = Results::read(&output.join("results.json")).unwrap();
    let names: Vec<&str> = results.sets.iter().map(|set| set.name.as_str()).collect();
    assert_eq!(names, ["mean box of the phrase", "zero-shot", "fine-tuned"]);
    let tested = &results.set("fine-tuned").unwrap().samples;
    assert!(!tested.is_empty() && tested.iter().all(|s| s.iou.is_some() && s.boxes.len() == 1));
    for stage in ["anatomy", "phrases"] {
        assert_eq!(std::fs::read_to_string(output.join(stage).join("curve.csv")).unwrap().lines().count(), 3);
        has_png(&output.join(stage).join("curve.png"));
    }
    has_png(&output.join("overlays/00.png"));

    // The model says the same when it is loaded.
    let grounder = PhraseGrounder::from_pretrained(output.join("model"), &Device::flex()).unwrap();
    let first = &tested[0];
    let files = folder.path().join("files");
    let image = read_image(&find(&files, &first.image)).unwrap();
    let hits = grounder.ground(&image, &first.phrase).unwrap();
    for (found, expected) in hits[0].region.bounds().xyxy().iter().zip(first.boxes[0]) {
        assert!((found - expected).abs() < 0.05, "{found} {expected}");
    }

    // A run that is complete is not trained again; one that lost its last epoch comes to the same end.
    let again = succeeds(&arguments);
    assert!(again.contains("goes on after") && !again.contains("epoch 1:"), "{again}");
    assert_eq!(Results::read(&output.join("results.json")).unwrap(), results);
    let other = folder.path().join("other");
    let mut shorter = arguments.to_vec();
    *shorter.last_mut().unwrap() = other.to_str().unwrap();
    succeeds(&shorter);
    assert_eq!(Results::read(&other.join("results.json")).unwrap(), results, "the same seed");

    let compared = succeeds(&[
        "compare",
        "--first",
        output.to_str().unwrap(),
        "--second",
        other.to_str().unwrap(),
        "--each-phrase",
    ]);
    assert!(compared.contains("difference 0.000 [0.000, 0.000]"), "{compared}");
    assert!(compared.contains("Left lower lobe opacity"), "{compared}");
}

fn find(folder: &Path, name: &str) -> PathBuf {
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for path in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
            } else if path.file_name().unwrap() == name {
                return path;
            }
        }
    }
    panic!("{name}");
}

fn json_lines(folder: &Path) -> PathBuf {
    let mut lines = String::new();
    for id in 0..8 {
        write_image(&folder.join(format!("{id}.png")), id * 4);
        let split = if id < 6 { "train" } else { "test" };
        for (phrase, bounds) in
            [("left block", Some(LEFT)), ("right block", Some(RIGHT)), ("left hip prosthesis", None)]
        {
            let line: Value = json!({"image": format!("{id}.png"), "width": 64, "height": 48, "phrase": phrase,
                "box_xywh": bounds, "patient": id, "split": split});
            lines += &format!("{line}\n");
        }
    }
    let path = folder.join("phrases.jsonl");
    std::fs::write(&path, lines).unwrap();
    path
}

/// A small random model, in one stage, that also learns phrases which stand for nothing.
#[test]
fn one_stage_with_phrases_that_are_not_there() {
    let folder = tempfile::tempdir().unwrap();
    let phrases = json_lines(folder.path());
    let (config, output) = (config(folder.path(), "generalised_grounder"), folder.path().join("out"));
    let arguments = |stages: &'static str| {
        [
            "train",
            "--phrases",
            phrases.to_str().unwrap(),
            "--images",
            folder.path().to_str().unwrap(),
            "--config",
            config.to_str().unwrap(),
            "--stages",
            stages,
            "--epochs",
            "2",
            "--batch",
            "4",
            "--vary",
            "crop",
            "--half",
            "--output",
            output.to_str().unwrap(),
        ]
        .map(str::to_string)
    };
    let of = |stages| arguments(stages);
    let all = of("phrases");
    succeeds(&all.each_ref().map(String::as_str));
    let results = Results::read(&output.join("results.json")).unwrap();
    let tested = &results.set("fine-tuned").unwrap().samples;
    assert_eq!(tested.len(), 6);
    assert_eq!(tested.iter().filter(|s| s.iou.is_none() && s.truth.is_empty()).count(), 2);
    PhraseGrounder::from_pretrained(output.join("model"), &Device::flex()).unwrap();

    let error = refuses(&of("both").each_ref().map(String::as_str));
    assert!(error.contains("anatomy"), "{error}");
    let mut wrong = all.clone();
    wrong[4] = folder.path().join("absent").to_str().unwrap().to_string();
    let error = refuses(&wrong.each_ref().map(String::as_str));
    assert!(error.contains("the images"), "{error}");
    // Epochs are part of what a checkpoint was made with.
    let mut longer = all.clone();
    longer[10] = "3".to_string();
    let error = refuses(&longer.each_ref().map(String::as_str));
    assert!(error.contains("checkpoint"), "{error}");
    std::fs::write(folder.path().join("6.png"), b"\x89PNG\r\n\x1a\ncut").unwrap();
    std::fs::remove_dir_all(&output).unwrap();
    let error = refuses(&all.each_ref().map(String::as_str));
    assert!(error.contains("6.png"), "{error}");
}

/// Killed in the middle, the same command comes to the same end.
#[test]
fn a_run_that_is_killed_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let phrases = json_lines(folder.path());
    let config = config(folder.path(), "generalised_grounder");
    let start = |name: &str| {
        let output = folder.path().join(name);
        let mut command = Command::new(env!("CARGO_BIN_EXE_ground-train"));
        command.args(["train", "--stages", "phrases", "--epochs", "6", "--batch", "4", "--vary", "crop"]);
        command.arg("--phrases").arg(&phrases).arg("--images").arg(folder.path());
        command.arg("--config").arg(&config).arg("--output").arg(&output);
        (command, output)
    };
    let (mut whole, expected) = start("whole");
    assert!(whole.output().unwrap().status.success());

    let (mut killed, output) = start("killed");
    let mut child = killed.stdout(std::process::Stdio::null()).spawn().unwrap();
    let later_checkpoint = |epoch| output.join(format!("phrases/checkpoint-{epoch}")).exists();
    while !(1..=6).any(later_checkpoint) && child.try_wait().unwrap().is_none() {
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let again = killed.stdout(std::process::Stdio::piped()).output().unwrap();
    assert!(again.status.success(), "{}", String::from_utf8_lossy(&again.stderr));
    for file in ["results.json", "phrases/curve.csv", "model/model.safetensors"] {
        let read = |folder: &Path| std::fs::read(folder.join(file)).unwrap();
        assert!(read(&output) == read(&expected), "{file}");
    }

    // Other samples under the same checkpoints are refused.
    let text = std::fs::read_to_string(&phrases).unwrap();
    std::fs::write(&phrases, text.replacen("left block", "a left block", 1)).unwrap();
    let refused = start("killed").0.output().unwrap();
    let error = String::from_utf8(refused.stderr).unwrap();
    assert!(!refused.status.success() && error.contains("the samples of the checkpoint"), "{error}");
}
