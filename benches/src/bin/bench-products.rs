//! Products of matrices on command, for `products.py`: those of the kernels, and those that burn's `flex` and `ndarray` make without them.
//!
//! Each line of standard input has rows, depth and columns; the answer has a line for each way, with its name and milliseconds of the median of several rounds, and
//! ends with an empty line.

use std::hint::black_box;
use std::io::{BufRead, Write};
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use burn::tensor::{Device, Distribution, Tensor};
use medburn_benches::laps::{median, synchronize};
use medburn_benches::{Error, Result, exit};
use mednn::ops;

const ROUNDS: usize = 15;

/// A way to multiply.
struct Way {
    name: &'static str,
    device: Device,
    /// What is done with the weight before it is multiplied with.
    prepare: fn(Tensor<2>) -> Option<Tensor<2>>,
    multiply: fn(Tensor<2>, Tensor<2>) -> Tensor<2>,
}

fn main() -> ExitCode {
    exit(run())
}

fn run() -> Result<()> {
    let ways = ways();
    for line in std::io::stdin().lock().lines() {
        let line = line.map_err(Error::io(Path::new("standard input")))?;
        let size: Vec<usize> = line.split_whitespace().map_while(|number| number.parse().ok()).collect();
        let &[rows, depth, columns] = &size[..] else {
            return Err(Error::Unfit {
                what: "size",
                expected: "rows, depth and columns".to_string(),
                found: line,
            });
        };
        let mut out = std::io::stdout().lock();
        for (way, milliseconds) in ways.iter().zip(times(&ways, [rows, depth, columns])?) {
            writeln!(out, "{}\t{milliseconds:.4}", way.name)
                .map_err(Error::io(Path::new("standard output")))?;
        }
        writeln!(out).and_then(|()| out.flush()).map_err(Error::io(Path::new("standard output")))?;
    }
    Ok(())
}

#[allow(deprecated)] // `ndarray` leaves burn in 0.23
fn ways() -> Vec<Way> {
    let linear = |x: Tensor<2>, weight: Tensor<2>| ops::linear_with(x, weight, None, None);
    vec![
        Way {
            name: "medkernels",
            device: Device::flex(),
            prepare: |weight| Some(ops::keep_packed(weight)),
            multiply: linear,
        },
        Way { name: "medkernels int8", device: Device::flex(), prepare: ops::keep_int8, multiply: linear },
        Way { name: "gemm", device: Device::flex(), prepare: Some, multiply: Tensor::matmul },
        #[cfg(feature = "ndarray")]
        Way { name: "matrixmultiply", device: Device::ndarray(), prepare: Some, multiply: Tensor::matmul },
    ]
}

/// Medians, all ways taking turns.
fn times(ways: &[Way], [rows, depth, columns]: [usize; 3]) -> Result<Vec<f64>> {
    let noise = Distribution::Uniform(-1.0, 1.0);
    let factors: Vec<_> = ways
        .iter()
        .map(|way| {
            let weight = Tensor::<2>::random([depth, columns], noise, &way.device);
            let weight = (way.prepare)(weight).ok_or_else(|| Error::Unfit {
                what: "size",
                expected: format!("one that {} takes", way.name),
                found: format!("{depth} x {columns}"),
            })?;
            Ok((Tensor::<2>::random([rows, depth], noise, &way.device), weight))
        })
        .collect::<Result<_>>()?;
    let mut times = vec![Vec::new(); ways.len()];
    for _ in 0..ROUNDS {
        for ((way, (x, weight)), times) in ways.iter().zip(&factors).zip(&mut times) {
            let started = Instant::now();
            black_box((way.multiply)(x.clone(), weight.clone()));
            synchronize(&way.device)?;
            times.push(1e3 * started.elapsed().as_secs_f64());
        }
    }
    Ok(times.into_iter().map(median).collect())
}
