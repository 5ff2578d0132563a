//! `xscatter info`: what is in detector files, files of curves and masks.
//!
//! A row a file needs its header alone, so the first rows appear at once, however many files there are
//! and however large; a row or an object a frame reads the pixels. Files are read in parallel, a batch
//! at a time, and shown in their order.

use std::fmt::Write as _;
use std::path::PathBuf;

use rayon::prelude::*;
use serde_json::{Map, Value, json};
use xscatter::io::{Number, RawFrame, Stats};
use xscatter::progress::Progress;
use xscatter::{FrameInfo, Result};

use crate::Outcome;
use crate::facts::{self, Facts};
use crate::inputs::{Input, Inputs, Other, OtherFile};
use crate::output::{self, Bar};
use crate::picture::ticks::number;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Detector files and folders of them.
    #[arg(required = true)]
    paths: Vec<PathBuf>,
    /// A row a frame instead of a row a file: counts and masked pixels, which are read for it.
    #[arg(long, conflicts_with = "json")]
    frames: bool,
    /// One JSON object a frame on standard output.
    #[arg(long)]
    json: bool,
    /// Show the header of each file too.
    #[arg(long, conflicts_with_all = ["json", "frames"])]
    header: bool,
}

/// So many files or frames are read before any of them is shown.
const BATCH: usize = 64;

pub(crate) fn run(args: &Args) -> Outcome {
    let inputs = Inputs::open(&args.paths);
    let mut bar = Bar::new();
    let failed = if args.json || args.frames {
        show_frames(&inputs, args.json, &mut bar)
    } else {
        show_files(&inputs, args.header, &mut bar)
    };
    bar.clear();
    let others = inputs.others();
    for other in &others {
        show_other(other, args.json);
    }
    match inputs.report_skipped_but(&others) {
        Outcome::Complete if failed == 0 => Outcome::Complete,
        _ => Outcome::Partial,
    }
}

/// Shows each item by a line of text or reports its error; how many errors there were.
fn show<'a, T: Send>(
    items: impl Iterator<Item = T>,
    total: usize,
    bar: &mut Bar,
    describe: impl Fn(T) -> Result<String> + Sync + 'a,
) -> usize {
    bar.show(Progress::Stage {
        name: "reading".into(),
        total,
    });
    let mut items = items.peekable();
    let mut failed = 0;
    while items.peek().is_some() {
        let batch: Vec<T> = items.by_ref().take(BATCH).collect();
        let read = batch.len();
        // Described in parallel, shown in order.
        let texts: Vec<Result<String>> = batch.into_par_iter().map(&describe).collect();
        bar.aside(|| {
            for text in texts {
                match text {
                    Ok(text) => output::line(text),
                    Err(error) => {
                        output::report(&error);
                        failed += 1;
                    }
                }
            }
        });
        bar.show(Progress::Advance(read));
    }
    failed
}

fn show_files(inputs: &Inputs, header: bool, bar: &mut Bar) -> usize {
    let columns = Columns(&[
        ("frames", 6),
        ("format", 12),
        ("shape", 9),
        ("dtype", 7),
        ("distance", 9),
        ("energy", 10),
        ("pixel", 8),
        ("beam row, column", 16),
        ("exposure", 8),
    ]);
    if inputs.files().len() > 0 {
        output::line(columns.titles());
    }
    show(inputs.files(), inputs.files().len(), bar, |file| {
        let opened = file.open()?;
        let (info, metadata) = (opened.info(0)?, opened.metadata(0)?);
        let facts = Facts::new(&info, &metadata, file.shape());
        let centre = facts
            .centre
            .map(|centre| format!("{:.1}, {:.1}", centre.row, centre.column));
        let energy = facts
            .energy_kev()
            .map(|energy_kev| format!("{} keV", number(energy_kev)));
        let mut text = columns.row(
            file,
            &info,
            &[
                Some(file.n_frames().to_string()),
                Some(file.format().to_string()),
                Some(shape(file)),
                Some(file.dtype().to_string()),
                facts.distance_m.map(facts::length),
                energy,
                facts.pixel(),
                centre,
                facts.exposure_s.map(facts::seconds),
            ],
        );
        if header {
            text.push_str(&header_lines(&info));
        }
        Ok(text)
    })
}

