//! One process of a run: reads its share of the inputs and writes a line for each.

use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::time::Instant;

use medio_conformance::allocator::Counting;
use medio_conformance::observe::read_bytes;

use crate::{Arguments, Input};

#[global_allocator]
static ALLOCATOR: Counting = Counting::new();

/// Where the last panic was; a caught one is nobody's business but that of the library that caught it.
static PANIC: Mutex<String> = Mutex::new(String::new());

/// Reads the inputs whose number is `which` modulo the number of processes.
pub(crate) fn run(arguments: &Arguments, inputs: &[Input], which: u64) -> std::io::Result<()> {
    std::panic::set_hook(Box::new(|info| {
        if let Ok(mut last) = PANIC.lock() {
            *last = info.to_string().replace(['\n', '\t'], " ");
        }
    }));
    ALLOCATOR.limit(usize::try_from(arguments.limit << 20).unwrap_or(usize::MAX));
    // One thread: inputs are small, and to hand them over takes longer than to read them.
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().map_err(std::io::Error::other)?;
    pool.install(|| {
        let end = arguments.offset + arguments.count;
        let numbers = (arguments.offset..end).filter(|number| number % arguments.jobs == which);
        for number in numbers {
            let Some(input) = inputs.get((number % inputs.len() as u64) as usize) else { continue };
            let line = judge(input, arguments.seed, number);
            let mut out = std::io::stdout().lock();
            writeln!(out, "{number}\t{line}")?;
            out.flush()?;
        }
        Ok(())
    })
}

/// `microseconds, peak, verdict` of one input.
fn judge(input: &Input, seed: u64, number: u64) -> String {
    let (damage, bytes) = input.seed.damaged(seed, number);
    let last_panic = || PANIC.lock().map(|mut last| std::mem::take(&mut *last)).unwrap_or_default();
    last_panic();
    let before = ALLOCATOR.start();
    let clock = Instant::now();
    let verdict = match catch_unwind(AssertUnwindSafe(|| read_bytes(input.format, &bytes))) {
        // A file that ends early has what it had, or it is refused.
        Ok(Ok(came)) if damage.starts_with("Cut") && input.differs(came) => {
            "other values from a part".to_string()
        }
        Ok(Ok(_)) => "ok".to_string(),
        Ok(Err(kind)) if last_panic().is_empty() => format!("refused {kind}"),
        Ok(Err(kind)) => format!("refused {kind}, after a panic that medio caught"),
        Err(_) => format!("panic {}", last_panic()),
    };
    let micros = clock.elapsed().as_micros();
    format!("{micros}\t{}\t{verdict}", ALLOCATOR.peak().saturating_sub(before))
}
