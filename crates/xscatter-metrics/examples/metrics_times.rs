//! Seconds (the middle one of three) and value of one score, for `tools/compare/metrics.py`:
//! `metrics_times SCORE KIND TRUTH SCORES OUTPUTS`, where KIND is `classes`, `tags` or `rows`, TRUTH holds
//! little-endian `u32` and SCORES little-endian `f32`, row by row.

use std::io::Write as _;
use std::time::Instant;

use ndarray::Array2;
use xscatter_core::{Classes, TagState, Tags, Target};
use xscatter_metrics::{Contingency, by_name, silhouette};

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [name, kind, truth, scores, outputs] = &arguments[..] else {
        return Err("expected SCORE KIND TRUTH SCORES OUTPUTS".into());
    };
    let outputs: usize = outputs.parse()?;
    let truth: Vec<u32> = words(truth)?.map(u32::from_le_bytes).collect();
    let scores: Vec<f32> = words(scores)?.map(f32::from_le_bytes).collect();
    let scores = Array2::from_shape_vec((scores.len() / outputs, outputs), scores)?;
    let names = (0..outputs).map(|output| output.to_string().into());
    let score: Box<dyn Fn() -> Result<f64, Failure>> = if kind == "rows" {
        Box::new(move || {
            let score = if name == "silhouette" {
                silhouette(scores.view(), &truth)?
            } else {
                let found: Vec<u32> = scores.column(0).iter().map(|&s| s as u32).collect();
                Contingency::new(&truth, &found)?.adjusted_mutual_information()
            };
            score.value().ok_or_else(|| score.to_string().into())
        })
    } else {
        let truth = if kind == "classes" {
            Target::Classes(Classes::new(names.collect(), truth)?)
        } else {
            let states = truth.iter().map(|&state| match state {
                0 => TagState::Negative,
                _ => TagState::Positive,
            });
            let states = Array2::from_shape_vec(scores.dim(), states.collect())?;
            Target::Tags(Tags::new(names.collect(), states)?)
        };
        let metric = by_name(name)?;
        Box::new(move || {
            let score = metric.evaluate(&truth, scores.view())?;
            score.value().ok_or_else(|| score.to_string().into())
        })
    };
    let value = score()?;
    let mut seconds = Vec::new();
    for _ in 0..3 {
        let start = Instant::now();
        score()?;
        seconds.push(start.elapsed().as_secs_f64());
    }
    seconds.sort_unstable_by(f64::total_cmp);
    let seconds = seconds[1];
    writeln!(std::io::stdout(), "{seconds} {value}")?;
    Ok(())
}

fn words(path: &str) -> Result<impl Iterator<Item = [u8; 4]>, Failure> {
    let bytes = std::fs::read(path)?;
    let words: Vec<[u8; 4]> = bytes.as_chunks().0.to_vec();
    Ok(words.into_iter())
}
