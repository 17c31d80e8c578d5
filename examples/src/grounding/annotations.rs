//! Annotations from files.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use medground::data::{
    ChestImaGenomeOptions, GroundingSample, PadChestLanguage, ReadReport, ReadSamples, Split,
    chest_imagenome_splits, read_chest_imagenome, read_json_lines, read_ms_cxr, read_padchest_gr,
    read_padchest_master, read_rsna, read_vindr_cxr,
};

use super::images::ImageFolder;
use crate::error::{Error, Result};

/// A format in which annotations are published.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum AnnotationFormat {
    /// One JSON object a line: image, phrase, `box_xywh` (null where there is nothing), patient, split.
    Jsonl,
    /// MS-CXR: the COCO JSON file.
    MsCxr,
    /// Chest ImaGenome: the folder with `*_SceneGraph.json` and the tables train.csv, valid.csv and test.csv.
    ChestImagenome,
    /// PadChest-GR: the folder with `grounded_reports*.json` and the master table `*.csv`.
    PadchestGr,
    /// VinDr-CXR: the table of annotations; boxes of several readers are fused from an IoU of 0.5.
    Vindr,
    /// RSNA pneumonia detection: the table of labels, as "lung opacity".
    Rsna,
}

/// Where annotations are.
#[derive(Args, Debug, Clone)]
pub struct AnnotationArgs {
    /// Phrases and boxes: what stage 2 learns, and what is evaluated.
    #[arg(long, value_name = "PATH")]
    pub phrases: PathBuf,
    /// Format of --phrases.
    #[arg(long, value_enum, default_value = "jsonl")]
    pub format: AnnotationFormat,
    /// Anatomy terms and boxes: what stage 1 learns.
    #[arg(long, value_name = "PATH")]
    pub anatomy: Option<PathBuf>,
    /// Format of --anatomy; by default that of --phrases.
    #[arg(long, value_enum)]
    pub anatomy_format: Option<AnnotationFormat>,
    /// Phrases of --phrases that belong to stage 1, separated by commas.
    #[arg(long, value_delimiter = ',', value_name = "TERMS")]
    pub anatomy_terms: Vec<String>,
    /// Folder of the images.
    #[arg(long, value_name = "FOLDER")]
    pub images: PathBuf,
    /// Folder of the images of --anatomy; by default that of --phrases.
    #[arg(long, value_name = "FOLDER")]
    pub anatomy_images: Option<PathBuf>,
    /// Chest ImaGenome: also learn the synonyms of each structure.
    #[arg(long)]
    pub synonyms: bool,
    /// PadChest-GR: the Spanish sentences.
    #[arg(long)]
    pub spanish: bool,
}

/// Samples of both stages.
#[derive(Debug, Default)]
pub(super) struct Annotations {
    pub(super) anatomy: Vec<GroundingSample>,
    pub(super) phrases: Vec<GroundingSample>,
}

impl AnnotationArgs {
    /// Reads both, and says what was left out.
    pub(super) fn read(&self, images: &ImageFolder, anatomy_images: &ImageFolder) -> Result<Annotations> {
        let found = self.read_file(&self.phrases, self.format, images)?;
        print_report(&self.phrases, &found);
        let is_term = |s: &GroundingSample| self.anatomy_terms.iter().any(|term| term.trim() == s.phrase);
        let (mut anatomy, phrases): (Vec<_>, Vec<_>) = found.samples.into_iter().partition(is_term);
        if let Some(path) = &self.anatomy {
            let found = self.read_file(path, self.anatomy_format.unwrap_or(self.format), anatomy_images)?;
            print_report(path, &found);
            anatomy.extend(found.samples);
        }
        Ok(Annotations { anatomy, phrases })
    }

    fn read_file(&self, path: &Path, format: AnnotationFormat, images: &ImageFolder) -> Result<ReadSamples> {
        match format {
            AnnotationFormat::Jsonl => Ok(read_json_lines(&text(path)?)),
            AnnotationFormat::MsCxr => Ok(read_ms_cxr(&text(path)?)?),
            AnnotationFormat::ChestImagenome => self.read_scene_graphs(path),
            AnnotationFormat::PadchestGr => self.read_padchest(path, images),
            AnnotationFormat::Vindr => Ok(read_vindr_cxr(&text(path)?, Some(0.5))?),
            AnnotationFormat::Rsna => Ok(read_rsna(&text(path)?, "lung opacity")?),
        }
    }

    fn read_scene_graphs(&self, folder: &Path) -> Result<ReadSamples> {
        let files = files_below(folder)?;
        let mut splits = HashMap::new();
        for (name, split) in
            [("train.csv", Split::Train), ("valid.csv", Split::Validation), ("test.csv", Split::Test)]
        {
            for path in files.iter().filter(|path| ends_with(path, name)) {
                splits.extend(chest_imagenome_splits(&text(path)?, split)?);
            }
        }
        let options =
            ChestImaGenomeOptions { synonyms: self.synonyms, splits, excluded_patients: HashSet::new() };
        let mut all = ReadSamples::default();
        for path in files.iter().filter(|path| ends_with(path, "_SceneGraph.json")) {
            append(&mut all, read_chest_imagenome(&text(path)?, &options)?);
        }
        Ok(all)
    }

