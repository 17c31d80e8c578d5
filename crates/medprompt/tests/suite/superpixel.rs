//! Superpixel sampling networks beside torch and scikit-image.

use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::{Device, Tensor, TensorData};
use mednn::bridge::{read_f32, tensor_to_array};
use mednn::optim::{AdamWByPath, AdamWConfig};
use medprompt::superpixel::{
    ITERATIONS, SlicConfig, SoftSuperpixels, SuperpixelNetwork, SuperpixelNetworkConfig, boundaries,
    label_reconstruction_loss, position_loss, rgb_to_lab, slic_mean_images, superpixel_loss,
};
use ndarray::{Ix4, array};

use crate::common::{Golden, close, device, images};

#[test]
fn clustering_losses_and_gradients_are_those_of_torch() {
    let device = device().autodiff();
    let mut golden = Golden::open("clustering");
    let cases = golden.suffixes("features.");
    assert_eq!(cases.len(), 3);
    for case in cases {
        let grid = case.split_once('.').unwrap().1.split_once('x').unwrap();
        let grid = [grid.0.parse().unwrap(), grid.1.parse().unwrap()];
        let features = golden.tensor::<4>(&format!("features.{case}"), &device).require_grad();
        let found = SoftSuperpixels::cluster(features.clone(), grid, ITERATIONS);
        let mut expect = |what: &str| golden.tensor::<3>(&format!("{what}.{case}"), &device);
        close(found.assignment(), expect("assignment"), 2e-5, &format!("assignment of {case}"));
        let hard = golden.values(&format!("hard.{case}"));
        let labels: Vec<f32> = read_f32(found.labels().float()).unwrap();
        assert_eq!(labels, hard, "labels of {case}");

        let labels = golden.tensor::<4>(&format!("labels.{case}"), &device);
        let entropy = golden.tensor::<1>(&format!("entropy.{case}"), &device);
        close(
            label_reconstruction_loss(&found, labels.clone()),
            entropy,
            2e-6,
            &format!("entropy of {case}"),
        );
        let position = golden.tensor::<1>(&format!("position.{case}"), &device);
        close(position_loss(&found), position, 1e-5, &format!("position of {case}"));

        let gradients = superpixel_loss(&found, labels).backward();
        let gradient = features.grad(&gradients).unwrap();
        let expected = golden.tensor::<4>(&format!("gradient.{case}"), &device.clone().without_autodiff());
        close(gradient, expected, 5e-5, &format!("gradient of {case}"));
    }
}

/// Fills a network from keys behind `weights.`.
struct Fill<'a> {
    golden: &'a mut Golden,
    path: Vec<String>,
    filled: usize,
}

impl ModuleMapper for Fill<'_> {
    fn enter_module(&mut self, name: &str, _: &str) {
        self.path.push(name.to_string());
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.pop();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let values = self.golden.values(&format!("weights.{}", self.path.join(".")));
        self.filled += 1;
        let shape = param.lazy_shape().to_vec();
        param.map(|old: Tensor<D>| Tensor::from_data(TensorData::new(values, shape), &old.device()))
    }
}

fn golden_network(golden: &mut Golden, device: &Device) -> SuperpixelNetwork {
    let config = SuperpixelNetworkConfig::new().with_segments(14).with_width(4).with_features(9);
    let count = golden.suffixes("weights.").len();
    let mut fill = Fill { golden, path: Vec::new(), filled: 0 };
    let network = config.init(device).unwrap().map(&mut fill);
    assert_eq!(fill.filled, count);
    network
}

#[test]
fn a_network_from_image_to_mean_image_is_that_of_torch() {
    let device = device();
    let mut golden = Golden::open("network");
    let network = golden_network(&mut golden, &device);
    let image = golden.tensor::<4>("image", &device);
    close(rgb_to_lab(image.clone()), golden.tensor("lab", &device), 1e-5, "Lab");
    let inputs = golden.tensor::<4>("inputs", &device);
    close(network.features(inputs), golden.tensor("features", &device), 2e-6, "features");
    let found = network.forward(image.clone()).reconstruct(image);
    close(found, golden.tensor("mean_image", &device), 1e-4, "mean image");
}

#[test]
fn weights_of_a_pixel_sum_to_one() {
    let device = device();
    let network = SuperpixelNetworkConfig::new().with_segments(9).init(&device).unwrap();
    let found = network.forward(images(2, 20, &device));
    let sums = read_f32(found.assignment().sum_dim(1)).unwrap();
    assert!(sums.iter().all(|s| (s - 1.0).abs() < 1e-5));
    let one = network.forward(images(1, 1, &device));
    assert_eq!(one.assignment().dims(), [1, 1, 1]);
}

#[test]
fn a_network_learns_to_follow_labels() {
    let device = device().autodiff();
    device.seed(1);
    let mut network = SuperpixelNetworkConfig::new().with_segments(9).with_width(4).init(&device).unwrap();
    let images = images(1, 24, &device);
    let bright = images.clone().mean_dim(1).greater_elem(0.5).float();
    let labels = Tensor::cat(vec![bright.clone(), bright.neg() + 1.0], 1);
    let mut losses = Vec::new();
    let mut optimizer = AdamWByPath::new(AdamWConfig::new().with_weight_decay(0.0).build());
    for _ in 0..30 {
        let loss = superpixel_loss(&network.forward(images.clone()), labels.clone());
        losses.push(loss.clone().into_scalar::<f32>());
        network = optimizer.step(network, &loss.backward(), |_| 1e-2);
    }
    assert!(losses[29] < 0.8 * losses[0], "{losses:?}");
}

#[test]
fn slic_means_are_constant_in_a_superpixel_and_keep_the_mean() {
    let device = device();
    let images = tensor_to_array(images(2, 32, &device)).unwrap().into_dimensionality::<Ix4>().unwrap();
    let means = slic_mean_images(images.view(), &SlicConfig::new().with_segments(20)).unwrap();
    let mean = |a: &ndarray::Array4<f32>| a.mean().unwrap();
    assert!((mean(&images) - mean(&means)).abs() < 1e-4);
    let mut values: Vec<u32> = means.slice(ndarray::s![0, 0, .., ..]).iter().map(|v| v.to_bits()).collect();
    values.sort_unstable();
    values.dedup();
    assert!(values.len() < 60, "{} values", values.len());
    let labels = array![[1u32, 1, 2], [1, 1, 2], [3, 3, 3]];
    let expected = array![[false, true, false], [true, true, true], [false, false, false]];
    assert_eq!(boundaries(labels.view()), expected);
}

#[test]
fn wrong_settings_are_refused() {
    let device = device();
    assert!(SuperpixelNetworkConfig::new().with_segments(0).init(&device).is_err());
    assert!(SuperpixelNetworkConfig::new().with_features(5).init(&device).is_err());
    assert!(SlicConfig::new().with_compactness(f64::NAN).validate().is_err());
    let nan = ndarray::Array4::from_elem([1, 3, 8, 8], f32::NAN);
    assert!(slic_mean_images(nan.view(), &SlicConfig::new()).is_err());
}
