//! Everything that has to hold, cheap steps first, ending at the first that does not.

use std::time::Instant;

use crate::cargo::cargo;
use crate::tidy;

/// The steps that are cargo's own; `tidy` comes after the first.
const STEPS: [(&str, &[&str]); 4] = [
    ("formatting", &["fmt", "--all", "--check"]),
    (
        "clippy",
        &[
            "clippy",
            "--workspace",
            "--all-targets",
            "--locked",
            "--",
            "-D",
            "warnings",
        ],
    ),
    // Without `--all-targets`, which would leave the doc tests out.
    ("tests and doc tests", &["test", "--workspace", "--locked"]),
    ("docs", &["doc", "--workspace", "--no-deps", "--locked"]),
];

pub(crate) fn run() -> Result<(), String> {
    let start = Instant::now();
    for (position, (name, arguments)) in STEPS.iter().enumerate() {
        step(name, &format!("cargo {}", arguments.join(" ")), || {
            let status = cargo()
                .args(*arguments)
                .env("RUSTDOCFLAGS", "-D warnings")
                .status()
                .map_err(|error| format!("cargo does not start: {error}"))?;
            if status.success() {
                return Ok(());
            }
            Err(format!("cargo ended with {status}"))
        })?;
        if position == 0 {
            step("tidy", "cargo xtask tidy", tidy::run)?;
        }
    }
    println!(
        "all checks passed in {:.1} s",
        start.elapsed().as_secs_f64()
    );
    Ok(())
}

fn step(name: &str, command: &str, run: impl FnOnce() -> Result<(), String>) -> Result<(), String> {
    println!("── {name}: {command}");
    let start = Instant::now();
    let result = run();
    let seconds = start.elapsed().as_secs_f64();
    match result {
        Ok(()) => {
            println!("   {name} passed in {seconds:.1} s");
            Ok(())
        }
        Err(why) => Err(format!(
            "{why}\n── {name} FAILED after {seconds:.1} s; to repeat it alone: {command}"
        )),
    }
}
