//! The functions of registers by their definitions, for tests.

/// The function called `name` of one number, computed in `f64`.
pub(crate) fn reference(name: &str, x: f32) -> f32 {
    let x = f64::from(x);
    let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
    let gelu = |x: f64| 0.5 * x * libm::erfc(-x / std::f64::consts::SQRT_2);
    let gelu_tanh = |x: f64| x * sigmoid((8.0 / std::f64::consts::PI).sqrt() * (x + 0.044_715 * x.powi(3)));
    let silu = |x: f64| x * sigmoid(x);
    let slope = |f: &dyn Fn(f64) -> f64| (f(x + 1e-5) - f(x - 1e-5)) / 2e-5;
    let value = match name {
        "exp" => x.exp(),
        "erf" => libm::erf(x),
        "tanh" => x.tanh(),
        "sigmoid" => sigmoid(x),
        "gelu" => gelu(x),
        "gelu_tanh" => gelu_tanh(x),
        "silu" => silu(x),
        "relu" => x.max(0.0),
        "gelu_derivative" => slope(&gelu),
        "gelu_tanh_derivative" => slope(&gelu_tanh),
        "silu_derivative" => slope(&silu),
        "relu_derivative" => f64::from(u8::from(x > 0.0)),
        "sigmoid_derivative" => slope(&sigmoid),
        _ => f64::NAN,
    };
    value as f32
}
