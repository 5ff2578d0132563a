//! Tag frames by the small forms that they are made of: the classical baseline for the 17 tags.
//!
//! ```console
//! cargo run --release --example tag_visual_words
//! cargo run --release --example tag_visual_words -- --frames 6000 --words 512 --seed 3
//! ```
//!
//! What to take home: words are learned from frames without labels and never see the held-out experiments;
//! a fitted extractor is an extractor like any other; frames of one experiment stay on one side of the
//! split; a tag that nobody could tell counts neither in learning nor in the score.
//!
//! The numbers hold for these simulated frames alone: they do not compare with those of other data sets.

#![allow(clippy::print_stdout, reason = "an example talks to a person")]

use std::error::Error;
use std::sync::Arc;

use indicatif::{ProgressBar, ProgressStyle};
use xscatter_core::ndarray::{Array2, s};
use xscatter_core::{
    Estimator, FeatureExtractor, FrameSource, StopToken, TagState, Tags, Target, TrainingSet,
};
use xscatter_features::VisualWordsConfig;
use xscatter_features::words::{Dictionary, Fitting, KMeansConfig};
use xscatter_learn::{LinearSvm, LinearSvmConfig};
use xscatter_sim::{Preset, Simulation, SimulationConfig, TagSet};

const TAGS: TagSet = TagSet::Mission17;

/// Frames of one experiment share a sample and an instrument.
const PER_EXPERIMENT: usize = 10;

fn main() -> Result<(), Box<dyn Error>> {
    let Options {
        frames,
        words,
        seed,
    } = Options::parse()?;

    // The last quarter of the experiments is held out. A frame is a function of the seed and its number,
    // so a simulation of fewer frames has those in front.
    let config = SimulationConfig {
        frames_per_experiment: PER_EXPERIMENT,
        ..Preset::BnlTags17.config(seed)
    };
    let n_train = frames * 3 / 4 / PER_EXPERIMENT * PER_EXPERIMENT;
    let simulation = Simulation::new(config.clone().with_frames(frames))?;
    let training = Simulation::new(config.with_frames(n_train))?;

    // 1. A dictionary of patches, from the training frames.
    let config = VisualWordsConfig {
        dictionary: Dictionary::KMeans(KMeansConfig {
            words,
            ..KMeansConfig::default()
        }),
        seed,
        ..VisualWordsConfig::default()
    };
    let bar = progress("learn words", n_train);
    let visual_words = config.fit(&training, &StopToken::new(), &mut |step| match step {
        Fitting::Sampled { frames, .. } => bar.inc(frames as u64),
        Fitting::Pass { pass, of, inertia } => {
            bar.set_message(format!("pass {pass} of {of}: inertia {inertia:.0}"));
        }
        _ => {}
    })?;
    bar.finish();

    // 2. Every frame as a row, and what is true of it.
    let n_columns = visual_words.columns().len();
    let mut rows = Array2::<f32>::zeros((frames, n_columns));
    let mut states = Array2::from_elem((frames, TAGS.names().len()), TagState::Unknown);
    let bar = progress("describe frames", frames);
    for start in (0..simulation.len()).step_by(32) {
        let end = simulation.len().min(start + 32);
        let batch = simulation.read_many_with_truth(&(start..end).collect::<Vec<_>>())?;
        let (batch, truths): (Vec<_>, Vec<_>) = batch.into_iter().unzip();
        visual_words.extract_into(&batch, rows.slice_mut(s![start..end, ..]))?;
        for (truth, mut states) in truths
            .iter()
            .zip(states.slice_mut(s![start..end, ..]).rows_mut())
        {
            for (state, known) in states.iter_mut().zip(truth.tags(TAGS)) {
                *state = known;
            }
        }
        bar.inc((end - start) as u64);
    }
    bar.finish();

    // 3. One support vector machine a tag, on the frames of which the tag is known. The order of the
    // held-out frames is all that is asked for, so there is no need of probabilities.
    println!("learning {} tags", TAGS.names().len());
    let names = TAGS.names().into_iter().map(Arc::from).collect();
    let target = Target::Tags(Tags::new(
        names,
        states.slice(s![..n_train, ..]).to_owned(),
    )?);
    let svm = LinearSvm::new(LinearSvmConfig {
        folds: 0,
        ..LinearSvmConfig::default()
    })?;
    let model = svm.fit(&TrainingSet::new(rows.slice(s![..n_train, ..]), &target)?)?;
    let decisions = model.decisions(rows.slice(s![n_train.., ..]))?;

    println!(
        "{:<34} {:>9} {:>7} {:>7}",
        "tag", "positives", "AP", "chance"
    );
    let mut scores = Vec::new();
    for (tag, name) in TAGS.names().into_iter().enumerate() {
        let states = states.slice(s![n_train.., tag]);
        let known = states.iter().zip(decisions.column(tag));
        let known = known.filter(|&(&state, _)| state != TagState::Unknown);
        let (truth, decisions): (Vec<bool>, Vec<f64>) = known
            .map(|(&state, &decision)| (state == TagState::Positive, decision))
            .unzip();
        let positives = truth.iter().filter(|&&truth| truth).count();
        if positives == 0 {
            println!("{name:<34} {positives:>9}");
            continue;
        }
        let precision = average_precision(&truth, &decisions);
        // That of a random order.
        let chance = positives as f64 / truth.len() as f64;
        println!("{name:<34} {positives:>9} {precision:>7.3} {chance:>7.3}");
        scores.push((precision, chance));
    }
    let mean =
        |part: fn(&(f64, f64)) -> f64| scores.iter().map(part).sum::<f64>() / scores.len() as f64;
    let (precision, chance) = (mean(|score| score.0), mean(|score| score.1));
    let what = format!("mean of {} tags", scores.len());
    println!("{what:<34} {:>9} {precision:>7.3} {chance:>7.3}", "");
    println!(
        "{} frames held out, {n_train} learned from",
        frames - n_train
    );
    Ok(())
}

