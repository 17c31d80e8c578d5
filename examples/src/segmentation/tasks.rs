//! Several data sets, each a task of one model.

use std::path::Path;

use clap::Parser;
use medprompt::inference::Usage;
use medprompt::model::TaskConfig;
use serde_json::{Map, Value};

use super::arguments::{DataArgs, Dataset};
use super::settings::Settings;
use crate::error::{Error, Result};

/// The name of a task, among its arguments.
const NAME: &str = "name";

/// A data set with the name of its task.
#[derive(Debug, Clone)]
pub struct Task {
    /// Its name, which the decoder and the folder of its results have too.
    pub name: String,
    /// The data.
    pub data: DataArgs,
}

/// The items of a task.
#[derive(Debug, Clone)]
pub struct TaskItems {
    /// Its name.
    pub name: String,
    /// The items, with those of training cut to the part that is asked for.
    pub items: Dataset,
    /// How images were prepared, for the weights.
    pub usage: Usage,
}

#[derive(Parser)]
#[command(no_binary_name = true)]
struct Arguments {
    #[command(flatten)]
    data: DataArgs,
}

/// Reads a file of tasks: a list in JSON of objects with a `name` and the arguments of data sets as they are on the command line, as in
/// `{"name": "organs", "kind": "nifti", "images": "ct", "masks": "labels", "window": [-160, 240], "square": true}`.
///
/// # Errors
/// [`Error::Io`], [`Error::Json`]; [`Error::Unfit`] for what is no argument, and for a task without a name.
pub fn read_tasks(path: &Path) -> Result<Vec<Task>> {
    let text = std::fs::read_to_string(path).map_err(|source| Error::Io { path: path.into(), source })?;
    let tasks: Vec<Map<String, Value>> =
        serde_json::from_str(&text).map_err(|source| Error::Json { path: path.into(), source })?;
    tasks.iter().map(task).collect()
}

fn task(fields: &Map<String, Value>) -> Result<Task> {
    let Some(name) = fields.get(NAME).and_then(Value::as_str) else {
        let found = Value::Object(fields.clone()).to_string();
        return Err(Error::Unfit { what: "a task", expected: "a name".into(), found });
    };
    let arguments = fields.iter().filter(|(key, _)| *key != NAME).filter_map(|(key, v)| argument(key, v));
    let Arguments { data } = Arguments::try_parse_from(arguments).map_err(|error| Error::Unfit {
        what: "a task",
        expected: "the arguments of a data set".into(),
        found: format!("{name}: {error}"),
    })?;
    Ok(Task { name: name.to_string(), data })
}

/// As on the command line; none for a flag that is off.
fn argument(key: &str, value: &Value) -> Option<String> {
    let key = key.replace('_', "-");
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_string);
    match value {
        Value::Bool(false) | Value::Null => None,
        Value::Bool(true) => Some(format!("--{key}")),
        Value::Array(values) => {
            Some(format!("--{key}={}", values.iter().map(text).collect::<Vec<_>>().join(",")))
        }
        value => Some(format!("--{key}={}", text(value))),
    }
}

impl Task {
    /// Reads its items, for a model that sees squares of `size` pixels.
    ///
    /// # Errors
    /// As [`DataArgs::read`] and [`Dataset::fraction`].
    pub fn read(&self, size: usize, seed: u64) -> Result<TaskItems> {
        let mut items = self.data.read(seed)?;
        items.training = items.fraction(self.data.fraction, seed)?;
        let usage = self.data.usage(size, items.class_names.clone())?;
        Ok(TaskItems { name: self.name.clone(), items, usage })
    }
}

impl TaskItems {
    /// The task of a model.
    pub fn config(&self) -> TaskConfig {
        TaskConfig::new(self.name.clone(), self.items.channels)
    }

    /// What tells it from others.
    pub fn settings(&self, task: &Task) -> Settings {
        Settings::default()
            .with("data", task.data.settings())
            .with("held_out", self.items.held_out.iter().map(|item| &item.source.name).collect::<Vec<_>>())
            .with("training", self.items.training.iter().map(|item| &item.source.name).collect::<Vec<_>>())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::segmentation::DataKind;

    fn of(json: &str) -> Result<Vec<Task>> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tasks.json");
        std::fs::write(&path, json).unwrap();
        read_tasks(&path)
    }

    #[test]
    fn tasks_are_arguments_of_data() {
        let organs = r#"{"name": "organs", "kind": "nifti", "images": "ct", "masks": "labels", "classes": 3,
            "window": [-160, 240], "empty_slices": true, "square": false, "manifest": null}"#;
        let cells = r#"{"name": "cells", "images": "a", "masks": "b", "fraction": 0.5, "names": ["cell"]}"#;
        let tasks = of(&format!("[{organs}, {cells}]")).unwrap();
        assert_eq!([&tasks[0].name, &tasks[1].name], ["organs", "cells"]);
        let (ct, grey) = (&tasks[0].data, &tasks[1].data);
        assert_eq!(
            (ct.kind, ct.classes, ct.empty_slices, ct.square),
            (DataKind::Nifti, Some(3), true, false)
        );
        assert_eq!(ct.slicing().unwrap().window, Some([-160.0, 240.0]));
        assert_eq!((grey.fraction, grey.held_out, grey.names[0].as_str()), (0.5, 0.2, "cell"));
        for (wrong, expected) in [
            (r#"[{"images": "a", "masks": "b"}]"#, "a name"),
            (r#"[{"name": "x", "images": "a"}]"#, "--masks"),
            (r#"[{"name": "x", "images": "a", "masks": "b", "windwo": [1, 2]}]"#, "--windwo"),
        ] {
            let error = of(wrong).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
        assert!(matches!(of("{}"), Err(Error::Json { .. })));
    }
}
