//! EVP's high frequencies beside torch.fft.

use burn::tensor::Tensor;
use mednn::bridge::{array_to_tensor, tensor_to_array};
use medprompt::high_pass_batch;
use ndarray::Ix4;

use crate::common::{Golden, close, device};

#[test]
fn images_without_low_frequencies_are_those_of_torch() {
    let device = device();
    let mut golden = Golden::open("high_pass");
    let cases = golden.suffixes("input.");
    assert_eq!(cases.len(), 4);
    for case in cases {
        let ratio: f64 = case.rsplit('x').next().unwrap().parse().unwrap();
        let input: Tensor<3> = golden.tensor(&format!("input.{case}"), &device);
        let expected: Tensor<3> = golden.tensor(&format!("passed.{case}"), &device);
        let input = tensor_to_array(input.unsqueeze::<4>()).unwrap().into_dimensionality::<Ix4>().unwrap();
        let found = high_pass_batch(input.view(), ratio).unwrap();
        close(array_to_tensor(&found, &device), expected.unsqueeze::<4>(), 2e-6, &case);
    }
}
