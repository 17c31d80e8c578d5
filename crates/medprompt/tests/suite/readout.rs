//! Logits and prompts that follow superpixels.

use burn::tensor::Tensor;
use mednn::bridge::{array_to_tensor, read_f32, tensor_to_array};
use medprompt::superpixel::{
    ReadoutConfig, SlicConfig, SuperpixelSource, region_means, slic_maps, slic_mean_images, slic_regions,
};
use medprompt::{Adaptation, BackboneConfig, Error, PromptInput, SegmentationConfig};
use ndarray::{Array4, Axis, Ix4};

use crate::common::{close, config, device, images, model, tiny_mit, tiny_vit};

fn slic() -> SlicConfig {
    SlicConfig::new().with_segments(20)
}

fn arrays(batch: usize) -> Array4<f32> {
    tensor_to_array(images(batch, 32, &device())).unwrap().into_dimensionality::<Ix4>().unwrap()
}

#[test]
fn means_over_regions_are_those_of_superpixels() {
    let device = device();
    let arrays = arrays(2);
    let regions: Tensor<4> = array_to_tensor(&slic_regions(arrays.view(), &slic()).unwrap(), &device);
    assert_eq!(regions.dims(), [2, 1, 32, 32]);
    let expected: Tensor<4> = array_to_tensor(&slic_mean_images(arrays.view(), &slic()).unwrap(), &device);
    close(region_means(array_to_tensor(&arrays, &device), regions), expected, 2e-6, "means");
}

#[test]
fn gradients_of_a_mean_are_shared_by_its_region() {
    let device = device().autodiff();
    let values = Tensor::<4>::from_floats([[[[1.0, 2.0, 6.0], [3.0, 4.0, 8.0]]]], &device).require_grad();
    let regions = Tensor::<4>::from_floats([[[[0.0, 0.0, 2.0], [0.0, 0.0, 2.0]]]], &device);
    let means = region_means(values.clone(), regions);
    assert_eq!(read_f32(means.clone()).unwrap(), [2.5, 2.5, 7.0, 2.5, 2.5, 7.0]);
    let weights = Tensor::<4>::from_floats([[[[4.0, 0.0, 1.0], [0.0, 0.0, 3.0]]]], &device);
    let gradient = values.grad(&(means * weights).sum().backward()).unwrap();
    assert_eq!(read_f32(gradient).unwrap(), [1.0, 1.0, 2.0, 1.0, 1.0, 2.0]);
}

#[test]
fn a_readout_goes_from_pixels_to_superpixels() {
    let device = device();
    let images = images(2, 32, &device);
    let regions = array_to_tensor(&slic_regions(arrays(2).view(), &slic()).unwrap(), &device);
    // Every pixel a region of its own: the logits as they are.
    let single: Tensor<4> = Tensor::arange(0..2 * 32 * 32, &device).float().reshape([2, 1, 32, 32]);
    for (backbone, adaptation) in [
        (BackboneConfig::Mit(tiny_mit()), Adaptation::HeadOnly),
        (BackboneConfig::Vit(tiny_vit()), Adaptation::mvp(SuperpixelSource::Slic(slic()))),
    ] {
        let plain = model(&config(backbone.clone(), adaptation.clone(), 2), &device);
        for weight in [0.0, 0.25, 1.0] {
            let readout = ReadoutConfig::new().with_slic(slic()).with_weight(weight);
            let config = config(backbone.clone(), adaptation.clone(), 2).with_readout(Some(readout));
            let model = model(&config, &device);
            assert_eq!(model.trained_parameters(), plain.trained_parameters());
            let guides = model.guides(&images).unwrap().unwrap();
            let prompts = guides.dims()[1] - 1;
            assert_eq!(prompts, if adaptation == Adaptation::HeadOnly { 0 } else { 3 });
            let all = [0..2, prompts..prompts + 1, 0..32, 0..32];
            let found = model.forward(images.clone(), Some(guides.slice_assign(all, single.clone())));
            let means = region_means(found.clone(), regions.clone());
            let expected = found * (1.0 - weight) + means * weight;
            close(model.segment(images.clone()).unwrap(), expected, 1e-5, &format!("weight {weight}"));
        }
    }
}

#[test]
fn configurations_without_a_readout_are_read() {
    let plain = config(BackboneConfig::Mit(tiny_mit()), Adaptation::evp(), 1);
    let with = plain.clone().with_readout(Some(ReadoutConfig::new()));
    for config in [&plain, &with] {
        assert_eq!(&SegmentationConfig::from_json(&config.to_json()).unwrap(), config);
    }
    let older = plain.to_json().replace(",\"readout\":null", "");
    assert!(!older.contains("readout"));
    assert_eq!(SegmentationConfig::from_json(&older).unwrap(), plain);
    for weight in [-0.1, 1.1, f64::NAN] {
        let wrong = plain.clone().with_readout(Some(ReadoutConfig::new().with_weight(weight)));
        assert!(matches!(wrong.validate(), Err(Error::Config { field: "weight", .. })));
    }
}

#[test]
fn maps_tell_means_texture_and_borders_apart() {
    let mut arrays = arrays(1);
    let maps = slic_maps(arrays.view(), &slic()).unwrap();
    let map = |k: usize| maps.index_axis(Axis(0), 0).index_axis(Axis(0), k).to_owned();
    for k in 0..3 {
        let square = map(k).mapv(|v| v * v).mean().unwrap();
        assert!((square - 1.0).abs() < 1e-3, "{k}: {square}");
    }
    assert!(map(0).mean().unwrap().abs() < 1e-3 && map(1).mean().unwrap().abs() < 1e-3);
    let regions = slic_regions(arrays.view(), &slic()).unwrap();
    for ((_, _, r, c), region) in regions.indexed_iter() {
        let near = [(r + 1, c), (r, c + 1), (r.wrapping_sub(1), c), (r, c.wrapping_sub(1))];
        let inside = near.iter().all(|&(y, x)| regions.get([0, 0, y, x]).is_none_or(|other| other == region));
        assert!(!inside || map(2)[[r, c]] == 0.0, "{r} {c}");
    }
    arrays.fill(0.5);
    assert!(slic_maps(arrays.view(), &slic()).unwrap().iter().all(|v| *v == 0.0));
}

#[test]
fn maps_are_prompts_of_as_many_parameters() {
    let device = device();
    let of =
        |input| Adaptation::VisualPrompts { input, prompts: medprompt::prompts::VisualPromptsConfig::new() };
    let backbone = BackboneConfig::Mit(tiny_mit());
    let evp = model(&config(backbone.clone(), Adaptation::evp(), 1), &device);
    let maps = model(&config(backbone.clone(), of(PromptInput::SuperpixelMaps(slic())), 1), &device);
    assert_eq!(maps.trained_parameters(), evp.trained_parameters());
    assert_eq!(maps.segment(images(1, 32, &device)).unwrap().dims(), [1, 1, 32, 32]);
    let wrong = config(backbone, of(PromptInput::SuperpixelMaps(slic().with_segments(0))), 1);
    assert!(matches!(wrong.validate(), Err(Error::Config { field: "segments", .. })));
}
