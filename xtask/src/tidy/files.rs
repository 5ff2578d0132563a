//! Sizes of files, and the one file that names smartcore.

use super::{Problem, Tracked};

/// A source file is one concept: 600 lines are the aim, this is the limit.
const MAX_LINES: usize = 700;

/// Real detector files and results stay out of the repository.
const MAX_BYTES: u64 = 1_500_000;

pub(crate) fn check(files: &[Tracked]) -> Vec<Problem> {
    let mut problems = Vec::new();
    for file in files {
        let lines = file.lines().count();
        if file.has_extension("rs") && lines > MAX_LINES {
            problems.push(Problem::new(
                &file.path,
                format!("{lines} lines; a source file has at most {MAX_LINES}"),
            ));
        }
        if file.bytes > MAX_BYTES {
            problems.push(Problem::new(
                &file.path,
                format!(
                    "{} bytes; a committed file has at most {MAX_BYTES}",
                    file.bytes
                ),
            ));
        }
    }
    let naming: Vec<&str> = files
        .iter()
        .filter(|file| file.path.starts_with("crates/") && file.has_extension("rs"))
        .filter(|file| names_smartcore(file))
        .map(|file| file.path.as_str())
        .collect();
    if naming.len() > 1 {
        problems.push(Problem::new(
            naming.join(", "),
            "smartcore is named in more than one source file",
        ));
    }
    problems
}

/// Whether the file names the crate; a module of the same name is not the crate.
fn names_smartcore(file: &Tracked) -> bool {
    let declares_module = file
        .lines()
        .any(|(_, line)| line.trim_end().ends_with("mod smartcore;"));
    !declares_module
        && file.lines().any(|(_, line)| {
            let line = line.replace("crate::smartcore", "");
            line.contains("smartcore::") || line.contains("use smartcore")
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::tests::{file, messages};

    #[test]
    fn long_sources_and_large_files_are_named() {
        let long = "x\n".repeat(MAX_LINES + 1);
        let mut large = file("docs/scan.h5", "");
        large.bytes = MAX_BYTES + 1;
        let files = [
            file("crates/a/src/long.rs", &long),
            file("docs/long.md", &long),
            file("crates/a/src/fits.rs", &"x\n".repeat(MAX_LINES)),
            large,
        ];
        assert_eq!(
            messages(&check(&files)),
            [
                "crates/a/src/long.rs: 701 lines; a source file has at most 700",
                "docs/scan.h5: 1500001 bytes; a committed file has at most 1500000",
            ]
        );
    }

    #[test]
    fn smartcore_is_named_once() {
        let one = file("crates/a/src/one.rs", "use smartcore::svm;");
        let two = file("crates/a/src/two.rs", "type T = smartcore::Tree;");
        let prose = file("docs/a.md", "smartcore::Tree");
        let module = file(
            "crates/a/src/lib.rs",
            "mod smartcore;\npub use smartcore::Tree;",
        );
        let inner = file("crates/a/src/inner.rs", "use crate::smartcore::Tree;");
        assert_eq!(check(&[one.clone(), prose, module, inner]), []);
        let found = messages(&check(&[one, two]));
        assert_eq!(
            found,
            [
                "crates/a/src/one.rs, crates/a/src/two.rs: smartcore is named in more than one source file"
            ]
        );
    }
}