/// The mean of the precision at every frame that has the tag, the highest score first.
fn average_precision(truth: &[bool], scores: &[f64]) -> f64 {
    let mut order: Vec<usize> = (0..truth.len()).collect();
    order.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]));
    let (mut found, mut sum) = (0.0, 0.0);
    for (rank, &frame) in order.iter().enumerate() {
        if truth[frame] {
            found += 1.0;
            sum += found / (rank + 1) as f64;
        }
    }
    sum / found
}

/// What to do, from the command line.
struct Options {
    frames: usize,
    words: usize,
    seed: u64,
}

impl Options {
    fn parse() -> Result<Self, Box<dyn Error>> {
        let mut options = Self {
            frames: 3000,
            words: 256,
            seed: 2026,
        };
        let arguments: Vec<String> = std::env::args().skip(1).collect();
        for pair in arguments.chunks(2) {
            let [name, value] = pair else {
                return Err(format!("expected a number after {}", pair[0]).into());
            };
            match &**name {
                "--frames" => options.frames = value.parse()?,
                "--words" => options.words = value.parse()?,
                "--seed" => options.seed = value.parse()?,
                _ => return Err(format!("expected --frames, --words or --seed, got {name}").into()),
            }
        }
        if options.frames < 4 * PER_EXPERIMENT {
            return Err(format!("expected {} frames or more", 4 * PER_EXPERIMENT).into());
        }
        Ok(options)
    }
}

/// A bar for a person.
fn progress(what: &'static str, steps: usize) -> ProgressBar {
    let style = "{prefix:>16} {bar:32} {pos}/{len} {elapsed} {msg}";
    ProgressBar::new(steps as u64)
        .with_style(ProgressStyle::with_template(style).expect("a valid template"))
        .with_prefix(what)
}
