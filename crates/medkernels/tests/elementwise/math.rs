//! Accuracy over all exponents.

use medkernels::math::{erf_in_place, erf_into, exp_in_place, exp_into, tanh_in_place, tanh_into};

use crate::common::{SIZES, for_each_isa, numbers, on_any_number_of_threads, sweep, ulps, worst};

type Into = fn(&[f32], &mut [f32]);
type InPlace = fn(&mut [f32]);

const STEP: usize = 3001;

#[test]
fn exp_is_within_one_and_a_half_ulp() {
    let mut input = sweep(STEP);
    input.extend(numbers(500_000, 1, 104.0));
    let mut output = vec![0.0; input.len()];
    for_each_isa(|isa| {
        exp_into(&input, &mut output);
        let (x, error) = worst(&input, &output, |x, y| ulps(y, libm::exp(x.into())));
        println!("exp {isa}: {error:.3} ulp at {x}");
        assert!(error <= 1.5, "{isa}: {error} ulp at {x}");
    });
}

#[test]
fn exp_at_the_ends() {
    for_each_isa(|isa| {
        let mut values = [f32::NEG_INFINITY, f32::INFINITY, f32::NAN, 0.0, -0.0, -103.9, -200.0, 88.73];
        exp_in_place(&mut values);
        assert_eq!(values[0], 0.0, "{isa}");
        assert_eq!(values[1], f32::INFINITY, "{isa}");
        assert!(values[2].is_nan(), "{isa}");
        assert_eq!(values[3..5], [1.0, 1.0], "{isa}");
        assert_eq!(values[5], f32::from_bits(1), "{isa}: denormals are kept");
        assert_eq!(values[6..], [0.0, f32::INFINITY], "{isa}");
    });
}

#[test]
fn erf_is_within_a_tenth_of_a_millionth() {
    let mut input = sweep(STEP);
    input.extend(numbers(500_000, 2, 5.0));
    let mut output = vec![0.0; input.len()];
    for_each_isa(|isa| {
        erf_into(&input, &mut output);
        let reference = |x: f32| libm::erf(x.into());
        let (x, error) = worst(&input, &output, |x, y| {
            if x.is_nan() && y.is_nan() { 0.0 } else { (f64::from(y) - reference(x)).abs() }
        });
        println!("erf {isa}: {error:.3e} at {x}");
        assert!(error <= 1e-7, "{isa}: {error} at {x}");
        let (x, error) = worst(&input, &output, |x, y| ulps(y, reference(x)));
        println!("erf {isa}: {error:.3} ulp at {x}");
        assert!(error <= 4.0, "{isa}: {error} ulp at {x}");
    });
}

#[test]
fn tanh_is_within_three_ulp() {
    let mut input = sweep(STEP);
    input.extend(numbers(500_000, 3, 10.0));
    let mut output = vec![0.0; input.len()];
    for_each_isa(|isa| {
        tanh_into(&input, &mut output);
        let (x, error) = worst(&input, &output, |x, y| ulps(y, libm::tanh(x.into())));
        println!("tanh {isa}: {error:.3} ulp at {x}");
        assert!(error <= 3.0, "{isa}: {error} ulp at {x}");
    });
}

#[test]
fn in_place_and_threads_change_no_bit() {
    let functions: [(Into, InPlace); 3] =
        [(exp_into, exp_in_place), (erf_into, erf_in_place), (tanh_into, tanh_in_place)];
    for size in SIZES {
        let input = numbers(size, 4, 6.0);
        for (into, in_place) in functions {
            let expected = on_any_number_of_threads(|| {
                let mut output = vec![0.0; size];
                into(&input, &mut output);
                output
            });
            let mut values = input.clone();
            in_place(&mut values);
            assert_eq!(values, expected);
        }
    }
}