fn show_frames(inputs: &Inputs, json: bool, bar: &mut Bar) -> usize {
    let columns = Columns(&[
        ("frame", 7),
        ("format", 12),
        ("shape", 9),
        ("dtype", 7),
        ("min", 5),
        ("max", 9),
        ("sum", 12),
        ("masked", 8),
        ("exposure", 8),
    ]);
    if inputs.files().len() > 0 && !json {
        output::line(columns.titles());
    }
    show(inputs.frames(), inputs.n_frames(), bar, |(file, index)| {
        let frame = file.open()?.read_raw(index)?;
        if json {
            return Ok(as_json(file, index, &frame).to_string());
        }
        let valid = valid_stats(&frame);
        let stat = |value: fn(Stats) -> Number| valid.map(|stats| value(stats).to_string());
        Ok(columns.row(
            file,
            &frame.info,
            &[
                Some(format!("{index}/{}", file.n_frames())),
                Some(file.format().to_string()),
                Some(shape(file)),
                Some(frame.pixels.dtype().to_string()),
                stat(|stats| stats.min),
                stat(|stats| stats.max),
                stat(|stats| stats.sum),
                Some(invalid_count(&frame).to_string()),
                frame.info.exposure_s.map(facts::seconds),
            ],
        ))
    })
}

/// A line or an object for each curve of a file, or for its mask.
fn show_other(other: &OtherFile<'_>, json: bool) {
    let path = other.path.display();
    match &other.content {
        Other::Mask(mask) => {
            let ((rows, columns), masked) = (mask.shape(), mask.invalid_count());
            output::line(if json {
                json!({
                    "path": path.to_string(), "mask": true, "shape": [rows, columns], "masked": masked,
                })
                .to_string()
            } else {
                format!("mask   {rows}x{columns}, {masked} masked  {path}")
            });
        }
        Other::Curves(curves) => {
            for (index, curve) in curves.iter().enumerate() {
                let x = curve.x();
                let (first, last) = (x.first(), x.last());
                let unit = curve.x_unit().title();
                let intensity = curve.info.intensity_unit.as_deref();
                output::line(if json {
                    json!({
                        "path": path.to_string(), "curve": index, "curves": curves.len(),
                        "points": curve.len(), "x": unit, "first": first, "last": last,
                        "intensity_unit": intensity, "sigma": curve.sigma().is_some(),
                        "resolution": curve.resolution().is_some(), "title": curve.info.title,
                        "warnings": curve.info.warnings, "header": curve.info.header,
                    })
                    .to_string()
                } else {
                    let end =
                        |value: Option<&f64>| value.map_or("-".into(), |value| number(*value));
                    format!(
                        "curve  {} points, {unit} {} to {}, intensity {}  {path}",
                        curve.len(),
                        end(first),
                        end(last),
                        intensity.unwrap_or("of unknown unit"),
                    )
                });
            }
        }
    }
}

/// Columns of fixed widths, so that a row can be shown before the next is read; the path stands last.
#[derive(Debug)]
struct Columns(&'static [(&'static str, usize)]);

impl Columns {
    fn titles(&self) -> String {
        let mut text = String::new();
        for (title, width) in self.0 {
            let _ = write!(text, "{title:<width$}  ");
        }
        text + "file"
    }

    fn row(&self, file: Input<'_>, info: &FrameInfo, cells: &[Option<String>]) -> String {
        let mut text = String::new();
        for ((_, width), cell) in self.0.iter().zip(cells) {
            let cell = cell.as_deref().unwrap_or("-");
            let _ = write!(text, "{cell:<width$}  ");
        }
        text.push_str(&path(file));
        for warning in &info.warnings {
            text.push_str("\n    warning: ");
            text.push_str(warning);
        }
        text
    }
}

fn path(file: Input<'_>) -> String {
    file.path().display().to_string()
}

fn shape(file: Input<'_>) -> String {
    format!("{}x{}", file.shape().0, file.shape().1)
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

fn header_lines(info: &FrameInfo) -> String {
    let mut text = String::new();
    for (key, value) in info.header.iter() {
        let _ = write!(text, "\n    {key}: {value}");
    }
    text
}

fn as_json(file: Input<'_>, index: usize, frame: &RawFrame) -> Value {
    let header: Map<String, Value> = frame
        .info
        .header
        .iter()
        .map(|(key, value)| (key.clone(), Value::String(value.clone())))
        .collect();
    let facts = Facts::new(&frame.info, &frame.metadata, frame.pixels.shape());
    let centre = facts
        .centre
        .map(|centre| json!({ "row": centre.row, "column": centre.column }));
    json!({
        "path": path(file),
        "frame": index,
        "frames": file.n_frames(),
        "format": file.format().to_string(),
        "shape": [file.shape().0, file.shape().1],
        "dtype": file.dtype().to_string(),
        "raw": as_strings(frame.pixels.stats()),
        "valid": as_strings(valid_stats(frame)),
        "invalid": invalid_count(frame),
        "exposure_s": facts.exposure_s,
        "distance_m": facts.distance_m,
        "wavelength_m": facts.wavelength_m,
        "pixel_m": facts.pixel_m,
        "beam_centre_px": centre,
        "geometry": frame.info.geometry.as_deref(),
        "warnings": frame.info.warnings,
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
