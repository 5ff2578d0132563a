//! Times the reading of detector files, for `tools/bench/io_peers.py` to compare with other programs.
//!
//! Every line on standard input is a job, every line on standard output its answer as JSON:
//!
//! - `read N FILE`: milliseconds of N times opening the file and reading its first frame's pixels into
//!   memory that is used again;
//! - `raw N FILE`: the same with the mask and the metadata, into fresh memory;
//! - `frames N FILE`: of N times reading a frame of a file that stays open, one frame after another;
//! - `both N FILE`: of N times reading 8 frames at once on all threads of the pool, per frame;
//! - `series N FOLDER`: of N times reading all frames of a folder in one call, with masks, per frame;
//! - `copy N BYTES`: of N times copying so many bytes between two warm buffers;
//! - `first PATH`: of opening a file or folder as a series and reading its first frame;
//! - `memory PATH`: MiB of peak memory, those of the frames in flight taken off, after reading all frames
//!   of a series ahead.

#![allow(clippy::print_stdout, reason = "a program talks")]

use std::error::Error;
use std::io::BufRead as _;
use std::sync::Arc;
use std::time::Instant;

use rayon::prelude::*;
use xscatter_core::FrameSource;
use xscatter_io::{Pixels, PrefetchConfig, open, open_series, prefetch};

type Answer<T> = Result<T, Box<dyn Error>>;

fn main() -> Answer<()> {
    for line in std::io::stdin().lock().lines() {
        println!("{:?}", job(&line?)?);
    }
    Ok(())
}

fn job(line: &str) -> Answer<Vec<f64>> {
    let (kind, rest) = line.split_once(' ').ok_or("expected a job")?;
    if kind == "first" {
        return times(1, || {
            open_series(&[rest]).read(0)?;
            Ok(())
        });
    }
    if kind == "memory" {
        return Ok(vec![memory(rest)?]);
    }
    let (count, rest) = rest.split_once(' ').ok_or("expected a number")?;
    let count: usize = count.parse()?;
    let mut pixels = Pixels::default();
    match kind {
        "read" => times(count, || Ok(open(rest)?.read_pixels_into(0, &mut pixels)?)),
        "raw" => times(count, || {
            open(rest)?.read_raw(0)?;
            Ok(())
        }),
        "frames" => {
            let file = open(rest)?;
            let mut next = 0;
            times(count, || {
                next += 1;
                Ok(file.read_pixels_into(next % file.len(), &mut pixels)?)
            })
        }
        "both" => {
            let file = open(rest)?;
            let mut buffers = vec![Pixels::default(); 8];
            let times = times(count, || {
                buffers
                    .par_iter_mut()
                    .enumerate()
                    .try_for_each(|(index, pixels)| {
                        file.read_pixels_into(index % file.len(), pixels)
                    })?;
                Ok(())
            })?;
            Ok(times.into_iter().map(|time| time / 8.0).collect())
        }
        "series" => {
            let series = open_series(&[rest]);
            let indices: Vec<usize> = (0..series.len()).collect();
            let mut frames = Vec::new();
            let times = times(count, || Ok(series.read_raw_many(&indices, &mut frames)?))?;
            let count = series.len() as f64;
            Ok(times.into_iter().map(|time| time / count).collect())
        }
        "copy" => {
            let from = vec![1_u8; rest.parse()?];
            let mut to = vec![2_u8; from.len()];
            times(count, || {
                to.copy_from_slice(std::hint::black_box(&from));
                std::hint::black_box(&to);
                Ok(())
            })
        }
        other => Err(format!("expected a job, found {other}").into()),
    }
}

fn times(count: usize, mut run: impl FnMut() -> Answer<()>) -> Answer<Vec<f64>> {
    (0..count)
        .map(|_| {
            let start = Instant::now();
            run()?;
            Ok(start.elapsed().as_secs_f64() * 1e3)
        })
        .collect()
}

fn memory(path: &str) -> Answer<f64> {
    let series = Arc::new(open_series(&[path]));
    let config = PrefetchConfig {
        threads: 2,
        budget_bytes: 4 << 20,
    };
    let mut largest = 0;
    for frame in prefetch(series, config) {
        let frame = frame?;
        largest = largest.max(frame.as_slice().len() * 5);
    }
    // One frame in the caller's hands, and what each reader holds: stored, counts and mask.
    let in_flight = config.budget_bytes.max(largest) + largest + config.threads * 2 * largest;
    let status = std::fs::read_to_string("/proc/self/status")?;
    let peak = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .and_then(|line| line.split_whitespace().next())
        .ok_or("expected VmHWM in /proc/self/status")?;
    Ok((peak.parse::<f64>()? * 1024.0 - in_flight as f64) / f64::from(1 << 20))
}
