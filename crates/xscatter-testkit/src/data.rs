//! Real detector files that tests may read but that are not part of the project.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// The folder with real detector files: `XSCATTER_DATA`, else `../shared/data` beside the checkout
/// of the crate under test (`manifest_dir` is its `env!("CARGO_MANIFEST_DIR")`).
///
/// `None`, with a line on standard error, if there is no such folder: the test then skips.
#[allow(clippy::print_stderr, reason = "a skipped test says why")]
pub fn folder(manifest_dir: &str) -> Option<PathBuf> {
    let folder = place(manifest_dir, std::env::var_os("XSCATTER_DATA"));
    if folder.is_dir() {
        return Some(folder);
    }
    eprintln!(
        "skipped: no folder {} (set XSCATTER_DATA to one)",
        folder.display()
    );
    None
}

/// One file of that folder, or `None` with a line on standard error that says what is missing.
#[allow(clippy::print_stderr, reason = "a skipped test says why")]
pub fn file(manifest_dir: &str, relative: &str) -> Option<PathBuf> {
    let file = folder(manifest_dir)?.join(relative);
    if file.is_file() {
        return Some(file);
    }
    eprintln!("skipped: no file {}", file.display());
    None
}

fn place(manifest_dir: &str, variable: Option<OsString>) -> PathBuf {
    let beside = Path::new(manifest_dir).join("../../../shared/data");
    variable.map_or(beside, PathBuf::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_variable_goes_before_the_folder_beside_the_checkout() {
        assert_eq!(place("a/b", Some("frames".into())), Path::new("frames"));
        assert_eq!(place("a/b", None), Path::new("a/b/../../../shared/data"));
    }

    #[test]
    fn an_absent_file_is_skipped() {
        assert_eq!(file(env!("CARGO_MANIFEST_DIR"), "no such file"), None);
    }
}
