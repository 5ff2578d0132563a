//! Open detector files of any known format and look at every frame.
//!
//! ```console
//! cargo run --release --example read_a_scan                         # files that it writes itself
//! cargo run --release --example read_a_scan -- scan_042/ x.cbf      # yours
//! ```
//!
//! What to take home: a format is found by the content of a file; gaps, dead pixels and overflows
//! arrive as a mask; one broken file is not the end of a series.

#![allow(clippy::print_stdout, reason = "an example talks to a person")]

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use xscatter_core::ndarray::Array2;
use xscatter_core::{Frame, FrameSource, Mask};
use xscatter_io::write::write;
use xscatter_io::{Compression, Format, WriteDtype, WriteOptions, open_series};

fn main() -> Result<(), Box<dyn Error>> {
    let mut paths: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    if paths.is_empty() {
        let folder = Path::new("out/read_a_scan");
        write_a_scan(folder)?;
        paths.push(folder.to_path_buf());
    }

    // Headers are read now, pixels frame by frame below: a scan may be larger than the memory.
    let scan = open_series(&paths);
    println!(
        "{:<40} {:>5} {:<10} {:<4} {:>11} {:>8} {:>14}",
        "file", "frame", "format", "type", "pixels", "masked", "sum of valid"
    );
    for (index, frame) in scan.frames().enumerate() {
        let (file, index) = scan.locate(index);
        let file = &scan.files()[file];
        let name = file.path().display().to_string();
        match frame {
            Ok(frame) => {
                let (rows, columns) = frame.shape();
                // A sum of many counts leaves the exact range of f32.
                let sum: f64 = frame.valid_counts().map(f64::from).sum();
                println!(
                    "{name:<40} {index:>5} {:<10} {:<4} {:>11} {:>8} {sum:>14}",
                    file.format().name(),
                    file.dtype().to_string(),
                    format!("{rows}x{columns}"),
                    rows * columns - frame.valid_count(),
                );
            }
            // The error names the file, the place in it, what was expected and what was found.
            Err(error) => println!("{name:<40} {index:>5} {error}"),
        }
    }
    for skipped in scan.skipped() {
        println!("skipped: {}", skipped.error);
    }
    if scan.is_empty() {
        return Err("no frame could be opened".into());
    }
    Ok(())
}

/// The same frame in every format, with a gap between two modules, and one file cut short.
fn write_a_scan(folder: &Path) -> Result<(), Box<dyn Error>> {
    fs::create_dir_all(folder)?;
    let counts = Array2::from_shape_fn((195, 240), |(row, column)| {
        let radius_px = (row as f32 - 97.0).hypot(column as f32 - 120.0);
        (1000.0 * (-radius_px / 25.0).exp()).round()
    });
    let gap = Array2::from_shape_fn(counts.dim(), |(_, column)| (118..122).contains(&column));
    let frame = Frame::new(counts).with_mask(Mask::from_bad(gap.view()))?;

    for format in Format::ALL.into_iter().filter(|format| format.can_write()) {
        let options = WriteOptions {
            dtype: WriteDtype::I32,
            compression: Compression::BitshuffleLz4,
        };
        let path = folder.join(format!("rings.{}", format.extension()));
        write(path, format, std::slice::from_ref(&frame), &options)?;
    }
    let whole = fs::read(folder.join("rings.edf"))?;
    fs::write(folder.join("torn.edf"), &whole[..whole.len() / 2])?;
    Ok(())
}
