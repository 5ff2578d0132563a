//! Append-only files of finished trials, so that a killed study loses at most what was running.
//!
//! A journal is a folder. Whoever works on the study reads all files in it and writes one of its own,
//! which it makes anew: nobody ever appends to a file that somebody else began, so no lock is needed, on
//! one machine or on a shared file system. The same trial in two files is the same outcome.
//!
//! The first line of a file names the format and the study; then comes a line a trial: the CRC-32 of
//! the rest in eight hexadecimal digits, a space, and a JSON object with the key of the trial, what it was
//! (for people), its seconds and its out-of-fold scores as the bits of `f32` in hexadecimal. Scores of
//! metrics are not stored: they follow from the out-of-fold scores, so a study may go on with other metrics.
//!
//! A last line without its end is what a kill leaves: it is passed over. Any other line that does not pass
//! its check is an error that names the line, as is a file of another study: all is left as it is.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind as IoErrorKind, Write};
use std::path::{Path, PathBuf};

use ndarray::Array2;
use serde::{Deserialize, Serialize};
use xscatter_core::{Error, ErrorKind, Params, Result};

use crate::trial::{Outcome, Seconds, Trial};

const HEAD: &str = "xscatter-journal 2 study";
const ENDING: &str = "journal";

/// The folder, and the file in it that is written here.
pub(crate) struct Journal {
    folder: PathBuf,
    /// What the name of the file begins with.
    writer: String,
    study: u64,
    /// Made with the first line.
    file: Option<(PathBuf, File)>,
}

#[derive(Serialize, Deserialize)]
struct Line {
    key: String,
    representation: String,
    family: String,
    params: Params,
    #[serde(flatten)]
    outcome: Written,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Written {
    Predicted {
        seconds: Vec<Seconds>,
        /// Hexadecimal bits.
        out_of_fold: String,
    },
    Raced {
        folds: usize,
        /// Hexadecimal bits.
        mean: String,
    },
    /// Hexadecimal bits; nothing where it was not defined.
    Probed(Option<String>),
    Failed(String),
}

impl Journal {
    /// Reads the trials of the study in all files of the folder, which is made if it is missing, by
    /// their keys.
    pub(crate) fn open(
        folder: &Path,
        writer: &str,
        study: u64,
        shape: (usize, usize),
    ) -> Result<(HashMap<u64, Outcome>, Self)> {
        let in_folder = |error: std::io::Error| Error::from(error).in_file(folder);
        std::fs::create_dir_all(folder).map_err(in_folder)?;
        let mut files = vec![];
        for entry in std::fs::read_dir(folder).map_err(in_folder)? {
            let path = entry.map_err(in_folder)?.path();
            if path.extension().is_some_and(|ending| ending == ENDING) {
                files.push(path);
            }
        }
        files.sort_unstable();
        let mut known = HashMap::new();
        for path in &files {
            read_file(path, study, shape, &mut known).map_err(|error| error.in_file(path))?;
        }
        let journal = Self {
            folder: folder.to_path_buf(),
            writer: writer.to_owned(),
            study,
            file: None,
        };
        Ok((known, journal))
    }

    /// The line of a trial, made on the thread of the trial.
    pub(crate) fn line(trial: &Trial<'_>, outcome: &Outcome) -> String {
        let key = format!("{:016x}", trial.key_of(outcome));
        let outcome = match outcome {
            Outcome::Predicted { scores, seconds } => {
                let mut text = String::with_capacity(8 * scores.len());
                for score in scores {
                    write!(text, "{:08x}", score.to_bits()).expect("a String takes all text");
                }
                Written::Predicted {
                    seconds: seconds.clone(),
                    out_of_fold: text,
                }
            }
            Outcome::Raced { folds, mean } => Written::Raced {
                folds: *folds,
                mean: format!("{:016x}", mean.to_bits()),
            },
            Outcome::Probed(value) => {
                Written::Probed(value.map(|value| format!("{:016x}", value.to_bits())))
            }
            Outcome::Failed(reason) => Written::Failed(reason.clone()),
        };
        let line = Line {
            key,
            representation: trial.representation.to_string(),
            family: trial.family.name().to_owned(),
            params: trial.params.clone(),
            outcome,
        };
        let json = serde_json::to_string(&line).expect("a line is plain text and numbers");
        format!("{:08x} {json}\n", crc32fast::hash(json.as_bytes()))
    }

