//! Progress, errors and whole files.

use std::error::Error as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use xscatter::bystander::is_bystander;
use xscatter::io::Skipped;
use xscatter::progress::Progress;

use crate::Outcome;

/// Writes a file under a temporary name in its folder, then gives it its name: it is whole or not there.
pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> xscatter::Result<()> {
    if let Some(folder) = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
    {
        std::fs::create_dir_all(folder)
            .map_err(|error| xscatter::Error::from(error).in_file(path))?;
    }
    xscatter::io::write::write_whole(path, bytes)
}

/// Writes something that a person should know to standard error.
pub(crate) fn note(text: impl std::fmt::Display) {
    eprintln!("note: {text}");
}

/// Something that turns on standard error while the length of the work is unknown.
pub(crate) fn spinner(message: &'static str) -> ProgressBar {
    let spinner = ProgressBar::new_spinner().with_message(message);
    spinner.enable_steady_tick(Duration::from_millis(200));
    spinner
}

/// Writes an error and what caused it to standard error; a cause that says the same is left out.
pub(crate) fn report(error: &xscatter::Error) {
    let mut said = error.to_string();
    eprintln!("error: {said}");
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        if !said.ends_with(&text) {
            eprintln!("  caused by: {text}");
        }
        said = text;
        cause = error.source();
    }
}

/// Writes why files were skipped to standard error; files that are simply no detector images and lay in
/// a folder are counted, and are no failure.
pub(crate) fn report_skipped<'a>(
    skipped: impl IntoIterator<Item = &'a Skipped>,
    named: &[PathBuf],
) -> Outcome {
    let (others, failed): (Vec<_>, Vec<_>) = skipped
        .into_iter()
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
pub(crate) struct Bar {
    bar: ProgressBar,
    style: &'static str,
}

impl Bar {
    pub(crate) fn new() -> Self {
        Self {
            bar: ProgressBar::hidden(),
            style: "{msg:>28} {bar:32} {pos}/{len} {elapsed}",
        }
    }

    /// One that also tells how fast it goes and how long it will take.
    pub(crate) fn with_rate() -> Self {
        Self {
            style: "{msg:>12} {bar:32} {pos}/{len}  {per_sec}  {elapsed}, {eta} left",
            ..Self::new()
        }
    }

    pub(crate) fn show(&mut self, step: Progress) {
        match step {
            Progress::Stage { name, total } => {
                self.finish();
                let style = ProgressStyle::with_template(self.style).expect("a valid template");
                self.bar = ProgressBar::new(total as u64)
                    .with_style(style)
                    .with_message(name);
            }
            Progress::Advance(steps) => self.bar.inc(steps as u64),
            Progress::Note(text) => self.bar.suspend(|| eprintln!("note: {text}")),
            _ => {}
        }
    }

    /// So many more steps are done, from any thread.
    pub(crate) fn advance(&self, steps: usize) {
        self.bar.inc(steps as u64);
    }

    /// Does something that writes to the terminal, with the bar out of the way.
    pub(crate) fn aside<T>(&self, write: impl FnOnce() -> T) -> T {
        self.bar.suspend(write)
    }

    /// Takes the bar away.
    pub(crate) fn clear(&self) {
        self.bar.finish_and_clear();
    }

    pub(crate) fn finish(&self) {
        if !self.bar.is_finished() {
            self.bar.finish();
        }
    }
}
