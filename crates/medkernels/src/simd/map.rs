//! One function over every number of a slice.

use super::{Isa, Kernel, Matrix, MatrixMut, Simd, for_each_block, run};

/// A function of one number.
pub(crate) trait Map: Copy + Send + Sync {
    /// The function of each lane. Mark it `#[inline(always)]`.
    fn map<S: Simd>(self, simd: S, x: S::Vector) -> S::Vector;
}

/// A function of two numbers.
pub(crate) trait Zip: Copy + Send + Sync {
    /// The function of each lane. Mark it `#[inline(always)]`.
    fn zip<S: Simd>(self, simd: S, a: S::Vector, b: S::Vector) -> S::Vector;
}

/// `output = function(input)`.
///
/// # Panics
///
/// If the lengths differ.
pub(crate) fn map_into(function: impl Map, input: &[f32], output: &mut [f32]) {
    assert_eq!(input.len(), output.len(), "lengths of input and output");
    let isa = Isa::current();
    let input = Matrix { data: input, width: 1 };
    let output = MatrixMut { data: output, width: 1 };
    for_each_block((input, output), 1, |(input, output)| {
        run(isa, MapInto { function, input: input.data, output: output.data });
    });
}

/// `values = function(values)`.
pub(crate) fn map_in_place(function: impl Map, values: &mut [f32]) {
    let isa = Isa::current();
    let values = MatrixMut { data: values, width: 1 };
    for_each_block(values, 1, |values| {
        run(isa, MapInPlace { function, values: values.data });
    });
}

/// `output = function(a, b)`.
///
/// # Panics
///
/// If the lengths differ.
pub(crate) fn zip_into(function: impl Zip, a: &[f32], b: &[f32], output: &mut [f32]) {
    assert_eq!(a.len(), output.len(), "lengths of first input and output");
    assert_eq!(b.len(), output.len(), "lengths of second input and output");
    let isa = Isa::current();
    let a = Matrix { data: a, width: 1 };
    let b = Matrix { data: b, width: 1 };
    let output = MatrixMut { data: output, width: 1 };
    for_each_block((a, b, output), 1, |(a, b, output)| {
        run(isa, ZipInto { function, a: a.data, b: b.data, output: output.data });
    });
}

struct MapInto<'a, F> {
    function: F,
    input: &'a [f32],
    output: &'a mut [f32],
}

impl<F: Map> Kernel for MapInto<'_, F> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let mut input = self.input.chunks_exact(S::LANES);
        let mut output = self.output.chunks_exact_mut(S::LANES);
        for (input, output) in input.by_ref().zip(output.by_ref()) {
            simd.store(output, self.function.map(simd, simd.load(input)));
        }
        let x = simd.load_partial(input.remainder(), 0.0);
        simd.store_partial(output.into_remainder(), self.function.map(simd, x));
    }
}

struct MapInPlace<'a, F> {
    function: F,
    values: &'a mut [f32],
}

impl<F: Map> Kernel for MapInPlace<'_, F> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let mut values = self.values.chunks_exact_mut(S::LANES);
        for values in values.by_ref() {
            let x = simd.load(values);
            simd.store(values, self.function.map(simd, x));
        }
        let rest = values.into_remainder();
        let x = simd.load_partial(rest, 0.0);
        simd.store_partial(rest, self.function.map(simd, x));
    }
}

struct ZipInto<'a, F> {
    function: F,
    a: &'a [f32],
    b: &'a [f32],
    output: &'a mut [f32],
}

impl<F: Zip> Kernel for ZipInto<'_, F> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let mut a = self.a.chunks_exact(S::LANES);
        let mut b = self.b.chunks_exact(S::LANES);
        let mut output = self.output.chunks_exact_mut(S::LANES);
        for ((a, b), output) in a.by_ref().zip(b.by_ref()).zip(output.by_ref()) {
            let value = self.function.zip(simd, simd.load(a), simd.load(b));
            simd.store(output, value);
        }
        let a = simd.load_partial(a.remainder(), 0.0);
        let b = simd.load_partial(b.remainder(), 0.0);
        simd.store_partial(output.into_remainder(), self.function.zip(simd, a, b));
    }
}
