//! The main job, end to end: simulate an archive of the four techniques, rank models on it, sort files.
//!
//! ```console
//! cargo run --release --example sort_patterns                       # to the leaderboard
//! cargo run --release --example sort_patterns -- scan_042/ x.cbf    # and sort these
//! ```
//!
//! Everything is written below `out/sort_patterns`. Run it again and it goes on from there.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "an example talks to a person"
)]

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use indicatif::{ProgressBar, ProgressStyle};
use xscatter::StopToken;
use xscatter::archive::{self, ArchiveConfig, Part};
use xscatter::deep::device;
use xscatter::io::LabelledSeries;
use xscatter::progress::Progress;
use xscatter::sort;
use xscatter::training::{self, TrainingConfig};

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> xscatter::Result<()> {
    let paths: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let out = Path::new("out/sort_patterns");
    let (stop, device, seed) = (StopToken::new(), device::cpu(), 2026);
    let mut bar = Bar::new();

    // 1. Detector files on disk, as three detectors would write them, and a fourth to be judged on.
    let folder = out.join("archive");
    archive::simulate(
        &ArchiveConfig::small(seed),
        &folder,
        &mut |step| bar.show(step),
        &stop,
    )?;
    let part = |part: Part| LabelledSeries::from_table(folder.join(part.folder()));
    let (network, train, holdout) = (
        part(Part::Network)?,
        part(Part::Train)?,
        part(Part::Holdout)?,
    );

    // 2. Read back, describe, train, cross-validate, rank; the best model is judged on the hold-out.
    let config = TrainingConfig {
        seed,
        ..TrainingConfig::default()
    };
    let trained = training::train(
        &config,
        &network,
        &train,
        &holdout,
        &device,
        &mut |step| bar.show(step),
        &stop,
    )?;
    bar.finish();
    trained.save(out)?;
    println!("{}", trained.summary());
    println!("written: {}", out.display());

    // 3. Sort whatever was named on the command line.
    if !paths.is_empty() {
        let sorted = sort::sort_paths(
            &trained.sorter,
            &paths,
            None,
            &mut |step| bar.show(step),
            &stop,
        )?;
        bar.finish();
        sorted.save(out)?;
        println!("\n{sorted}");
    }
    Ok(())
}

/// Progress for a person.
struct Bar(ProgressBar);

impl Bar {
    fn new() -> Self {
        Self(ProgressBar::hidden())
    }

    fn show(&mut self, step: Progress) {
        match step {
            Progress::Stage { name, total } => {
                self.finish();
                let style = "{msg:>28} {bar:32} {pos}/{len} {elapsed}";
                self.0 = ProgressBar::new(total as u64)
                    .with_style(ProgressStyle::with_template(style).expect("a valid template"))
                    .with_message(name);
            }
            Progress::Advance(steps) => self.0.inc(steps as u64),
            Progress::Note(text) => self.0.println(text),
            _ => {}
        }
    }

    fn finish(&self) {
        if !self.0.is_finished() {
            self.0.finish();
        }
    }
}
