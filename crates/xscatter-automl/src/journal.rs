//! An append-only file of finished trials, so that a killed study loses at most what was running.
//!
//! The first line names the format; then comes a line a trial: the CRC-32 of the rest in eight
//! hexadecimal digits, a space, and a JSON object with the key of the trial, what it was (for people),
//! its seconds and its out-of-fold scores as the bits of `f32` in hexadecimal. Scores of metrics are not
//! stored: they follow from the out-of-fold scores, so a study may go on with other metrics.
//!
//! A last line without its end is what a kill leaves: it is cut off. Any other line that does not pass
//! its check is an error that names the line, as is a file that is no journal: it is left as it is.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use ndarray::Array2;
use serde::{Deserialize, Serialize};
use xscatter_core::{Error, ErrorKind, Params, Result};

use crate::trial::{Outcome, Trial};

const HEAD: &str = "xscatter-journal 1\n";

pub(crate) struct Journal {
    path: PathBuf,
    file: File,
}

#[derive(Serialize, Deserialize)]
struct Line {
    key: String,
    representation: String,
    family: String,
    params: Params,
    #[serde(skip_serializing_if = "Option::is_none")]
    failed: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    seconds: Vec<(f64, f64)>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    out_of_fold: String,
}

impl Journal {
    /// Opens or creates the file and reads the trials that fit rows × classes, by their keys.
    pub(crate) fn open(
        path: &Path,
        rows: usize,
        classes: usize,
    ) -> Result<(HashMap<u64, Outcome>, Self)> {
        Self::open_file(path, rows, classes).map_err(|error| error.in_file(path))
    }

    fn open_file(
        path: &Path,
        rows: usize,
        classes: usize,
    ) -> Result<(HashMap<u64, Outcome>, Self)> {
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)?;
        let mut bytes = vec![];
        file.read_to_end(&mut bytes)?;
        let end = bytes
            .iter()
            .rposition(|&byte| byte == b'\n')
            .map_or(0, |last| last + 1);
        if !HEAD
            .as_bytes()
            .starts_with(&bytes[..bytes.len().min(HEAD.len())])
        {
            return Err(malformed(
                1,
                format!("expected the first line {:?}", HEAD.trim_end()),
            ));
        }
        let mut known = HashMap::new();
        for (number, line) in bytes[..end]
            .split_inclusive(|&byte| byte == b'\n')
            .enumerate()
            .skip(1)
        {
            let line = &line[..line.len() - 1];
            let line = read(line).map_err(|message| malformed(number + 1, message))?;
            let key = u64::from_str_radix(&line.key, 16).map_err(|_| {
                malformed(number + 1, format!("expected a key, got {:?}", line.key))
            })?;
            let outcome = match line.failed {
                Some(reason) => Outcome::Failed(reason),
                None => match scores(&line.out_of_fold, rows, classes) {
                    Some(scores) => Outcome::Predicted {
                        scores,
                        seconds: line.seconds,
                    },
                    // A trial on other rows: another study shares the journal.
                    None => continue,
                },
            };
            known.insert(key, outcome);
        }
        file.set_len(end as u64)?;
        file.seek(SeekFrom::End(0))?;
        if end == 0 {
            file.write_all(HEAD.as_bytes())?;
        }
        let path = path.to_path_buf();
        Ok((known, Self { path, file }))
    }

    /// The line of a trial, made on the thread of the trial.
    pub(crate) fn line(trial: &Trial<'_>, outcome: &Outcome) -> String {
        let (failed, seconds, out_of_fold) = match outcome {
            Outcome::Failed(reason) => (Some(reason.clone()), vec![], String::new()),
            Outcome::Predicted { scores, seconds } => {
                let mut text = String::with_capacity(8 * scores.len());
                for score in scores {
                    write!(text, "{:08x}", score.to_bits()).expect("a String takes all text");
                }
                (None, seconds.clone(), text)
            }
        };
        let line = Line {
            key: format!("{:016x}", trial.key),
            representation: trial.representation.to_string(),
            family: trial.family.name().to_owned(),
            params: trial.params.clone(),
            failed,
            seconds,
            out_of_fold,
        };
        let json = serde_json::to_string(&line).expect("a line is plain text and numbers");
        format!("{:08x} {json}\n", crc32fast::hash(json.as_bytes()))
    }

    /// Appends a line in one write.
    pub(crate) fn append(&mut self, line: &str) -> Result<()> {
        self.file
            .write_all(line.as_bytes())
            .map_err(|error| Error::from(error).in_file(&self.path))
    }
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

fn scores(text: &str, rows: usize, classes: usize) -> Option<Array2<f32>> {
    if text.len() != 8 * rows * classes {
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
    Array2::from_shape_vec((rows, classes), values?).ok()
}

fn malformed(line: usize, message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Malformed, message).at(format!("line {line}"))
}
