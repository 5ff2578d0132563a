//! Describe frames by named numbers and write them as a table.
//!
//! ```console
//! cargo run --release --example features_only                       # three frames made up here
//! cargo run --release --example features_only -- scan_042/ x.cbf    # yours
//! ```
//!
//! What to take home: features need neither the models nor the search engine, two extractors side by
//! side are an extractor again, and every column has a name. The table goes to
//! `out/features_only.csv`, for whatever program comes next.

#![allow(clippy::print_stdout, reason = "an example talks to a person")]

use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use xscatter_core::ndarray::Array2;
use xscatter_core::{
    Concat, FeatureExtractor, FeatureTable, Frame, FrameInfo, FrameSource, PixelPosition,
    transform_fn,
};
use xscatter_features::{Glcm, GlcmConfig, RadialConfig, RadialProfile, RadialStatistic};
use xscatter_io::open_series;

fn main() -> Result<(), Box<dyn Error>> {
    let paths: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let scan: Box<dyn FrameSource> = if paths.is_empty() {
        Box::new(made_up())
    } else {
        let scan = open_series(&paths);
        for skipped in scan.skipped() {
            println!("skipped: {}", skipped.error);
        }
        Box::new(scan)
    };
    // A radial profile needs a centre; where no header states one, the middle is a first guess.
    let scan = scan.with(transform_fn(|mut frame: Frame| {
        if frame.info.geometry.is_none() && frame.info.beam_centre_px.is_none() {
            let (rows, columns) = frame.shape();
            frame.info.beam_centre_px = Some(PixelPosition {
                row: rows as f64 / 2.0,
                column: columns as f64 / 2.0,
            });
        }
        Ok(frame)
    }));

    let glcm = GlcmConfig {
        distances_px: vec![2],
        ..GlcmConfig::default()
    };
    let radial = RadialConfig {
        bins: 16,
        statistics: vec![RadialStatistic::Mean],
        ..RadialConfig::default()
    };
    let features = Concat::new([
        Glcm::new(glcm)?.boxed(),
        RadialProfile::new(radial)?.boxed(),
    ]);

    // A batch at a time: many enough for all cores, few enough for the memory.
    let mut table: Option<FeatureTable> = None;
    for start in (0..scan.len()).step_by(64) {
        let mut frames = Vec::new();
        for index in start..scan.len().min(start + 64) {
            match scan.read(index) {
                Ok(frame) => frames.push(frame),
                Err(error) => println!("skipped: {error}"),
            }
        }
        let rows = features.extract(&frames)?;
        table = Some(match table {
            Some(table) => table.above(&rows)?,
            None => rows,
        });
    }
    let table = table.ok_or("expected detector files, found no frame")?;

    fs::create_dir_all("out")?;
    fs::write("out/features_only.csv", csv(&table)?)?;
    println!("{} frames, {} features:", table.n_rows(), table.n_columns());
    for (column, name) in table.columns().iter().enumerate() {
        let values: Vec<String> = table
            .values()
            .column(column)
            .iter()
            .take(5)
            .map(|value| format!("{value:>12.5}"))
            .collect();
        println!("{name:<32} {}", values.join(" "));
    }
    println!("written: out/features_only.csv");
    Ok(())
}

/// A header with the names, then a row a frame: its id, its group, its values.
fn csv(table: &FeatureTable) -> Result<String, std::fmt::Error> {
    let quoted = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
    let mut text = String::from("id,group");
    for name in table.columns() {
        write!(text, ",{}", quoted(name))?;
    }
    for (index, row) in table.values().rows().into_iter().enumerate() {
        let (id, group) = (&table.ids()[index], &table.groups()[index]);
        write!(text, "\n{},{}", quoted(id), quoted(group))?;
        for value in row {
            write!(text, ",{value}")?;
        }
    }
    text.push('\n');
    Ok(text)
}

/// A broad halo, a ring, and a ring gathered into arcs.
fn made_up() -> Vec<Frame> {
    let shapes: [fn(f32, f32) -> f32; 3] = [
        |radius_px, _| (-radius_px / 40.0).exp(),
        |radius_px, _| (-((radius_px - 60.0) / 4.0).powi(2)).exp(),
        |radius_px, chi_rad| {
            (-((radius_px - 60.0) / 4.0).powi(2)).exp() * (2.0 * chi_rad).cos().powi(2)
        },
    ];
    shapes
        .iter()
        .enumerate()
        .map(|(index, shape)| {
            let counts = Array2::from_shape_fn((200, 200), |(row, column)| {
                let (y, x) = (row as f32 - 99.5, column as f32 - 99.5);
                (5.0 + 500.0 * shape(x.hypot(y), y.atan2(x))).round()
            });
            Frame::new(counts).with_info(FrameInfo {
                index,
                ..FrameInfo::default()
            })
        })
        .collect()
}
