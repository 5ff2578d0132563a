//! Tables, progress and errors for people.

use std::error::Error as _;
use std::io::Write as _;
use std::path::PathBuf;

use comfy_table::{Table, presets};
use indicatif::{ProgressBar, ProgressStyle};
use xscatter::bystander::is_bystander;
use xscatter::io::Skipped;
use xscatter::progress::Progress;

use crate::Outcome;

/// A plain table with these column titles.
pub(crate) fn table<const N: usize>(titles: [&str; N]) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_header(titles);
    table
}

/// Writes an error and what caused it to standard error.
pub(crate) fn report(error: &xscatter::Error) {
    eprintln!("error: {error}");
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        eprintln!("  caused by: {text}");
        cause = error.source();
    }
}

/// Writes why files were skipped to standard error; files that are simply no detector images and lay in
/// a folder are counted, and are no failure.
pub(crate) fn report_skipped(skipped: &[Skipped], named: &[PathBuf]) -> Outcome {
    let (others, failed): (Vec<_>, Vec<_>) = skipped
        .iter()
        .partition(|skipped| is_bystander(skipped, named));
    for skipped in &failed {
        report(&skipped.error);
    }
    if !others.is_empty() {
        eprintln!("note: {} other files are no detector images", others.len());
    }
    if failed.is_empty() {
        Outcome::Complete
    } else {
        Outcome::Partial
    }
}

/// Writes a line to standard output; a reader that has left (`| head`) ends the program in silence.
pub(crate) fn line(text: impl std::fmt::Display) {
    if writeln!(std::io::stdout(), "{text}").is_err() {
        std::process::exit(0);
    }
}

/// Progress on standard error, where a person looks; nothing when it is no terminal.
pub(crate) struct Bar(ProgressBar);

impl Bar {
    pub(crate) fn new() -> Self {
        Self(ProgressBar::hidden())
    }

    pub(crate) fn show(&mut self, step: Progress) {
        match step {
            Progress::Stage { name, total } => {
                self.finish();
                let style = "{msg:>28} {bar:32} {pos}/{len} {elapsed}";
                self.0 = ProgressBar::new(total as u64)
                    .with_style(ProgressStyle::with_template(style).expect("a valid template"))
                    .with_message(name);
            }
            Progress::Advance(steps) => self.0.inc(steps as u64),
            Progress::Note(text) => self.0.suspend(|| eprintln!("note: {text}")),
            _ => {}
        }
    }

    pub(crate) fn finish(&self) {
        if !self.0.is_finished() {
            self.0.finish();
        }
    }
}
