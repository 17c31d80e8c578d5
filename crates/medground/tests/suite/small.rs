//! Small random models over the tokeniser of a fixture.

use burn::tensor::Device;
use medground::PhraseGrounder;
use medground::grounder::GeneralisedGrounderConfig;
use medground::mdetr::MdetrConfig;
use medground::model::{CrossModalConfig, GroundingConfig};
use medground::transvg::TransVgConfig;
use medground::vision::{ImagePreprocessor, VisionBackboneConfig};
use mednn::VitConfig;
use mednn::detr::DetrTransformerConfig;
use mednn::text::{TextConfig, Tokenizer};
use mednn::vit::VitFamily;

use crate::common::fixture;

fn text() -> TextConfig {
    let json = std::fs::read_to_string(fixture("text/bert/config.json")).unwrap();
    TextConfig::from_hugging_face(&json).unwrap()
}

pub(crate) fn layers() -> DetrTransformerConfig {
    DetrTransformerConfig::new().with_num_layers(1).with_width(16).with_heads(2).with_ffn(24)
}

pub(crate) fn vit() -> VisionBackboneConfig {
    VisionBackboneConfig::Vit(VitConfig::new(VitFamily::Dinov2, 12, 1, 2, 24, 32, 8))
}

pub(crate) fn generalised() -> GroundingConfig {
    let transformer = CrossModalConfig {
        encoder: layers(),
        decoder: layers(),
        image_size: 32,
        text_tokens: 24,
        ..CrossModalConfig::new(vit(), text(), 5)
    };
    GroundingConfig::Generalised(GeneralisedGrounderConfig { transformer })
}

pub(crate) fn mdetr() -> GroundingConfig {
    let GroundingConfig::Generalised(GeneralisedGrounderConfig { transformer }) = generalised() else {
        panic!()
    };
    GroundingConfig::Mdetr(MdetrConfig { transformer, token_slots: 24, alignment_width: 8 })
}

pub(crate) fn transvg() -> GroundingConfig {
    GroundingConfig::TransVg(TransVgConfig {
        fusion: layers(),
        image_size: 32,
        text_tokens: 24,
        ..TransVgConfig::new(vit(), text())
    })
}

pub(crate) fn grounder(config: GroundingConfig, device: &Device) -> PhraseGrounder {
    device.seed(4);
    let tokenizer = Tokenizer::from_pretrained(fixture("text/bert")).unwrap();
    let model = config.init(device);
    let preprocessor = ImagePreprocessor::radiograph(config.image_size());
    PhraseGrounder::new(config, model, tokenizer, preprocessor, device).unwrap()
}
