//! Words that no tracked file may hold: paths of one machine, and work left undone.

use super::{Problem, Tracked};

/// This file names what it looks for.
const OWN: &str = "xtask/src/tidy/words.rs";

/// Folders of one machine.
const MACHINE: [&str; 4] = ["/work/", "/tmp/", "/home/", "/root/"];

/// Work left undone; looked for in code, not in prose about style.
const LEFTOVERS: [&str; 5] = ["todo!", "unimplemented!", "TODO", "FIXME", "#[ignore"];

const CODE: [&str; 6] = ["rs", "py", "toml", "sh", "yml", "yaml"];

pub(crate) fn check(files: &[Tracked]) -> Vec<Problem> {
    let mut problems = Vec::new();
    for file in files.iter().filter(|file| file.path != OWN) {
        let is_code = CODE.iter().any(|extension| file.has_extension(extension));
        for (number, line) in file.lines() {
            let place = || format!("{}:{number}", file.path);
            if let Some(word) = MACHINE.iter().find(|word| line.contains(**word)) {
                problems.push(Problem::new(
                    place(),
                    format!("{word:?} belongs to one machine"),
                ));
            }
            if let Some(word) = LEFTOVERS
                .iter()
                .find(|word| is_code && line.contains(**word))
            {
                problems.push(Problem::new(
                    place(),
                    format!("{word:?} is work left undone"),
                ));
            }
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::tests::{file, messages};

    #[test]
    fn paths_of_one_machine_are_found_in_any_text() {
        let files = [
            file("docs/a.md", "fine\nsee /home/me/scan.h5"),
            file("tools/b.sh", "cp x /tmp/y"),
            file("crates/a/src/lib.rs", "let folder = std::env::temp_dir();"),
        ];
        assert_eq!(
            messages(&check(&files)),
            [
                "docs/a.md:2: \"/home/\" belongs to one machine",
                "tools/b.sh:1: \"/tmp/\" belongs to one machine",
            ]
        );
    }

    #[test]
    fn work_left_undone_is_found_in_code_alone() {
        let files = [
            file(
                "crates/a/src/lib.rs",
                "fn f() { todo!() }\n#[ignore = \"slow\"]\n// FIXME",
            ),
            file("docs/style.md", "There is no TODO."),
            file(OWN, "TODO"),
        ];
        let found = messages(&check(&files));
        assert_eq!(found.len(), 3, "{found:?}");
        assert!(
            found[1].starts_with("crates/a/src/lib.rs:2: \"#[ignore\""),
            "{found:?}"
        );
    }

    #[test]
    fn what_is_no_text_is_left_alone() {
        let mut picture = file("docs/a.png", "");
        picture.text = None;
        assert_eq!(check(&[picture]), []);
    }
}
