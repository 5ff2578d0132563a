//! Which files a list of paths, folders and patterns stands for.

use std::cmp::Ordering;
use std::path::{Path, PathBuf};

use xscatter_core::{Error, ErrorKind, Result};

use crate::series::Skipped;

/// How deep lists may name lists.
const MAX_DEPTH: usize = 8;

type Found = Vec<Result<PathBuf, Skipped>>;

/// The files, in the order of the paths and in natural order within a folder or a pattern.
pub(crate) fn files<P: AsRef<Path>>(paths: &[P]) -> Found {
    let mut found = Vec::new();
    for path in paths {
        expand(path.as_ref(), 0, &mut found);
    }
    found
}

/// Adds what a path given by the user stands for.
fn expand(path: &Path, depth: usize, found: &mut Found) {
    let text = path.to_string_lossy();
    if path.exists() {
        walk(path, found);
    } else if let Some(list) = text.strip_prefix('@') {
        from_list(Path::new(list), depth, found);
    } else if text.contains(['*', '?', '[']) {
        from_pattern(&text, found);
    } else {
        // Opening it says what is wrong with it.
        found.push(Ok(path.to_path_buf()));
    }
}

fn skip(path: &Path, error: Error, found: &mut Found) {
    found.push(Err(Skipped {
        path: path.to_path_buf(),
        error: error.in_file(path),
    }));
}

/// Adds the paths in the lines of a file; empty lines and those that begin with `#` are passed over.
fn from_list(list: &Path, depth: usize, found: &mut Found) {
    if depth == MAX_DEPTH {
        let error = Error::new(
            ErrorKind::Malformed,
            "expected a list of files, found lists of lists",
        );
        return skip(list, error, found);
    }
    let text = match std::fs::read_to_string(list) {
        Ok(text) => text,
        Err(error) => return skip(list, error.into(), found),
    };
    let folder = list.parent().unwrap_or(Path::new(""));
    for line in text.lines().map(str::trim) {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        match line.strip_prefix('@') {
            Some(inner) => from_list(&folder.join(inner), depth + 1, found),
            None => expand(&folder.join(line), depth + 1, found),
        }
    }
}

fn from_pattern(pattern: &str, found: &mut Found) {
    let paths = match glob::glob(pattern) {
        Ok(paths) => paths,
        Err(error) => {
            let message = format!("expected a pattern of file names: {error}");
            return skip(
                Path::new(pattern),
                Error::new(ErrorKind::InvalidArgument, message),
                found,
            );
        }
    };
    let mut matched = Vec::new();
    for path in paths {
        match path {
            Ok(path) => matched.push(path),
            Err(error) => {
                let path = error.path().to_path_buf();
                skip(&path, std::io::Error::from(error).into(), found);
            }
        }
    }
    if matched.is_empty() {
        let message = "expected files that fit the pattern, found none";
        return skip(
            Path::new(pattern),
            Error::new(ErrorKind::Io, message),
            found,
        );
    }
    matched.sort_by(|a, b| natural_order(a, b));
    for path in matched {
        walk(&path, found);
    }
}

/// Adds the files at or below a path.
fn walk(path: &Path, found: &mut Found) {
    if !path.is_dir() {
        return found.push(Ok(path.to_path_buf()));
    }
    let entries: std::io::Result<Vec<_>> = std::fs::read_dir(path).and_then(|entries| {
        entries
            .map(|entry| {
                let entry = entry?;
                Ok((entry.path(), entry.file_type()?))
            })
            .collect()
    });
    let mut entries = match entries {
        Ok(entries) => entries,
        Err(error) => return skip(path, error.into(), found),
    };
    entries.sort_by(|(a, _), (b, _)| natural_order(a, b));
    let before = found.len();
    for (entry, kind) in entries {
        let hidden = entry
            .file_name()
            .is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        if hidden {
            continue;
        }
        // A link to a folder above would be walked for ever.
        if kind.is_dir() {
            walk(&entry, found);
        } else if !kind.is_symlink() || !entry.is_dir() {
            found.push(Ok(entry));
        }
    }
    if found.len() == before {
        let message = "expected detector files, found an empty folder";
        skip(path, Error::new(ErrorKind::Io, message), found);
    }
}

