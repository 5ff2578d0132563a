//! The rules that no other tool checks: layers, manifests, files, words, golden values.
//!
//! Every rule is a function from plain data to problems, so that its tests need no workspace.

mod files;
mod golden;
mod layers;
mod manifest;
mod words;

use std::fmt;
use std::process::Command;

use crate::cargo::{cargo, output, root};
use crate::deps;

/// What breaks a rule, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    place: String,
    message: String,
}

impl Problem {
    pub(crate) fn new(place: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            place: place.into(),
            message: message.into(),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.message)
    }
}

/// A file that git tracks.
#[derive(Debug, Clone)]
pub(crate) struct Tracked {
    /// From the root, with forward slashes.
    pub(crate) path: String,
    pub(crate) bytes: u64,
    /// `None` if it is no text.
    pub(crate) text: Option<String>,
}

impl Tracked {
    pub(crate) fn has_extension(&self, extension: &str) -> bool {
        self.path
            .rsplit_once('.')
            .is_some_and(|(_, found)| found == extension)
    }

    /// Lines with their numbers from 1; none for a file that is no text.
    pub(crate) fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        let text = self.text.as_deref().unwrap_or_default();
        text.lines()
            .enumerate()
            .map(|(index, line)| (index + 1, line))
    }
}

pub(crate) fn run() -> Result<(), String> {
    let files = tracked()?;
    let packages = layers::packages(&metadata()?)?;
    let mut problems = layers::check(&packages);
    problems.extend(manifest::check(&packages, &files));
    problems.extend(files::check(&files));
    problems.extend(words::check(&files));
    problems.extend(golden::check(&files));
    if let Err(message) = deps::within_limits() {
        problems.push(Problem::new("dependencies", message));
    }
    if problems.is_empty() {
        println!("tidy: {} packages, {} files", packages.len(), files.len());
        return Ok(());
    }
    let list: Vec<String> = problems.iter().map(ToString::to_string).collect();
    Err(format!(
        "{}\ntidy: {} problems",
        list.join("\n"),
        list.len()
    ))
}

fn metadata() -> Result<String, String> {
    output(cargo().args(["metadata", "--format-version", "1", "--no-deps", "--locked"]))
}

/// The files that git tracks and that are still there.
fn tracked() -> Result<Vec<Tracked>, String> {
    let list = output(
        Command::new("git")
            .current_dir(root())
            .args(["ls-files", "-z"]),
    )?;
    let mut files = Vec::new();
    for path in list.split_terminator('\0') {
        let on_disk = root().join(path);
        let Ok(content) = std::fs::read(&on_disk) else {
            continue;
        };
        files.push(Tracked {
            path: path.to_owned(),
            bytes: content.len() as u64,
            text: String::from_utf8(content).ok(),
        });
    }
    Ok(files)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn file(path: &str, text: &str) -> Tracked {
        Tracked {
            path: path.to_owned(),
            bytes: text.len() as u64,
            text: Some(text.to_owned()),
        }
    }

    pub(crate) fn messages(problems: &[Problem]) -> Vec<String> {
        problems.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn an_extension_is_what_follows_the_last_dot() {
        assert!(file("a/b.c.rs", "").has_extension("rs"));
        assert!(!file("a/rs", "").has_extension("rs"));
    }
}
