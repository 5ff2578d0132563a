//! Training the model that sorts: describe, rank, fit the best, judge it where nothing was chosen.
//!
//! Every step is a call on the crates below; this module only puts them in order.
//!
//! 1. A LeNet learns from the archive's `network` part ([decision 0006]: no row of the table was ever
//!    its training frame).
//! 2. Every frame of `train` is described in all representations, those that look at the geometry in its
//!    header and those that see the image alone.
//! 3. The study cross-validates every representation × every family × every metric.
//! 4. The best one of either kind is fitted on all of `train` and judged once, on `holdout`.
//!
//! [decision 0006]: https://github.com/xscatter/xscatter/blob/main/docs/decisions/0006-networks-learn-from-experiments-of-their-own.md

use std::path::Path;
use std::sync::Arc;

use xscatter_automl::{Event, Leaderboard, Representation, Split, Status, Study, StudyConfig};
use xscatter_core::seed::derive_named;
use xscatter_core::{
    Classes, Error, ErrorKind, Estimator, Family, FeatureTable, Frame, FrameSource, Predictor,
    Result, Score, StopToken, Target, TrainingSet,
};
use xscatter_deep::{
    Device, FrameInput, FrameInputConfig, Inputs, LeNetConfig, TrainConfig, TrainedNetwork,
};
use xscatter_io::LabelledSeries;
use xscatter_learn::{Classifier, FittedClassifier};
use xscatter_metrics::ConfusionMatrix;

use crate::catalogue;
use crate::progress::{Observer, Progress};
use crate::representations::{self, Header, RECIPES, Recipe};
use crate::sort::{Model, Sorter, create_folder, write_file};

/// How the sorting model is trained and chosen.
#[derive(Debug, Clone, PartialEq)]
pub struct TrainingConfig {
    /// The seed of everything that is drawn.
    pub seed: u64,
    /// How many folds; frames of one experiment stay on one side.
    pub folds: usize,
    /// The metric that ranks the leaderboard.
    pub rank_by: String,
    /// How many of each family's first guesses are tried.
    pub guesses: usize,
    /// How many times the network sees each of its frames.
    pub epochs: usize,
}

impl Default for TrainingConfig {
    fn default() -> Self {
        Self {
            seed: 2026,
            folds: 5,
            rank_by: "balanced-accuracy".into(),
            guesses: 2,
            epochs: 15,
        }
    }
}

/// What training gives: the models, how they were chosen, and how they did where nothing was chosen.
#[derive(Debug)]
pub struct Trained {
    /// The best models, fitted on all training rows.
    pub sorter: Sorter,
    /// Every representation × family, cross-validated.
    pub leaderboard: Leaderboard,
    /// The model for calibrated frames on the hold-out.
    pub calibrated: Judgement,
    /// The model for all other frames on the hold-out.
    pub image_alone: Judgement,
}

/// How a model did on frames that nothing was chosen on.
#[derive(Debug)]
pub struct Judgement {
    /// Truth against prediction.
    pub confusion: ConfusionMatrix,
    /// The scores by name.
    pub scores: Vec<(String, Score)>,
}

impl Judgement {
    fn new(classifier: &FittedClassifier, rows: &FeatureTable, truth: &Target) -> Result<Self> {
        let proba = classifier.predict_proba(rows.values())?;
        let confusion = ConfusionMatrix::from_scores(truth, proba.view())?;
        let scores: Result<_> = catalogue::metrics()
            .iter()
            .map(|metric| {
                Ok((
                    metric.name().to_owned(),
                    metric.evaluate(truth, proba.view())?,
                ))
            })
            .collect();
        Ok(Self {
            confusion,
            scores: scores?,
        })
    }

    /// The score of that name.
    pub fn score(&self, name: &str) -> Option<&Score> {
        self.scores
            .iter()
            .find(|(other, _)| other == name)
            .map(|(_, score)| score)
    }
}