/// Numbers within names by their value: `scan_9` before `scan_10`.
pub(crate) fn natural_order(a: &Path, b: &Path) -> Ordering {
    let (a_text, b_text) = (a.to_string_lossy(), b.to_string_lossy());
    let (mut a_rest, mut b_rest) = (a_text.as_bytes(), b_text.as_bytes());
    loop {
        let order = match (a_rest.first(), b_rest.first()) {
            (None, None) => return a.cmp(b),
            (Some(x), Some(y)) if x.is_ascii_digit() && y.is_ascii_digit() => {
                let (x, y) = (number(&mut a_rest), number(&mut b_rest));
                x.len().cmp(&y.len()).then(x.cmp(y))
            }
            (x, y) => {
                a_rest = a_rest.get(1..).unwrap_or_default();
                b_rest = b_rest.get(1..).unwrap_or_default();
                x.cmp(&y)
            }
        };
        if order != Ordering::Equal {
            return order;
        }
    }
}

/// Takes the digits in front, without leading zeros.
fn number<'a>(text: &mut &'a [u8]) -> &'a [u8] {
    let end = text.iter().position(|byte| !byte.is_ascii_digit());
    let (digits, rest) = text.split_at(end.unwrap_or(text.len()));
    *text = rest;
    let zeros = digits.iter().take_while(|&&digit| digit == b'0').count();
    &digits[zeros..]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(found: Found) -> Vec<String> {
        let name = |path: PathBuf| path.file_name().unwrap().to_string_lossy().into_owned();
        found
            .into_iter()
            .map(|one| one.map_or_else(|skipped| format!("! {}", skipped.error.message()), name))
            .collect()
    }

    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("scan_10")).unwrap();
        std::fs::create_dir(folder.path().join("scan_9")).unwrap();
        for name in [
            "scan_10/a.cbf",
            "scan_9/f_2.cbf",
            "scan_9/f_10.cbf",
            ".x",
            "scan_9/f_01.cbf",
        ] {
            std::fs::write(folder.path().join(name), "x").unwrap();
        }
        folder
    }

    #[test]
    fn a_folder_is_walked_in_natural_order() {
        let folder = folder();
        let found = names(files(&[folder.path()]));
        assert_eq!(found, ["f_01.cbf", "f_2.cbf", "f_10.cbf", "a.cbf"]);
    }

    #[test]
    fn patterns_and_lists_are_expanded() {
        let folder = folder();
        let pattern = folder.path().join("scan_*/f_*.cbf");
        assert_eq!(
            names(files(&[&pattern])),
            ["f_01.cbf", "f_2.cbf", "f_10.cbf"]
        );
        let list = folder.path().join("list.txt");
        std::fs::write(&list, "# two\nscan_10/a.cbf\n\nscan_9/f_2.cbf\n").unwrap();
        let at = format!("@{}", list.display());
        assert_eq!(names(files(&[&at])), ["a.cbf", "f_2.cbf"]);
        std::fs::write(&list, "@list.txt").unwrap();
        assert!(names(files(&[&at]))[0].contains("lists of lists"));
        let nothing = folder.path().join("*.edf");
        assert!(names(files(&[&nothing]))[0].contains("found none"));
    }

    #[test]
    fn the_order_is_total() {
        let order = |a: &str, b: &str| natural_order(Path::new(a), Path::new(b));
        assert_eq!(order("a2", "a10"), Ordering::Less);
        assert_eq!(order("a02", "a2"), Path::new("a02").cmp(Path::new("a2")));
        assert_eq!(order("a", "a1"), Ordering::Less);
        assert_eq!(
            order("99999999999999999999998", "99999999999999999999999"),
            Ordering::Less
        );
        assert_eq!(order("b1", "a2"), Ordering::Greater);
    }
}
