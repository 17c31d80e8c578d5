//! Speed of attention: `cargo bench -p medkernels --bench attention`.

use std::time::Instant;

use medkernels::attention::{Heads, attention, attention_backward};

fn main() {
    let threads = rayon::current_num_threads();
    for [batch, heads, tokens, width] in
        [[1, 12, 257, 64], [8, 12, 257, 64], [1, 6, 257, 64], [1, 6, 1370, 64], [1, 12, 240, 64]]
    {
        let n = batch * heads * tokens * width;
        let x: Vec<f32> = (0..n).map(|i| (i % 997) as f32 / 500.0 - 1.0).collect();
        let view =
            Heads::new(&x, [batch, heads, tokens, width], [tokens * heads * width, width, heads * width]);
        let mut out = vec![0.0; n];
        let mut grads = [vec![0.0; n], vec![0.0; n], vec![0.0; n]];
        let mut time = |backward: bool| {
            let mut times: Vec<f64> = (0..15)
                .map(|_| {
                    let start = Instant::now();
                    if backward {
                        let [q, k, v] = &mut grads;
                        attention_backward(view, view, view, None, 0.125, view, [q, k, v]);
                    } else {
                        attention(view, view, view, None, 0.125, &mut out);
                    }
                    start.elapsed().as_secs_f64() * 1e3
                })
                .collect();
            times.sort_by(f64::total_cmp);
            times[7]
        };
        let (forward, backward) = (time(false), time(true));
        let flops = 4.0 * (batch * heads * tokens * tokens * width) as f64 / 1e6;
        println!(
            "{threads} threads, {batch} x {heads} x {tokens} x {width}: forward {forward:.2} ms ({:.0} GFLOP/s), backward {backward:.2} ms ({:.0} GFLOP/s)",
            flops / forward,
            2.5 * flops / backward
        );
    }
}