    fn read_padchest(&self, folder: &Path, images: &ImageFolder) -> Result<ReadSamples> {
        let files = files_below(folder)?;
        let mut known = HashMap::new();
        for path in files.iter().filter(|path| ends_with(path, ".csv")) {
            known.extend(read_padchest_master(&text(path)?)?);
        }
        for (name, image) in known.iter_mut().filter(|(_, image)| image.size.is_none()) {
            image.size = images.load(name).ok().map(|image| [image.height(), image.width()]);
        }
        let language = if self.spanish { PadChestLanguage::Spanish } else { PadChestLanguage::English };
        let mut all = ReadSamples::default();
        for path in files.iter().filter(|path| ends_with(path, ".json")) {
            append(&mut all, read_padchest_gr(&text(path)?, &known, language)?);
        }
        Ok(all)
    }
}

fn append(all: &mut ReadSamples, more: ReadSamples) {
    let ReadReport { rows, dropped, clipped } = more.report;
    let before = all.report.rows;
    all.report.rows += rows;
    all.report.clipped += clipped;
    all.report.dropped.extend(dropped.into_iter().map(|mut row| {
        row.row += before;
        row
    }));
    all.samples.extend(more.samples);
}

fn text(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).map_err(|source| Error::Io { path: path.to_path_buf(), source })
}

fn ends_with(path: &Path, end: &str) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().ends_with(end))
}

/// All files in a folder and its folders, sorted; a file is itself.
fn files_below(path: &Path) -> Result<Vec<PathBuf>> {
    if path.is_file() {
        return Ok(vec![path.to_path_buf()]);
    }
    let (mut files, mut folders) = (Vec::new(), vec![path.to_path_buf()]);
    while let Some(folder) = folders.pop() {
        let entries =
            std::fs::read_dir(&folder).map_err(|source| Error::Io { path: folder.clone(), source })?;
        for path in entries.flatten().map(|entry| entry.path()) {
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    files.sort();
    Ok(files)
}

fn print_report(path: &Path, found: &ReadSamples) {
    let mut reasons: Vec<String> = Vec::new();
    for row in &found.report.dropped {
        let reason = format!("{:?}", row.reason);
        if !reasons.contains(&reason) {
            let count = found.report.count(row.reason);
            println!("  {count} dropped: {reason}");
            reasons.push(reason);
        }
    }
    let (samples, rows) = (found.samples.len(), found.report.rows);
    println!("{}: {samples} samples of {rows} rows", path.display());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::Canvas;

    fn arguments(phrases: PathBuf, format: AnnotationFormat, images: &Path) -> AnnotationArgs {
        AnnotationArgs {
            phrases,
            format,
            anatomy: None,
            anatomy_format: None,
            anatomy_terms: vec!["heart".to_string()],
            images: images.to_path_buf(),
            anatomy_images: None,
            synonyms: false,
            spanish: false,
        }
    }

    #[test]
    fn each_format_is_read_from_its_files() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        Canvas::new(200, 100, [9; 3]).unwrap().write_png(root.join("1.png")).unwrap();
        let images = ImageFolder::open(root).unwrap();
        let read = |name: &str, text: &str, format| {
            let path = root.join(name);
            std::fs::write(&path, text).unwrap();
            arguments(path, format, root).read(&images, &images).unwrap()
        };
        let lines = "{\"image\": \"1.png\", \"phrase\": \"heart\", \"box_xywh\": [1, 2, 3, 4]}\n\
                     {\"image\": \"1.png\", \"phrase\": \"opacity\", \"box_xywh\": null}\nbroken\n";
        let found = read("a.jsonl", lines, AnnotationFormat::Jsonl);
        assert_eq!((found.anatomy.len(), found.phrases.len()), (1, 1));
        let table = "image_id,rad_id,class_name,x_min,y_min,x_max,y_max\n\
                     1,R1,Cardiomegaly,10,10,60,60\n1,R2,Cardiomegaly,12,10,60,62\n1,R1,No finding,,,,\n";
        let found = read("vindr.csv", table, AnnotationFormat::Vindr);
        assert_eq!(found.phrases[0].boxes.len(), 1, "two readers, one box");
        let table = "patientId,x,y,width,height,Target\n1,10,20,30,40,1\n2,,,,,0\n";
        let found = read("rsna.csv", table, AnnotationFormat::Rsna);
        assert_eq!(found.phrases.iter().map(|s| s.boxes.len()).collect::<Vec<_>>(), [1, 0]);

        // The size of an image comes from its file where the master table has none.
        let padchest = root.join("padchest");
        std::fs::create_dir(&padchest).unwrap();
        std::fs::write(padchest.join("master_table.csv"), "ImageID,PatientID,split\n1.png,7,test\n").unwrap();
        let reports = "[{\"ImageID\": \"1.png\", \"findings\": [{\"sentence_en\": \"Effusion.\", \
                       \"boxes\": [[0.1, 0.5, 0.2, 1.0]]}]}]";
        std::fs::write(padchest.join("grounded_reports.json"), reports).unwrap();
        let found = arguments(padchest, AnnotationFormat::PadchestGr, root).read(&images, &images).unwrap();
        assert_eq!(found.phrases[0].boxes[0].xyxy(), [20.0, 50.0, 40.0, 100.0]);
        assert_eq!(
            (found.phrases[0].patient.as_deref(), found.phrases[0].split),
            (Some("7"), Some(Split::Test))
        );
        let absent = arguments(root.join("absent"), AnnotationFormat::Jsonl, root);
        assert!(matches!(absent.read(&images, &images), Err(Error::Io { .. })));
    }
}
