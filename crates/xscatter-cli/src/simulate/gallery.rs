//! The contact sheet: simulated frames with their truth, and real ones beside them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use xscatter::progress::Progress;
use xscatter::sim::{SceneConfig, Simulation, SimulationConfig, TagSet, Technique, Truth};
use xscatter::{ErrorKind, FrameSource as _, Mask, Result, TagState};

use super::invalid;
use crate::Outcome;
use crate::inputs::{Input, Inputs};
use crate::output::{self, Bar};
use crate::picture::cells::Pooling;
use crate::picture::colour::Map;
use crate::picture::image::{Style, Subject, thumbnail};
use crate::picture::scale::{Limits, Scale};
use crate::picture::sheet::{self, Block, SIDE, Tile};
use crate::picture::ticks::number;

/// More frames would not be looked at.
const MOST: usize = 1000;

/// How many frames of a series that goes through something are shown.
const OF_A_SERIES: usize = 8;

/// Draws so many frames of a simulation and some real ones; returns how many there are of the
/// simulation, and whether all real ones could be drawn.
pub(super) fn draw(
    config: SimulationConfig,
    count: usize,
    tags: TagSet,
    title: &str,
    beside: &[PathBuf],
    picture: &Path,
) -> Result<(usize, Outcome)> {
    if !(1..=MOST).contains(&count) {
        let message = format!("a contact sheet shows 1 to {MOST} frames, got {count}");
        return Err(invalid(message).at("--count"));
    }
    let source = Simulation::new(config)?;
    let chosen = chosen(&source, count);
    let real = match beside {
        [] => None,
        paths => Some(Inputs::some(paths)?),
    };
    let mut bar = Bar::with_rate();
    bar.show(Progress::Stage {
        name: "drawing".into(),
        total: chosen.len() + real.as_ref().map_or(0, |inputs| inputs.files().len()),
    });
    let simulated: Result<Vec<(Technique, Tile)>> = chosen
        .par_iter()
        .map(|&index| {
            let tile = simulated(&source, index, tags)?;
            bar.advance(1);
            Ok(tile)
        })
        .collect();
    let mut blocks: Vec<Block> = Vec::new();
    for (technique, tile) in simulated? {
        let title = match source.config().scene {
            SceneConfig::Series(_) => "Series",
            _ => technique.name(),
        };
        match blocks.iter_mut().find(|block| block.title == title) {
            Some(block) => block.tiles.push(tile),
            None => blocks.push(Block {
                title: title.to_owned(),
                tiles: vec![tile],
            }),
        }
    }
    let mut below = Vec::new();
    let mut outcome = Outcome::Complete;
    if let Some(inputs) = &real {
        let mut tiles = Vec::new();
        for file in inputs.files() {
            match of_file(file) {
                Ok(tile) => tiles.push(tile),
                Err(error) => {
                    bar.aside(|| output::report(&error.in_file(file.path())));
                    outcome = Outcome::Partial;
                }
            }
            bar.advance(1);
        }
        below.push(Block {
            title: "Real files".into(),
            tiles,
        });
    }
    bar.clear();
    if real.as_ref().map(Inputs::report_skipped) == Some(Outcome::Partial) {
        outcome = Outcome::Partial;
    }
    let png = sheet::sheet(title, &blocks, &below).to_png(&[
        ("Title", title.to_owned()),
        (
            "Software",
            concat!("xscatter ", env!("CARGO_PKG_VERSION")).into(),
        ),
    ])?;
    output::write_whole(picture, &png)?;
    Ok((chosen.len(), outcome))
}

/// The frames that are shown: of as many experiments as possible one each, or some of each, evenly
/// spaced.
fn chosen(source: &Simulation, count: usize) -> Vec<usize> {
    let mut experiments: Vec<Vec<usize>> = Vec::new();
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    for index in 0..source.len() {
        let name = source.origin(index).experiment;
        let place = *places.entry(name).or_insert_with(|| {
            experiments.push(Vec::new());
            experiments.len() - 1
        });
        experiments[place].push(index);
    }
    let least = match source.config().scene {
        SceneConfig::Series(_) => OF_A_SERIES,
        _ => 1,
    };
    let of_each = count.div_ceil(experiments.len()).max(least);
    let evenly = |frames: Vec<usize>| {
        let n = of_each.min(frames.len());
        (0..n)
            .map(|place| frames[place * (frames.len() - 1) / (n - 1).max(1)])
            .collect::<Vec<usize>>()
    };
    let mut chosen: Vec<usize> = experiments.into_iter().flat_map(evenly).collect();
    chosen.truncate(count);
    chosen
}

