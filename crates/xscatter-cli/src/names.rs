//! Names of the files that a command writes.
//!
//! A file is named after its input: `scan/a.cbf` becomes `OUT/scan/a.h5`, below the folder that was
//! named. Inputs that would share a name (`a.cbf` and `a.tif`) keep their whole names (`a.cbf.h5`,
//! `a.tif.h5`), with the folders they are in if need be. Several outputs of one input are numbered as the frames are, from 0: `a_00003.cbf`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use xscatter::{Error, ErrorKind, Result};

/// The name of a file without the ends that say how it is stored: `a` of `a.cbf.gz`.
pub(crate) fn stem(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let name = [".gz", ".bz2"]
        .iter()
        .find_map(|end| name.strip_suffix(end))
        .unwrap_or(&name);
    match name.rsplit_once('.') {
        Some((stem, _)) if !stem.is_empty() => stem.to_owned(),
        _ => name.to_owned(),
    }
}

/// A target for each input, given by its path and its path below the folder that was named.
///
/// Names grow until they differ: by the extension of the input, then by the folders it is in.
pub(crate) fn targets(inputs: &[(&Path, &Path)], extension: &str) -> Vec<PathBuf> {
    let candidate = |(path, relative): &(&Path, &Path), level: usize| {
        let mut name = match level {
            0 => stem(relative),
            _ => path
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned(),
        };
        let folders = path.parent().into_iter().flat_map(Path::ancestors);
        for folder in folders.take(level.saturating_sub(1)) {
            if let Some(folder) = folder.file_name() {
                name = format!("{}_{name}", folder.to_string_lossy());
            }
        }
        relative.with_file_name(format!("{name}.{extension}"))
    };
    let deepest = inputs.iter().map(|(path, _)| path.components().count());
    let deepest = deepest.max().unwrap_or(0) + 1;
    let mut levels = vec![0; inputs.len()];
    loop {
        let names: Vec<PathBuf> = inputs
            .iter()
            .zip(&levels)
            .map(|(input, &level)| candidate(input, level))
            .collect();
        let mut uses: BTreeMap<&PathBuf, usize> = BTreeMap::new();
        for name in &names {
            *uses.entry(name).or_default() += 1;
        }
        let shared: Vec<usize> = (0..names.len())
            .filter(|&index| uses[&names[index]] > 1 && levels[index] < deepest)
            .collect();
        if shared.is_empty() {
            return names;
        }
        for index in shared {
            levels[index] += 1;
        }
    }
}

/// Checks that no two outputs have one name.
///
/// # Errors
/// Names the first that two inputs share.
pub(crate) fn check_distinct<'a>(targets: impl Iterator<Item = &'a Path>) -> Result<()> {
    let mut seen = BTreeSet::new();
    for target in targets {
        if !seen.insert(target) {
            let message = "expected a name for each output, found two outputs of this name";
            return Err(Error::new(ErrorKind::InvalidArgument, message).in_file(target));
        }
    }
    Ok(())
}

/// The target of one frame of several: `a.cbf` becomes `a_00003.cbf`.
pub(crate) fn numbered(target: &Path, frame: usize) -> PathBuf {
    let stem = target.file_stem().unwrap_or_default().to_string_lossy();
    let name = match target.extension() {
        Some(extension) => format!("{stem}_{frame:05}.{}", extension.to_string_lossy()),
        None => format!("{stem}_{frame:05}"),
    };
    target.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stems_lose_the_ends_that_say_how_a_file_is_stored() {
        for (path, expected) in [
            ("scan/a.cbf", "a"),
            ("a.edf.gz", "a"),
            ("a.b_00001.tif", "a.b_00001"),
            ("x_master.h5", "x_master"),
            ("noend", "noend"),
            (".h5", ".h5"),
        ] {
            assert_eq!(stem(Path::new(path)), expected);
        }
    }

    #[test]
    fn inputs_that_would_share_a_name_keep_theirs() {
        let paths = ["s/a.cbf", "s/a.tif", "t/a.cbf", "b.cbf"].map(Path::new);
        let expected = ["s/a.cbf.h5", "s/a.tif.h5", "t/a.h5", "b.h5"].map(PathBuf::from);
        assert_eq!(targets(&paths.map(|path| (path, path)), "h5"), expected);
        // Named one by one, files of one name are told apart by their folders.
        let paths = ["x/s/a.cbf", "x/t/a.cbf", "y/t/a.cbf"].map(Path::new);
        let named = paths.map(|path| (path, Path::new("a.cbf")));
        let expected = ["s_a.cbf.h5", "x_t_a.cbf.h5", "y_t_a.cbf.h5"].map(PathBuf::from);
        assert_eq!(targets(&named, "h5"), expected);
    }

    #[test]
    fn two_outputs_of_one_name_are_refused() {
        let check = |names: &[&str]| check_distinct(names.iter().map(Path::new));
        assert!(check(&["a.h5", "b.h5"]).is_ok());
        let error = check(&["a.h5", "b.h5", "a.h5"]).unwrap_err();
        assert_eq!(error.file(), Some(Path::new("a.h5")));
    }

    #[test]
    fn frames_are_numbered_before_the_end() {
        assert_eq!(
            numbered(Path::new("o/a.cbf"), 3),
            Path::new("o/a_00003.cbf")
        );
        assert_eq!(
            numbered(Path::new("a.b.cbf"), 0),
            Path::new("a.b_00000.cbf")
        );
    }
}
