#![doc = include_str!("../README.md")]
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program talks to people"
)]

mod convert;
mod facts;
mod features;
mod info;
mod inputs;
mod integrate;
mod names;
mod output;
mod picture;
mod simulate;
mod sort;
mod study;
mod view;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// X-ray scattering frames into decisions.
#[derive(Debug, Parser)]
#[command(name = "xscatter", version, about, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show what is in detector files: format, shape, counts, mask, geometry, header.
    Info(info::Args),
    /// Convert detector files to EDF, CBF, TIFF, npy or NeXus HDF5.
    Convert(convert::Args),
    /// Draw frames as PNG pictures with colour bar, masked pixels and beam centre.
    View(view::Args),
    /// Simulate an archive of SAXS, WAXS, GISAXS and GIWAXS as detector files with labels.
    Simulate(simulate::Args),
    /// Sort detector files by technique, with a trained model or after training one.
    Sort(sort::Args),
    /// Describe detector files by features, one CSV row a frame.
    Features(features::Args),
    /// Compare features and models on tables, and predict with the best.
    Study(study::Args),
    /// Integrate detector files azimuthally to I(q).
    Integrate(integrate::Args),
}

/// Whether everything that was asked for could be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    /// All of it.
    Complete,
    /// Some files or frames failed; each was reported.
    Partial,
}

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Info(args) => Ok(info::run(&args)),
        Command::Convert(args) => convert::run(&args),
        Command::View(args) => view::run(&args),
        Command::Simulate(args) => simulate::run(&args),
        Command::Sort(args) => sort::run(&args),
        Command::Features(args) => features::run(&args),
        Command::Study(args) => study::run(&args),
        Command::Integrate(args) => integrate::run(&args),
    };
    match result {
        Ok(Outcome::Complete) => ExitCode::SUCCESS,
        Ok(Outcome::Partial) => ExitCode::from(1),
        Err(error) => {
            output::report(&error);
            ExitCode::from(1)
        }
    }
}
