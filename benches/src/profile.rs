//! Where the time of a vision transformer goes.

use std::path::Path;
use std::time::Instant;

use burn::tensor::{Device, Tensor};
use mednn::weights::WeightSource;
use mednn::{Vit, VitConfig};

use crate::error::{Error, Result};
use crate::laps::{Laps, median, synchronize};
use crate::operations::{self, Operations};
use crate::table;

/// Times a whole network and its operations in turns, and prints a table.
///
/// # Errors
/// [`Error::Network`] when weights are missing, images do not fit or the device fails; [`Error::Io`].
pub fn print(folder: &Path, images: &Tensor<4>, rounds: usize, device: &Device) -> Result<()> {
    let vit = Vit::from_pretrained(folder, device)?;
    // Refuses images that do not fit.
    vit.encode(images.clone())?;
    let path = folder.join("config.json");
    let config = std::fs::read_to_string(&path).map_err(Error::io(&path))?;
    let config = VitConfig::from_hugging_face(&config)?;
    let mut source = WeightSource::open(folder.join("model.safetensors"))?;
    let operations = Operations::load(&config, &mut source, device)?;
    print_profile(&config, profile(&vit, &operations, images, rounds, device)?);
    Ok(())
}

fn profile(
    vit: &Vit,
    operations: &Operations,
    images: &Tensor<4>,
    rounds: usize,
    device: &Device,
) -> Result<Profile> {
    let mut whole = Vec::new();
    let mut kinds: Vec<(&'static str, Vec<f64>)> = Vec::new();
    let mut shape = [0; 3];
    // The first round warms up and is not counted.
    for round in 0..=rounds.max(1) {
        synchronize(device)?;
        let started = Instant::now();
        let output = vit.forward(images.clone());
        synchronize(device)?;
        let seconds = started.elapsed().as_secs_f64();
        drop(output);
        let mut laps = Laps::start(device)?;
        let (tokens, _) = vit.embed(images.clone());
        laps.lap(operations::EMBED)?;
        shape = tokens.dims();
        operations.forward(tokens, &mut laps)?;
        if round == 0 {
            continue;
        }
        whole.push(seconds);
        for (name, seconds) in laps.into_sums() {
            match kinds.iter_mut().find(|(n, _)| *n == name) {
                Some((_, all)) => all.push(seconds),
                None => kinds.push((name, vec![seconds])),
            }
        }
    }
    let kinds = kinds.into_iter().map(|(name, all)| (name, median(all))).collect();
    Ok(Profile { shape, whole: median(whole), kinds })
}

/// Median seconds.
struct Profile {
    /// Of the tokens.
    shape: [usize; 3],
    whole: f64,
    kinds: Vec<(&'static str, f64)>,
}

fn print_profile(config: &VitConfig, profile: Profile) {
    let Profile { shape: [batch, tokens, width], whole, mut kinds } = profile;
    println!("{batch} images, {tokens} tokens each, width {width}, {} blocks", config.num_hidden_layers);
    let sum: f64 = kinds.iter().map(|(_, seconds)| seconds).sum();
    kinds.push(("rest: whole less sum", whole - sum));
    kinds.push(("whole forward pass", whole));
    let row = |(name, seconds): &(&str, f64)| {
        let rate = operations::flops(name, config, batch, tokens).map(|flops| flops / seconds / 1e9);
        vec![
            name.to_string(),
            format!("{:.2}", 1e3 * seconds),
            format!("{:.1} %", 100.0 * seconds / whole),
            rate.map_or_else(String::new, |rate| format!("{rate:.0}")),
        ]
    };
    table::print(&["operation", "ms", "share", "GFLOP/s"], &kinds.iter().map(row).collect::<Vec<_>>());
}
