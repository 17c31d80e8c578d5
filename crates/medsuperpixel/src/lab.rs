//! From sRGB to CIE L\*a\*b\*.
//!
//! IEC 61966-2-1 (sRGB) and CIE 015 with the white point D65 of the 2 degree observer, as scikit-image's `rgb2lab`.

/// sRGB primaries to XYZ (IEC 61966-2-1), each row divided by the white point's X, Y or Z.
const XYZ: [[f32; 3]; 3] = {
    let white = [0.95047, 1.0, 1.08883];
    let m = [[0.412453, 0.357580, 0.180423], [0.212671, 0.715160, 0.072169], [0.019334, 0.119193, 0.950227]];
    let mut scaled = [[0.0f32; 3]; 3];
    let mut i = 0;
    while i < 9 {
        scaled[i / 3][i % 3] = (m[i / 3][i % 3] / white[i / 3]) as f32;
        i += 1;
    }
    scaled
};

/// Steps of the table of [`linear`].
const STEPS: usize = 4096;

/// sRGB in 0..1 to linear light.
pub(crate) fn linear_exact(v: f64) -> f64 {
    if v > 0.04045 { ((v + 0.055) / 1.055).powf(2.4) } else { v / 12.92 }
}

/// [`linear_exact`] by linear interpolation in a table, within 1e-7.
pub(crate) struct Linear(Vec<f32>);

impl Linear {
    pub(crate) fn new() -> Self {
        Self((0..=STEPS + 1).map(|i| linear_exact(i as f64 / STEPS as f64) as f32).collect())
    }

    pub(crate) fn at(&self, v: f32) -> f32 {
        let position = v.clamp(0.0, 1.0) * STEPS as f32;
        let i = (position as usize).min(STEPS);
        let (a, b) = (self.0[i], self.0[i + 1]);
        a + (b - a) * (position - i as f32)
    }
}

/// One pixel of linear light in 0..1 to L (0..100), a and b.
#[inline(always)]
fn lab([r, g, b]: [f32; 3]) -> [f32; 3] {
    let [mx, my, mz] = XYZ;
    let x = compress(mx[0] * r + mx[1] * g + mx[2] * b);
    let y = compress(my[0] * r + my[1] * g + my[2] * b);
    let z = compress(mz[0] * r + mz[1] * g + mz[2] * b);
    [116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)]
}

/// Rows of red, green and blue as linear light become L, a and b.
#[inline(always)]
pub(crate) fn lab_row(l: &mut [f32], a: &mut [f32], b: &mut [f32]) {
    for ((l, a), b) in l.iter_mut().zip(a).zip(b) {
        [*l, *a, *b] = lab([*l, *a, *b]);
    }
}

/// The cube root, linear near 0 (CIE 015, 8.2.1.1).
#[inline(always)]
fn compress(t: f32) -> f32 {
    let root = cube_root(if t > 1e-3 { t } else { 1e-3 });
    let line = 7.787 * t + 16.0 / 116.0;
    if t > 0.008856 { root } else { line }
}

/// Of a normal positive number, within a few units in the last place: without calls, so that loops over pixels vectorise.
#[inline(always)]
fn cube_root(t: f32) -> f32 {
    // A third of the exponent by integer arithmetic on the bits (within 6 %), then two steps of Halley's method.
    let mut y = f32::from_bits(t.to_bits() / 3 + 0x2A51_19F2);
    for _ in 0..2 {
        let cube = y * y * y;
        y *= (cube + 2.0 * t) / (2.0 * cube + t);
    }
    y
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_srgb(rgb: [u8; 3]) -> [f32; 3] {
        let linear = Linear::new();
        lab(rgb.map(|v| linear.at(f32::from(v) / 255.0)))
    }

    #[test]
    fn known_colours() {
        // skimage.color.rgb2lab
        let cases = [
            ([0, 0, 0], [0.0, 0.0, 0.0]),
            ([255, 255, 255], [100.0, -0.0024549, 0.0046534]),
            ([255, 0, 0], [53.2405879, 80.0923082, 67.2027510]),
            ([0, 0, 255], [32.2956726, 79.1855909, -107.8573002]),
            ([10, 20, 5], [5.2010448, -5.9215379, 5.6280613]),
            ([200, 120, 220], [62.4068286, 47.2146519, -38.5425588]),
        ];
        for (rgb, expected) in cases {
            let found = of_srgb(rgb);
            for (f, e) in found.iter().zip(expected) {
                assert!((f - e as f32).abs() < 2e-3, "{rgb:?}: {found:?}, expected {expected:?}");
            }
        }
    }

    #[test]
    fn cube_roots_are_exact_to_six_digits() {
        for i in 1..2000u16 {
            let t = f32::from(i) / 1000.0;
            assert!((cube_root(t) / t.cbrt() - 1.0).abs() < 1e-6, "{t}");
        }
    }

    #[test]
    fn the_table_follows_the_curve() {
        let linear = Linear::new();
        for i in 0..=10_000u16 {
            let v = f64::from(i) / 10_000.0;
            assert!((f64::from(linear.at(v as f32)) - linear_exact(v)).abs() < 2e-7, "{v}");
        }
    }
}