    /// Appends a line in one write.
    pub(crate) fn append(&mut self, line: &str) -> Result<()> {
        let (path, file) = match &mut self.file {
            Some(file) => file,
            none => none.insert(new_file(&self.folder, &self.writer, self.study)?),
        };
        file.write_all(line.as_bytes())
            .map_err(|error| Error::from(error).in_file(&*path))
    }
}

/// Makes a file that nobody else writes.
fn new_file(folder: &Path, writer: &str, study: u64) -> Result<(PathBuf, File)> {
    let mut number = 0;
    loop {
        let path = folder.join(format!("{writer}-{number:04}.{ENDING}"));
        match OpenOptions::new().write(true).create_new(true).open(&path) {
            Ok(mut file) => {
                let head = format!("{HEAD} {study:016x}\n");
                file.write_all(head.as_bytes())
                    .map_err(|error| Error::from(error).in_file(&path))?;
                return Ok((path, file));
            }
            Err(error) if error.kind() == IoErrorKind::AlreadyExists => number += 1,
            Err(error) => return Err(Error::from(error).in_file(path)),
        }
    }
}

fn read_file(
    path: &Path,
    study: u64,
    shape: (usize, usize),
    known: &mut HashMap<u64, Outcome>,
) -> Result<()> {
    let bytes = std::fs::read(path)?;
    let end = bytes
        .iter()
        .rposition(|&byte| byte == b'\n')
        .map_or(0, |last| last + 1);
    let mut lines = bytes[..end].split_inclusive(|&byte| byte == b'\n');
    let head = format!("{HEAD} {study:016x}\n");
    let Some(first) = lines.next() else {
        // The kill came within the first line.
        let torn = head.as_bytes().starts_with(&bytes);
        return if torn {
            Ok(())
        } else {
            Err(foreign(&bytes, &head))
        };
    };
    if first != head.as_bytes() {
        return Err(foreign(first, &head));
    }
    for (number, line) in lines.enumerate() {
        let malformed = |message| malformed(number + 2, message);
        let line = read(&line[..line.len() - 1]).map_err(malformed)?;
        let (key, outcome) = parse(line, shape).map_err(malformed)?;
        known.insert(key, outcome);
    }
    Ok(())
}

/// The error for a first line that is not the one of this study.
fn foreign(found: &[u8], expected: &str) -> Error {
    let found = &found[..found.len().min(64)];
    if found.starts_with(HEAD.as_bytes()) {
        return malformed(
            1,
            format!(
                "expected a journal of these rows, targets, folds and seed by this version ({}), got \
                 one of another study",
                expected.trim_end()
            ),
        );
    }
    let found = found.escape_ascii();
    malformed(
        1,
        format!("expected {:?}, got \"{found}\"", expected.trim_end()),
    )
}

fn read(line: &[u8]) -> Result<Line, String> {
    let text = std::str::from_utf8(line).map_err(|error| error.to_string())?;
    let (crc, json) = text
        .split_once(' ')
        .ok_or("expected a checksum and a trial")?;
    let found = format!("{:08x}", crc32fast::hash(json.as_bytes()));
    if crc != found {
        return Err(format!("expected the checksum {crc}, found {found}"));
    }
    serde_json::from_str(json).map_err(|error| error.to_string())
}

fn parse(line: Line, shape: (usize, usize)) -> Result<(u64, Outcome), String> {
    let bits = |text: &str| {
        u64::from_str_radix(text, 16).map_err(|_| format!("expected 64 bits, got {text:?}"))
    };
    let number = |text: &str| bits(text).map(f64::from_bits);
    let outcome = match line.outcome {
        Written::Failed(reason) => Outcome::Failed(reason),
        Written::Raced { folds, mean } => Outcome::Raced {
            folds,
            mean: number(&mean)?,
        },
        Written::Probed(value) => Outcome::Probed(value.as_deref().map(number).transpose()?),
        Written::Predicted {
            seconds,
            out_of_fold,
        } => Outcome::Predicted {
            scores: scores(&out_of_fold, shape)
                .ok_or_else(|| format!("expected the bits of {} × {} scores", shape.0, shape.1))?,
            seconds,
        },
    };
    Ok((bits(&line.key)?, outcome))
}

fn scores(text: &str, shape: (usize, usize)) -> Option<Array2<f32>> {
    if text.len() != 8 * shape.0 * shape.1 {
        return None;
    }
    let values: Option<Vec<f32>> = text
        .as_bytes()
        .chunks(8)
        .map(|digits| {
            let digits = std::str::from_utf8(digits).ok()?;
            u32::from_str_radix(digits, 16).ok().map(f32::from_bits)
        })
        .collect();
    Array2::from_shape_vec(shape, values?).ok()
}

fn malformed(line: usize, message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Malformed, message).at(format!("line {line}"))
}
