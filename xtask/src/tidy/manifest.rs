//! What every package states about itself.

use super::layers::Package;
use super::{Problem, Tracked};

/// The line that makes the README the documentation of the crate.
const README_AS_DOC: &str = r#"#![doc = include_str!("../README.md")]"#;

pub(crate) fn check(packages: &[Package], files: &[Tracked]) -> Vec<Problem> {
    let text = |path: &str| {
        files
            .iter()
            .find(|file| file.path == path)
            .and_then(|file| file.text.as_deref())
    };
    let mut problems = Vec::new();
    for package in packages {
        let Some(folder) = package.manifest.strip_suffix("Cargo.toml") else {
            continue;
        };
        let mut problem = |message: &str| problems.push(Problem::new(&package.manifest, message));
        // A package that is not committed yet is not judged.
        let Some(manifest) = text(&package.manifest) else {
            continue;
        };
        if !inherits_lints(manifest) {
            problem("expected `[lints]` with `workspace = true`");
        }
        if package
            .description
            .as_deref()
            .is_none_or(|text| text.trim().is_empty())
        {
            problem("expected a description");
        }
        if !folder.starts_with("crates/") {
            if package.publishes {
                problem("expected `publish = false` outside of crates/");
            }
            continue;
        }
        match text(&format!("{folder}README.md")) {
            Some(readme) if !readme.trim().is_empty() => {}
            _ => problem("expected a README.md beside the manifest"),
        }
        let root = ["src/lib.rs", "src/main.rs"]
            .iter()
            .find_map(|path| text(&format!("{folder}{path}")));
        if !root.is_some_and(|root| root.contains(README_AS_DOC)) {
            problem("expected the README as the documentation of the crate");
        }
    }
    problems
}

fn inherits_lints(manifest: &str) -> bool {
    let mut lines = manifest
        .lines()
        .map(str::trim)
        .skip_while(|line| *line != "[lints]")
        .skip(1);
    lines.next() == Some("workspace = true")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::tests::{file, messages};

    fn package(manifest: &str) -> Package {
        Package {
            description: Some("Something".into()),
            publishes: true,
            manifest: manifest.into(),
            ..Package::default()
        }
    }

    const MANIFEST: &str = "[package]\nname = \"a\"\n\n[lints]\nworkspace = true\n";

    fn complete() -> Vec<Tracked> {
        vec![
            file("crates/a/Cargo.toml", MANIFEST),
            file("crates/a/README.md", "# a"),
            file("crates/a/src/lib.rs", README_AS_DOC),
        ]
    }

    #[test]
    fn a_complete_crate_is_accepted() {
        assert_eq!(check(&[package("crates/a/Cargo.toml")], &complete()), []);
    }

    #[test]
    fn what_is_missing_is_named() {
        for (position, text, expected) in [
            (0, "[package]\n[lints.clippy]\nworkspace = true", "[lints]"),
            (1, "  \n", "README.md"),
            (2, "//! No README.", "as the documentation"),
        ] {
            let mut files = complete();
            files[position].text = Some(text.to_owned());
            let found = messages(&check(&[package("crates/a/Cargo.toml")], &files));
            assert_eq!(found.len(), 1, "{found:?}");
            assert!(found[0].contains(expected), "{found:?}");
        }
        let mut silent = package("crates/a/Cargo.toml");
        silent.description = None;
        assert_eq!(check(&[silent], &complete()).len(), 1);
    }

    #[test]
    fn what_is_no_library_is_not_published() {
        let files = [file("examples/b/Cargo.toml", MANIFEST)];
        let mut example = package("examples/b/Cargo.toml");
        let found = messages(&check(std::slice::from_ref(&example), &files));
        assert!(found[0].contains("publish = false"), "{found:?}");
        example.publishes = false;
        assert_eq!(check(&[example], &files), []);
    }
}
