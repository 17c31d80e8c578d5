//! Loading and saving the parts that models share.

use mednn::text::{TextConfig, TextModel};
use mednn::weights::{Strictness, WeightReport, WeightSource, WeightWriter, load_part};

use crate::error::Result;
use crate::vision::{VisionBackbone, VisionBackboneConfig};

/// Loads a backbone from the keys behind a prefix.
pub(crate) fn load_backbone(
    backbone: VisionBackbone,
    config: &VisionBackboneConfig,
    source: &mut WeightSource,
    prefix: &str,
) -> Result<(VisionBackbone, WeightReport)> {
    let (map, exact) = (config.key_map(), Strictness::Exact);
    Ok(match backbone {
        VisionBackbone::ResNet(resnet) => {
            let (resnet, report) = load_part(resnet, source, map, prefix, exact)?;
            (VisionBackbone::ResNet(resnet), report)
        }
        VisionBackbone::Vit(vit) => {
            let (vit, report) = load_part(vit, source, map, prefix, exact)?;
            (VisionBackbone::Vit(vit), report)
        }
    })
}

/// Loads a text encoder from the keys behind a prefix; a pooler is left out.
pub(crate) fn load_text(
    text: TextModel,
    config: &TextConfig,
    source: &mut WeightSource,
    prefix: &str,
) -> Result<(TextModel, WeightReport)> {
    modern_bert_names(source, prefix);
    let (map, exact) = (config.key_map(), Strictness::Exact);
    Ok(match text {
        TextModel::Bert(model) => {
            let (model, report) = load_part(model, source, map, prefix, exact)?;
            (TextModel::Bert(model), report)
        }
        TextModel::Roberta(model) => {
            let (model, report) = load_part(model, source, map, prefix, exact)?;
            (TextModel::Roberta(model), report)
        }
        TextModel::ModernBert(model) => {
            let (model, report) = load_part(model, source, map, prefix, exact)?;
            (TextModel::ModernBert(model), report)
        }
    })
}

pub(crate) fn add_backbone(
    writer: &mut WeightWriter,
    prefix: &str,
    backbone: &VisionBackbone,
    config: &VisionBackboneConfig,
) -> Result<()> {
    match backbone {
        VisionBackbone::ResNet(resnet) => writer.add(prefix, resnet, config.key_map())?,
        VisionBackbone::Vit(vit) => writer.add(prefix, vit, config.key_map())?,
    }
    Ok(())
}

pub(crate) fn add_text(
    writer: &mut WeightWriter,
    prefix: &str,
    text: &TextModel,
    config: &TextConfig,
) -> Result<()> {
    let map = config.key_map();
    match text {
        TextModel::Bert(model) => writer.add(prefix, model, map)?,
        TextModel::Roberta(model) => writer.add(prefix, model, map)?,
        TextModel::ModernBert(model) => writer.add(prefix, model, map)?,
    }
    Ok(())
}

/// The first checkpoints call the parameters of BERT's layer norms gamma and beta.
fn modern_bert_names(source: &mut WeightSource, prefix: &str) {
    source.rename(|key| {
        let gamma = key.strip_suffix("LayerNorm.gamma").map(|stem| format!("{stem}LayerNorm.weight"));
        let beta = || key.strip_suffix("LayerNorm.beta").map(|stem| format!("{stem}LayerNorm.bias"));
        key.starts_with(prefix).then(|| gamma.or_else(beta)).flatten()
    });
}

/// Gathers what was loaded from where, part by part.
#[derive(Debug, Default)]
pub(crate) struct Reports(WeightReport);

impl Reports {
    /// Takes the module and keeps the report.
    pub(crate) fn keep<M>(&mut self, (module, report): (M, WeightReport)) -> M {
        self.0.loaded.extend(report.loaded);
        self.0.ignored.extend(report.ignored);
        module
    }

    /// The report of all parts, once each key has gone to one or is `ignored`.
    pub(crate) fn finish(mut self, source: &WeightSource, ignored: &[&str]) -> Result<WeightReport> {
        let used: std::collections::BTreeSet<&str> =
            self.0.loaded.iter().chain(&self.0.ignored).map(String::as_str).collect();
        let stray: Vec<String> =
            source.keys().filter(|key| !used.contains(key)).map(str::to_string).collect();
        for key in stray {
            let known = ignored.iter().any(|prefix| key.starts_with(prefix));
            let list = if known { &mut self.0.ignored } else { &mut self.0.unused };
            list.push(key);
        }
        if self.0.unused.is_empty() {
            return Ok(self.0);
        }
        let what = source.name().to_string();
        Err(mednn::Error::Weights { what, report: Box::new(self.0) }.into())
    }
}
