//! The project's own chores.
//!
//! ```console
//! cargo xtask check     everything that CI runs, step by step
//! cargo xtask tidy      the rules that no other tool checks
//! cargo xtask deps      how many dependencies each crate brings along
//! ```
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program that reports to a terminal"
)]

mod cargo;
mod check;
mod deps;
mod tidy;

use std::process::ExitCode;

const USAGE: &str = "usage: cargo xtask check | tidy | deps";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let result = match arguments[..] {
        ["check"] => check::run(),
        ["tidy"] => tidy::run(),
        ["deps"] => deps::run(),
        _ => Err(USAGE.to_owned()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}
