//! `xscatter info`: what is in detector files.

use std::path::PathBuf;

use serde_json::{Map, Value, json};
use xscatter::io::{self, DetectorFile, Number, RawFrame, Series, Stats};
use xscatter::{FrameSource as _, Result};

use crate::Outcome;
use crate::output;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Detector files and folders of them.
    #[arg(required = true)]
    paths: Vec<PathBuf>,
    /// One JSON object a frame on standard output.
    #[arg(long)]
    json: bool,
    /// Show the header of each file too.
    #[arg(long, conflicts_with = "json")]
    header: bool,
}

pub(crate) fn run(args: &Args) -> Result<Outcome> {
    let series = io::open_series(&args.paths);
    let mut outcome = Outcome::Complete;
    let mut table = output::table([
        "file", "frame", "format", "shape", "dtype", "min", "max", "sum", "invalid",
    ]);
    for number in 0..series.files().len() {
        let file = &*series.open_file(number)?;
        for index in 0..file.len() {
            match file.read_raw(index) {
                Ok(frame) if args.json => output::line(as_json(file, index, &frame)),
                Ok(frame) => {
                    let valid = valid_stats(&frame);
                    table.add_row([
                        file.path().display().to_string(),
                        format!("{index}/{}", file.len()),
                        file.format().to_string(),
                        format!("{}x{}", file.shape().0, file.shape().1),
                        file.dtype().to_string(),
                        text(valid.map(|valid| valid.min)),
                        text(valid.map(|valid| valid.max)),
                        text(valid.map(|valid| valid.sum)),
                        invalid_count(&frame).to_string(),
                    ]);
                }
                Err(error) => {
                    output::report(&error);
                    outcome = Outcome::Partial;
                }
            }
        }
    }
    if !args.json && table.row_count() > 0 {
        output::line(table);
    }
    if args.header {
        show_headers(&series)?;
    }
    match output::report_skipped(series.skipped(), &args.paths) {
        Outcome::Complete => Ok(outcome),
        Outcome::Partial => Ok(Outcome::Partial),
    }
}

fn text(value: Option<Number>) -> String {
    value.map_or_else(|| "-".into(), |value| value.to_string())
}

fn valid_stats(frame: &RawFrame) -> Option<Stats> {
    match &frame.mask {
        Some(mask) => frame.pixels.stats_of_valid(mask),
        None => frame.pixels.stats(),
    }
}

fn invalid_count(frame: &RawFrame) -> usize {
    frame.mask.as_ref().map_or(0, |mask| mask.invalid_count())
}

fn show_headers(series: &Series) -> Result<()> {
    for number in 0..series.files().len() {
        let file = series.open_file(number)?;
        output::line(format_args!("\n{}", file.path().display()));
        let frame = file.read_raw(0)?;
        for (key, value) in frame.info.header.iter() {
            output::line(format_args!("  {key}: {value}"));
        }
    }
    Ok(())
}

fn as_json(file: &DetectorFile, index: usize, frame: &RawFrame) -> Value {
    let header: Map<String, Value> = frame
        .info
        .header
        .iter()
        .map(|(key, value)| (key.clone(), Value::String(value.clone())))
        .collect();
    json!({
        "path": file.path().display().to_string(),
        "frame": index,
        "frames": file.len(),
        "format": file.format().to_string(),
        "shape": [file.shape().0, file.shape().1],
        "dtype": file.dtype().to_string(),
        "raw": as_strings(frame.pixels.stats()),
        "valid": as_strings(valid_stats(frame)),
        "invalid": invalid_count(frame),
        "geometry": frame.info.geometry.as_deref(),
        "header": header,
    })
}

/// Numbers as strings, so that 64-bit integers and sums stay exact in every reader; null if no pixel
/// counts.
fn as_strings(stats: Option<Stats>) -> Value {
    stats.map_or(Value::Null, |stats| {
        json!({
            "min": stats.min.to_string(),
            "max": stats.max.to_string(),
            "sum": stats.sum.to_string(),
        })
    })
}
