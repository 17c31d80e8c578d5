//! Colours as DICOM recommends them: CIELab (PS3.3 C.10.7.1.1).

/// The encoded CIELab value, D50 white, of an sRGB colour.
pub(super) fn lab_of(rgb: [u8; 3]) -> [u16; 3] {
    let linear = rgb.map(|c| {
        let c = f64::from(c) / 255.0;
        if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
    });
    // sRGB to XYZ relative to D50 (Bradford), divided by the white point.
    let row = |m: [f64; 3], white: f64| m.iter().zip(linear).map(|(a, b)| a * b).sum::<f64>() / white;
    let x = row([0.436_075, 0.385_065, 0.143_080], 0.964_220);
    let y = row([0.222_504, 0.716_879, 0.060_617], 1.0);
    let z = row([0.013_932, 0.097_105, 0.714_173], 0.825_210);
    let f = |t: f64| if t > 216.0 / 24_389.0 { t.cbrt() } else { (24_389.0 / 27.0 * t + 16.0) / 116.0 };
    let (fx, fy, fz) = (f(x), f(y), f(z));
    encode([116.0 * fy - 16.0, 500.0 * (fx - fy), 200.0 * (fy - fz)])
}

/// The sRGB colour of an encoded CIELab value, as close as there is one.
pub(super) fn rgb_of(lab: [u16; 3]) -> [u8; 3] {
    let [l, a, b] = lab.map(f64::from);
    let (l, a, b) = (l * 100.0 / 65_535.0, a / 257.0 - 128.0, b / 257.0 - 128.0);
    let fy = (l + 16.0) / 116.0;
    let inverse = |f: f64| {
        if f.powi(3) > 216.0 / 24_389.0 { f.powi(3) } else { (116.0 * f - 16.0) * 27.0 / 24_389.0 }
    };
    let (x, y, z) = (inverse(fy + a / 500.0) * 0.964_220, inverse(fy), inverse(fy - b / 200.0) * 0.825_210);
    let linear = [
        3.133_856 * x - 1.616_867 * y - 0.490_615 * z,
        -0.978_768 * x + 1.916_142 * y + 0.033_454 * z,
        0.071_945 * x - 0.228_991 * y + 1.405_243 * z,
    ];
    linear.map(|c| {
        let c = if c <= 0.003_130_8 { 12.92 * c } else { 1.055 * c.powf(1.0 / 2.4) - 0.055 };
        (c * 255.0).round().clamp(0.0, 255.0) as u8
    })
}

/// L from 0 to 100 over all 16 bits, a and b from -128 to 127.
fn encode([l, a, b]: [f64; 3]) -> [u16; 3] {
    [l * 65_535.0 / 100.0, (a + 128.0) * 257.0, (b + 128.0) * 257.0]
        .map(|v| v.round().clamp(0.0, 65_535.0) as u16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_colours() {
        assert_eq!(lab_of([0, 0, 0]), [0, 0x8080, 0x8080]);
        let [l, a, b] = lab_of([255, 255, 255]);
        assert!(l > 65_500 && a.abs_diff(0x8080) < 10 && b.abs_diff(0x8080) < 10, "{l} {a} {b}");
        // CIELab D50 of sRGB red: 54.29, 80.81, 69.89 (Lindbloom).
        let red = lab_of([255, 0, 0]);
        for (found, expected) in red.into_iter().zip([54.29 * 655.35, 208.81 * 257.0, 197.89 * 257.0]) {
            assert!((f64::from(found) - expected).abs() < 30.0, "{red:?}");
        }
    }

    #[test]
    fn there_and_back() {
        for rgb in [[0, 0, 0], [255, 255, 255], [255, 0, 0], [12, 200, 99], [3, 4, 250], [128, 64, 32]] {
            let back = rgb_of(lab_of(rgb));
            assert!(rgb.iter().zip(back).all(|(a, b)| a.abs_diff(b) <= 1), "{rgb:?} {back:?}");
        }
    }
}