impl Trained {
    /// Writes `leaderboard.{csv,json,md}`, `confusion.svg`, `confusion_image_alone.svg` and the folder
    /// `model`.
    ///
    /// # Errors
    /// If a file cannot be written.
    pub fn save(&self, folder: &Path) -> Result<()> {
        create_folder(folder)?;
        write_file(&folder.join("leaderboard.csv"), &self.leaderboard.to_csv())?;
        write_file(
            &folder.join("leaderboard.json"),
            &self.leaderboard.to_json(),
        )?;
        write_file(
            &folder.join("leaderboard.md"),
            &self.leaderboard.to_markdown(),
        )?;
        for (file, model, judgement) in [
            ("confusion.svg", self.sorter.calibrated(), &self.calibrated),
            (
                "confusion_image_alone.svg",
                self.sorter.image_alone(),
                &self.image_alone,
            ),
        ] {
            let title = format!(
                "Simulated hold-out: {} on {}",
                model.family, model.representation
            );
            let svg = xscatter_metrics::plot::confusion_matrix_svg(&judgement.confusion, &title)?;
            write_file(&folder.join(file), &svg)?;
        }
        self.sorter.save(&folder.join("model"))
    }

    /// The leaderboard, the best models and how they did on the hold-out, for a person.
    pub fn summary(&self) -> String {
        let scores: Vec<String> = self
            .calibrated
            .scores
            .iter()
            .zip(&self.image_alone.scores)
            .map(|((name, calibrated), (_, alone))| {
                // A score formats itself: width and precision go one after the other.
                let [calibrated, alone] = [calibrated, alone].map(|score| format!("{score:.4}"));
                format!("  {name:<20} {calibrated:>12} {alone:>12}")
            })
            .collect();
        format!(
            "{}\nbest where the header states the geometry: {}\nbest from the image alone: {}\n\n\
             hold-out (simulated; a detector that training never saw), with the header:\n{}\n\
             from the image alone:\n{}\n  {:<20} {:>12} {:>12}\n{}",
            self.leaderboard,
            self.sorter.calibrated(),
            self.sorter.image_alone(),
            self.calibrated.confusion,
            self.image_alone.confusion,
            "score",
            "header",
            "image alone",
            scores.join("\n"),
        )
    }
}

/// Trains, ranks, fits the best on all training rows, and judges it on the hold-out.
///
/// # Errors
/// If a part has fewer than two classes or no frame that can be read, a fit of the best model fails,
/// or the work is stopped. Frames that cannot be read are noted and left out.
pub fn train(
    config: &TrainingConfig,
    network_frames: &LabelledSeries,
    train_frames: &LabelledSeries,
    holdout_frames: &LabelledSeries,
    device: &Device,
    observer: &mut Observer<'_>,
    stop: &StopToken,
) -> Result<Trained> {
    for scan in [network_frames, train_frames, holdout_frames] {
        for skipped in scan.skipped() {
            observer(Progress::Note(format!("skipped {}", skipped.error)));
        }
    }
    for scan in [network_frames, train_frames, holdout_frames] {
        check_classes(scan)?;
    }
    let network = Arc::new(train_network(
        config,
        network_frames,
        device,
        observer,
        stop,
    )?);
    let rows = describe("describing train", train_frames, &network, observer, stop)?;
    let mut holdout = describe(
        "describing holdout",
        holdout_frames,
        &network,
        observer,
        stop,
    )?;
    holdout.classes = in_terms_of(&holdout.classes, rows.classes.names())
        .map_err(|error| error.in_file(holdout_frames.origin()))?;

    let (leaderboard, study) = rank(config, &rows, observer, stop)?;
    let best = |header| {
        let model = fit_best(&study, &leaderboard, header, &rows, stop)?;
        let table = holdout.table(&model.representation);
        let judgement = Judgement::new(&model.classifier, table, &holdout.target())?;
        Ok::<_, Error>((model, judgement))
    };
    let (calibrated_model, calibrated) = best(Header::Kept)?;
    let (image_model, image_alone) = best(Header::Forgotten)?;
    let needs_network = representations::by_name(&image_model.representation)?.needs_network();
    let network = needs_network.then_some(network);
    Ok(Trained {
        sorter: Sorter::new(calibrated_model, image_model, network)?,
        leaderboard,
        calibrated,
        image_alone,
    })
}