fn style() -> Style {
    Style {
        scale: Scale::Log,
        limits: Limits::Percentiles(0.1, 99.9),
        map: Map::Inferno,
        pooling: Pooling::Mean,
        max_size: SIDE,
    }
}

fn simulated(source: &Simulation, index: usize, tags: TagSet) -> Result<(Technique, Tile)> {
    let (frame, truth) = source.read_with_truth(index)?;
    let subject = Subject {
        counts: frame.counts(),
        mask: frame.mask().map(|mask| &**mask),
        centre: None,
        title: String::new(),
        facts: Vec::new(),
    };
    let valid = frame.valid_count().max(1) as f64;
    let mean = frame.valid_counts().map(f64::from).sum::<f64>() / valid;
    let mut lines = sheet::listed(&facts(&truth, mean));
    lines.extend(sheet::listed(&states(&truth, tags)));
    let tile = Tile {
        picture: thumbnail(&subject, &style()),
        title: format!("{index}  {}", truth.experiment),
        lines,
    };
    Ok((truth.technique, tile))
}

/// Detector, counts, and what a person asks for first.
fn facts(truth: &Truth, mean: f64) -> Vec<String> {
    let mut facts = vec![truth.detector.clone(), counts(mean)];
    let value = |name: &str| truth.values.get(name).copied();
    if let Some(angle) = value("incident_angle_rad") {
        facts.push(format!("incidence {}\u{b0}", short(angle.to_degrees())));
    }
    if let Some(q) = value("q_star_inv_nm") {
        facts.push(format!("q* {}/nm", short(q)));
    }
    if let Some(radius) = value("radius_nm") {
        facts.push(format!("R {} nm", short(radius)));
    }
    facts
}

fn counts(mean: f64) -> String {
    format!("{} counts/px", short(mean))
}

/// Three digits.
fn short(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return number(value);
    }
    let unit = 10.0_f64.powi(2 - value.abs().log10().floor() as i32);
    number((value * unit).round() / unit)
}

/// The tags that are present, and with a question mark those that nobody could tell.
fn states(truth: &Truth, tags: TagSet) -> Vec<String> {
    tags.names()
        .into_iter()
        .zip(truth.tags(tags))
        .filter_map(|(name, state)| match state {
            TagState::Positive => Some(name.to_owned()),
            TagState::Unknown => Some(format!("{name}?")),
            TagState::Negative => None,
        })
        .collect()
}

/// The first frame of a real file.
fn of_file(file: Input<'_>) -> Result<Tile> {
    let frame = file.open()?.read_raw(0)?;
    let counts_of = frame.pixels.to_counts();
    let flags = frame.mask.as_deref().map(Mask::as_slice);
    let valid: Vec<f64> = counts_of
        .iter()
        .enumerate()
        .filter(|(index, _)| flags.is_none_or(|flags| flags[*index].is_valid()))
        .map(|(_, &count)| f64::from(count))
        .collect();
    if valid.is_empty() {
        return Err(xscatter::Error::new(
            ErrorKind::DegenerateData,
            "expected a frame with valid pixels",
        ));
    }
    let subject = Subject {
        counts: counts_of.view(),
        mask: frame.mask.as_deref(),
        centre: None,
        title: String::new(),
        facts: Vec::new(),
    };
    let (rows, columns) = counts_of.dim();
    let name =
        |path: Option<&std::ffi::OsStr>| path.unwrap_or_default().to_string_lossy().into_owned();
    let folder = file.path().parent().and_then(Path::file_name);
    Ok(Tile {
        picture: thumbnail(&subject, &style()),
        title: name(file.path().file_name()),
        lines: sheet::listed(&[
            name(folder),
            format!("{rows}x{columns}"),
            counts(valid.iter().sum::<f64>() / valid.len() as f64),
        ]),
    })
}
