//! Starts the processes, watches them, and keeps what they fail on.

use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use crate::tally::{Judged, Tally};
use crate::{Arguments, Input, SECONDS};

/// Reproducers that are kept of failures that look alike.
const KEPT: usize = 5;

/// Reads all inputs in `jobs` processes; an error where there were failures.
pub(crate) fn run(arguments: &Arguments, inputs: &[Input]) -> std::io::Result<()> {
    println!(
        "{} files, inputs {} to {}, seed {}",
        inputs.len(),
        arguments.offset,
        arguments.offset + arguments.count,
        arguments.seed
    );
    let (sender, receiver) = channel();
    std::thread::scope(|scope| {
        for which in 0..arguments.jobs {
            let sender = sender.clone();
            scope.spawn(move || watch(arguments, which, &sender));
        }
        drop(sender);
        collect(arguments, inputs, &receiver)
    })
}

fn collect(arguments: &Arguments, inputs: &[Input], judged: &Receiver<Judged>) -> std::io::Result<()> {
    let mut tally = Tally::default();
    let mut alike: HashMap<String, usize> = HashMap::new();
    let (mut done, mut shown, started) = (0u64, Instant::now(), Instant::now());
    for one in judged {
        let Some(input) = inputs.get((one.number % inputs.len() as u64) as usize) else { continue };
        let failure = one.failure(input.cap(arguments));
        tally.add(input.format, &one, failure.is_some());
        if let Some(failure) = failure {
            let what: String = failure.chars().filter(|c| !c.is_ascii_digit()).take(120).collect();
            let seen = alike.entry(format!("{} {what}", input.format.name())).or_default();
            *seen += 1;
            if *seen <= KEPT {
                keep(arguments, input, &one, &failure)?;
            }
        }
        done += 1;
        if shown.elapsed() > Duration::from_secs(10) {
            shown = Instant::now();
            let rate = done as f64 / started.elapsed().as_secs_f64();
            // The processes are about as far as one another.
            eprintln!(
                "{done} done ({rate:.0}/s), {} failures; to go on: --offset {}",
                tally.failures(),
                arguments.offset + done
            );
        }
    }
    println!("{done} inputs in {:.0} s", started.elapsed().as_secs_f64());
    tally.print();
    for (what, count) in &alike {
        println!("FAILED {count} times: {what}");
    }
    match tally.failures() {
        0 => Ok(()),
        failures => {
            Err(std::io::Error::other(format!("{failures} failures, kept in {}", arguments.out.display())))
        }
    }
}

/// Keeps a reproducer and says what it is.
fn keep(arguments: &Arguments, input: &Input, judged: &Judged, failure: &str) -> std::io::Result<()> {
    std::fs::create_dir_all(&arguments.out)?;
    let (mutation, bytes) = input.seed.damaged(arguments.seed, judged.number);
    let name = format!("{}-{}-{}", input.format.name(), arguments.seed, judged.number);
    std::fs::write(arguments.out.join(&name), bytes)?;
    println!("{name}: {failure}\n    {} with {mutation}", input.path.display());
    Ok(())
}

/// Runs one share to its end, through as many processes as it takes.
fn watch(arguments: &Arguments, which: u64, sender: &Sender<Judged>) {
    let end = arguments.offset + arguments.count;
    let mut next = (arguments.offset..).find(|n| n % arguments.jobs == which).unwrap_or(end);
    while next < end {
        let Ok(mut child) = start(arguments, which, next, end) else { return };
        let clock = Instant::now();
        let died = follow(&mut child, &mut next, arguments.jobs, sender);
        if next < end {
            let verdict = died.unwrap_or_else(|| "ended early".into());
            let micros = clock.elapsed().as_micros().min(u128::from(SECONDS) * 1_000_000) as u64;
            if sender.send(Judged { number: next, micros, peak: 0, verdict }).is_err() {
                return;
            }
            next += arguments.jobs;
        }
    }
}

fn start(arguments: &Arguments, which: u64, next: u64, end: u64) -> std::io::Result<Child> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("--inputs").args(&arguments.inputs);
    for (name, value) in [
        ("--count", end - next),
        ("--seed", arguments.seed),
        ("--offset", next),
        ("--jobs", arguments.jobs),
        ("--largest", arguments.largest),
        ("--limit", arguments.limit),
        ("--worker", which),
    ] {
        command.arg(name).arg(value.to_string());
    }
    if let Some(format) = &arguments.format {
        command.arg("--format").arg(format);
    }
    command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn()
}

/// Passes on what a process says until it ends or hangs; how it died, if it did.
fn follow(child: &mut Child, next: &mut u64, jobs: u64, sender: &Sender<Judged>) -> Option<String> {
    let lines = BufReader::new(child.stdout.take()?).lines();
    let (line_sender, line_receiver) = channel();
    let reader = std::thread::spawn(move || {
        for line in lines.map_while(Result::ok) {
            if line_sender.send(line).is_err() {
                break;
            }
        }
    });
    // To read the files that are to be damaged takes time too.
    let mut patience = Duration::from_secs(6 * SECONDS);
    let died = loop {
        match line_receiver.recv_timeout(patience) {
            Ok(line) => {
                patience = Duration::from_secs(SECONDS);
                let Some(judged) = Judged::parse(&line) else { continue };
                *next = judged.number + jobs;
                if sender.send(judged).is_err() {
                    break None;
                }
            }
            Err(RecvTimeoutError::Timeout) => break Some(format!("hang, more than {SECONDS} s")),
            Err(RecvTimeoutError::Disconnected) => break None,
        }
    };
    let _ = if died.is_some() { child.kill() } else { Ok(()) };
    let status = child.wait();
    let _ = reader.join();
    died.or_else(|| status.ok().filter(|s| !s.success()).map(|s| format!("died, {s}")))
}