/// The same classes with the numbers that they have among `names`.
fn in_terms_of(classes: &Classes, names: &[Arc<str>]) -> Result<Classes> {
    let numbers: Result<Vec<u32>> = classes
        .names()
        .iter()
        .map(|name| {
            let number = names.iter().position(|other| other == name);
            number.map(|number| number as u32).ok_or_else(|| {
                Error::new(
                    ErrorKind::InvalidArgument,
                    format!("expected the classes of the training frames, found {name}"),
                )
            })
        })
        .collect();
    let numbers = numbers?;
    let labels = classes
        .labels()
        .iter()
        .map(|&label| numbers[label as usize])
        .collect();
    Ok(Classes::new(names.to_vec(), labels)?)
}

/// There is something to tell apart.
fn check_classes(scan: &LabelledSeries) -> Result<()> {
    let classes = scan.classes();
    match classes.names() {
        [_, _, ..] => Ok(()),
        names => Err(Error::new(
            ErrorKind::DegenerateData,
            format!(
                "expected frames of two classes or more, found only {}",
                names.first().map_or("none", |name| &**name)
            ),
        )
        .in_file(scan.origin())),
    }
}

fn train_network(
    config: &TrainingConfig,
    frames: &LabelledSeries,
    device: &Device,
    observer: &mut Observer<'_>,
    stop: &StopToken,
) -> Result<TrainedNetwork> {
    let network = LeNetConfig::compact(frames.classes().n_classes());
    let size = FrameInputConfig {
        size: network.input_size,
        ..FrameInputConfig::default()
    };
    let input = FrameInput::new(size)
        .map_err(|error| Error::new(ErrorKind::InvalidArgument, error.to_string()))?;
    observer(Progress::Stage {
        name: "reading network frames".into(),
        total: frames.len(),
    });
    let prepared = frames.with(representations::cleaning());
    let read =
        representations::in_batches(&prepared, observer, stop, |frames| input.prepare(frames))?;
    note_skipped(frames, &read.skipped, observer);
    let inputs = Inputs::concat(&read.made)?;
    let classes = frames.classes().select(&read.kept);
    let seed = derive_named(config.seed, "network");
    let training = TrainConfig {
        epochs: config.epochs,
        seed,
        ..TrainConfig::default()
    };
    observer(Progress::Stage {
        name: "training LeNet".into(),
        total: config.epochs,
    });
    xscatter_deep::train(
        &network,
        &inputs,
        &classes,
        &training,
        device,
        &mut |_| observer(Progress::Advance(1)),
        stop,
    )
}

fn note_skipped(frames: &LabelledSeries, skipped: &[(usize, Error)], observer: &mut Observer<'_>) {
    for (index, error) in skipped {
        observer(Progress::Note(format!(
            "skipped {}: {error}",
            frames.label(*index).path
        )));
    }
}

/// The tables of all representations over the same frames.
struct Rows {
    tables: Vec<(Recipe, FeatureTable)>,
    classes: Classes,
}

impl Rows {
    fn table(&self, name: &str) -> &FeatureTable {
        let found = self.tables.iter().find(|(recipe, _)| recipe.name == name);
        &found
            .expect("every representation of the catalogue has been described")
            .1
    }

    fn target(&self) -> Target {
        Target::Classes(self.classes.clone())
    }
}

/// The parts that see the image alone, and those that depend on what the header says.
const IMAGE_PARTS: [&str; 6] = [
    "histogram",
    "glcm",
    "radial-profile",
    "layout",
    "azimuthal",
    "lenet",
];
const HEADER_PARTS: [&str; 3] = ["radial-profile", "azimuthal", "q-range"];

fn describe(
    stage: &str,
    frames: &LabelledSeries,
    network: &Arc<TrainedNetwork>,
    observer: &mut Observer<'_>,
    stop: &StopToken,
) -> Result<Rows> {
    observer(Progress::Stage {
        name: stage.to_owned(),
        total: frames.len(),
    });
    let cleaned = frames.with(representations::cleaning());
    let both = |frames: &[Frame]| {
        let describe =
            |header, parts| representations::describe(frames, header, parts, Some(network));
        let mut tables = describe(Header::Forgotten, &IMAGE_PARTS)?;
        tables.extend(describe(Header::Kept, &HEADER_PARTS)?);
        Ok(tables)
    };
    let extracted = representations::extract(&cleaned, both, observer, stop)?;
    note_skipped(frames, &extracted.skipped, observer);
    let (image, header) = extracted.tables.split_at(IMAGE_PARTS.len());
    let image: Vec<(&str, &FeatureTable)> = IMAGE_PARTS.into_iter().zip(image).collect();
    // What does not depend on the header is the same with it.
    let mut kept: Vec<(&str, &FeatureTable)> = HEADER_PARTS.into_iter().zip(header).collect();
    kept.extend(
        image
            .iter()
            .filter(|(part, _)| !HEADER_PARTS.contains(part)),
    );
    let tables: Result<Vec<_>> = RECIPES
        .into_iter()
        .map(|recipe| {
            let parts = if recipe.header == Header::Kept {
                &kept
            } else {
                &image
            };
            Ok((recipe, representations::assemble(recipe, parts)?))
        })
        .collect();
    Ok(Rows {
        tables: tables?,
        classes: frames.classes().select(&extracted.kept),
    })
}

/// The families that learn some hundreds of frames in seconds.
const FAMILIES: [&str; 5] = [
    "extra-trees",
    "random-forest",
    "gradient-boosting",
    "logistic-regression",
    "k-nearest-neighbours",
];

fn families() -> Vec<Box<dyn Family>> {
    let mut families = catalogue::families();
    families.retain(|family| FAMILIES.contains(&family.name()));
    families
}

fn rank(
    config: &TrainingConfig,
    rows: &Rows,
    observer: &mut Observer<'_>,
    stop: &StopToken,
) -> Result<(Leaderboard, Study)> {
    let representations: Vec<Representation> = rows
        .tables
        .iter()
        .map(|(recipe, table)| Representation::new(recipe.name, table.clone()))
        .collect();
    let study_config = StudyConfig {
        split: Some(Split::StratifiedGroupKFold {
            folds: config.folds,
        }),
        seed: derive_named(config.seed, "study"),
        rank_by: config.rank_by.clone(),
        max_portfolio: config.guesses,
        ..StudyConfig::default()
    };
    let study = Study::new(families(), catalogue::metrics(), study_config)
        .map_err(|error| Error::new(ErrorKind::InvalidArgument, error.to_string()))?;
    let mut listen = |event: &Event<'_>| match event {
        Event::Started { trials, .. } => {
            observer(Progress::Stage {
                name: "cross-validating".into(),
                // A study without suggestions knows how many there will be.
                total: trials.unwrap_or_default(),
            });
        }
        Event::Trial { .. } => observer(Progress::Advance(1)),
        _ => {}
    };
    let leaderboard = study.run(&representations, &rows.target(), &mut listen, stop)?;
    Ok((leaderboard, study))
}

/// Fits the best entry among the representations that use the header, or do not, on all rows.
fn fit_best(
    study: &Study,
    leaderboard: &Leaderboard,
    header: Header,
    rows: &Rows,
    stop: &StopToken,
) -> Result<Model> {
    let entry = leaderboard
        .entries
        .iter()
        .filter(|entry| entry.status == Status::Scored)
        .find(|entry| {
            representations::by_name(&entry.representation)
                .is_ok_and(|recipe| recipe.header == header)
        })
        .ok_or_else(|| {
            let reason = leaderboard
                .failures()
                .next()
                .map_or("", |(_, reason)| reason);
            Error::new(
                ErrorKind::DegenerateData,
                format!("expected a trial with a score, every one failed: {reason}"),
            )
        })?;
    let classifier =
        Classifier::from_params(&entry.family, &entry.params, study.refit_seed(entry))?;
    let target = rows.target();
    let train = TrainingSet::new(rows.table(&entry.representation).values(), &target)?
        .with_stop(stop.clone());
    Ok(Model {
        representation: entry.representation.to_string(),
        family: entry.family.to_string(),
        params: entry.params.clone(),
        classifier: classifier.fit(&train)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_holdout_without_one_class_keeps_the_numbers_of_the_others() {
        let training = Classes::from_names(&["GISAXS", "SAXS", "WAXS"]);
        let holdout = Classes::from_names(&["WAXS", "SAXS", "WAXS"]);
        let renumbered = in_terms_of(&holdout, training.names()).unwrap();
        assert_eq!(renumbered.labels(), [2, 1, 2]);
        assert!(in_terms_of(&training, holdout.names()).is_err());
    }
}
