//! `xscatter study`: compare features and models on tables, and predict with what came of it.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Subcommand, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;
use xscatter::automl::{Event, Fit, Halving, Leaderboard, Race, Representation, StudyConfig};
use xscatter::study::{Roles, StudyFolder, StudyOutcome, StudySpec, TableSpec, load_model};
use xscatter::{Error, ErrorKind, Result, StopToken, catalogue};

use crate::Outcome;
use crate::output;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Search for the best models of tables, join them, and keep everything in a folder.
    Run(RunArgs),
    /// Go on with the study of a folder, with what time it had been given.
    Resume(FolderArgs),
    /// Write down a study and divide it into units, without running anything.
    Plan(PlanArgs),
    /// Make the trials of one unit; may be repeated, and run anywhere that sees the folder.
    RunUnit(UnitArgs),
    /// Join the units that are done: leaderboard, and the model once all are.
    Merge(FolderArgs),
    /// Show the leaderboard.
    Leaderboard(LeaderboardArgs),
    /// Write the report as one HTML file.
    Report(ReportArgs),
    /// Predict the rows of tables with the model of a study.
    Predict(PredictArgs),
}

#[derive(Debug, clap::Args)]
struct RunArgs {
    #[command(flatten)]
    spec: SpecArgs,
    /// Print one JSON object instead of text.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
struct PlanArgs {
    #[command(flatten)]
    spec: SpecArgs,
    /// How many units; by default one for each family on each table.
    #[arg(long, value_name = "N")]
    units: Option<usize>,
    /// Print one JSON object instead of text.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
struct SpecArgs {
    /// A table (.csv, .parquet), or NAME=FILE; several of the same rows compete as representations.
    #[arg(long, value_name = "FILE", required = true)]
    table: Vec<String>,
    /// The column of classes.
    #[arg(
        long,
        value_name = "COLUMN",
        required_unless_present = "tag",
        conflicts_with = "tag"
    )]
    label: Option<String>,
    /// A column of a tag (1 or 0, true or false, empty where it is not known); several are learned at once.
    #[arg(long, value_name = "COLUMN")]
    tag: Vec<String>,
    /// Rows with the same value here are no independent samples; `group` if there is such a column.
    #[arg(long, value_name = "COLUMN")]
    group: Option<String>,
    /// The names of the rows; `id` if there is such a column.
    #[arg(long, value_name = "COLUMN")]
    id: Option<String>,
    /// A column that is no feature.
    #[arg(long, value_name = "COLUMN")]
    ignore: Vec<String>,
    /// The folder of the study.
    #[arg(long, value_name = "FOLDER")]
    out: PathBuf,
    /// How long to search: 30s, 5m, 2h. The search is endless in trials then, unless --trials is given.
    #[arg(long, value_name = "TIME", value_parser = duration)]
    budget: Option<Duration>,
    /// How many configurations each family tries on each table after its first guesses; 20 without a
    /// budget of time. With it alone the result does not depend on the speed of the machine.
    #[arg(long, value_name = "N")]
    trials: Option<usize>,
    /// A family is done with a table after so many configurations without a better one.
    #[arg(long, value_name = "N", default_value_t = 15)]
    patience: usize,
    /// Which families compete, by name, separated by commas; without it all of them.
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    families: Vec<String>,
    /// How many first guesses of a family are tried at most.
    #[arg(long, value_name = "N", default_value_t = 3)]
    guesses: usize,
    /// How many folds.
    #[arg(long, value_name = "N", default_value_t = 5)]
    folds: usize,
    /// How rows are parted, as JSON like `{"time-series": {"folds": 5}}`; without it, whole groups with
    /// classes or tags balanced.
    #[arg(long, value_name = "JSON")]
    split: Option<String>,
    /// The metric that ranks.
    #[arg(long, value_name = "METRIC", default_value = "log-loss")]
    rank_by: String,
    /// When a trial is given up between two folds.
    #[arg(long, value_enum, default_value_t = RaceArg::Aggressive)]
    race: RaceArg,
    /// Let new configurations prove themselves on a ninth, then a third of the rows.
    #[arg(long)]
    halving: bool,
    /// Everything random follows from it.
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// How many trials run at once; as many as there are cores by default.
    #[arg(long, value_name = "N")]
    parallel: Option<std::num::NonZeroUsize>,
    /// The longest that one trial may take.
    #[arg(long, value_name = "TIME", value_parser = duration)]
    trial_limit: Option<Duration>,
    /// How much memory the process may hold: 4G, 500M.
    #[arg(long, value_name = "BYTES", value_parser = bytes)]
    memory: Option<u64>,
    /// What the final model is made of: the models of the folds, or one model a member, fitted on all rows.
    #[arg(long, value_enum, default_value_t = FitArg::Folds)]
    fit: FitArg,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum RaceArg {
    Off,
    Forgiving,
    Aggressive,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum FitArg {
    Folds,
    All,
}

#[derive(Debug, clap::Args)]
struct FolderArgs {
    /// The folder of the study.
    folder: PathBuf,
    /// Print one JSON object instead of text.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
struct UnitArgs {
    /// The folder of the study.
    folder: PathBuf,
    /// The number of the unit, from 0.
    unit: usize,
}

#[derive(Debug, clap::Args)]
struct LeaderboardArgs {
    /// The folder of the study.
    folder: PathBuf,
    /// In which form.
    #[arg(long, value_enum, default_value_t = Form::Table)]
    form: Form,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Form {
    Table,
    Csv,
    Json,
    Markdown,
}

#[derive(Debug, clap::Args)]
struct ReportArgs {
    /// The folder of the study.
    folder: PathBuf,
    /// Where to write it, instead of into the folder.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
struct PredictArgs {
    /// The folder of the study.
    folder: PathBuf,
    /// A table, or NAME=FILE where the study has several; labels need not be there.
    #[arg(long, value_name = "FILE", required = true)]
    table: Vec<String>,
    /// Write CSV to a file instead of standard output.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Beside the probabilities of the model write those of each of its members.
    #[arg(long)]
    members: bool,
}

pub(crate) fn run(args: &Args) -> Result<Outcome> {
    match &args.command {
        Command::Run(args) => {
            let study = StudyFolder::create(&args.spec.out, args.spec.spec(|_| 1)?)?;
            let folder = &args.spec.out;
            let outcome = watched(|observer| study.run(observer, &StopToken::new()))?;
            Ok(tell(folder, &outcome, args.json))
        }
        Command::Resume(args) => {
            let study = StudyFolder::open(&args.folder)?;
            let outcome = watched(|observer| study.run(observer, &StopToken::new()))?;
            Ok(tell(&args.folder, &outcome, args.json))
        }
        Command::Plan(args) => plan(args),
        Command::RunUnit(args) => {
            let study = StudyFolder::open(&args.folder)?;
            let board = watched(|observer| study.run_unit(args.unit, observer, &StopToken::new()))?;
            output::line(format_args!(
                "unit {} of {}: {} of {} trials done",
                args.unit,
                study.units(),
                board.entries.len(),
                board.planned
            ));
            Ok(complete(&board))
        }
        Command::Merge(args) => {
            let outcome = StudyFolder::open(&args.folder)?.merge(&StopToken::new())?;
            Ok(tell(&args.folder, &outcome, args.json))
        }
        Command::Leaderboard(args) => {
            let board = StudyFolder::open(&args.folder)?.leaderboard()?;
            let text = match args.form {
                Form::Table => board.to_string(),
                Form::Csv => board.to_csv(),
                Form::Json => board.to_json(),
                Form::Markdown => board.to_markdown(),
            };
            output::line(text.trim_end());
            Ok(Outcome::Complete)
        }
        Command::Report(args) => {
            let study = StudyFolder::open(&args.folder)?;
            let path = study.report(args.output.as_deref())?;
            output::line(path.display());
            Ok(Outcome::Complete)
        }
        Command::Predict(args) => predict(args),
    }
}

fn plan(args: &PlanArgs) -> Result<Outcome> {
    let folder = &args.spec.out;
    let study = StudyFolder::create(folder, args.spec.spec(|most| args.units.unwrap_or(most))?)?;
    let units = study.units();
    if args.json {
        output::line(json!({ "folder": folder, "units": units }));
    } else {
        let folder = folder.display();
        output::line(format_args!(
            "{units} units: run each of\n  xscatter study run-unit {folder} 0 .. {}\nthen\n  xscatter \
             study merge {folder}",
            units - 1
        ));
    }
    Ok(Outcome::Complete)
}

fn predict(args: &PredictArgs) -> Result<Outcome> {
    let spec = StudyFolder::read_spec(&args.folder)?;
    let model = load_model(&args.folder)?;
    let tables = args
        .table
        .iter()
        .map(|text| {
            let table = named(text);
            // One table needs no name.
            let only = spec.tables.len() == 1 && args.table.len() == 1;
            let name = if only {
                &spec.tables[0].name
            } else {
                &table.name
            };
            let features = spec.roles.read_features(&table.path)?;
            Ok(Representation::new(name, features))
        })
        .collect::<Result<Vec<_>>>()?;
    let mut all = model.member_proba(&tables)?;
    let joined = model.join(&all)?;
    if !args.members {
        all.clear();
    }
    all.insert(0, joined);
    let name_of = |(place, name): (usize, &std::sync::Arc<str>)| {
        if place == 0 {
            return name.to_string();
        }
        let member = &model.members()[place - 1];
        format!(
            "{place} {} {}: {name}",
            member.representation, member.family
        )
    };
    let mut writer = csv::Writer::from_writer(vec![]);
    let failed = |error: csv::Error| Error::new(ErrorKind::Io, error.to_string());
    let names = (0..all.len()).flat_map(|place| {
        let outputs = model.outputs().iter();
        outputs.map(move |name| (place, name))
    });
    let head = std::iter::once("id".to_owned()).chain(names.map(name_of));
    writer.write_record(head).map_err(failed)?;
    for (row, id) in tables[0].table.ids().iter().enumerate() {
        let cells = all.iter().flat_map(|scores| scores.row(row).to_vec());
        let cells = cells.map(|score| score.to_string());
        writer
            .write_record([id.to_string()].into_iter().chain(cells))
            .map_err(failed)?;
    }
    let bytes = writer
        .into_inner()
        .map_err(|error| Error::new(ErrorKind::Io, error.to_string()))?;
    match &args.output {
        Some(path) => output::write_whole(path, &bytes)?,
        None => {
            if std::io::stdout().write_all(&bytes).is_err() {
                std::process::exit(0);
            }
        }
    }
    Ok(Outcome::Complete)
}

impl SpecArgs {
    /// The study that is asked for; `units` makes of the largest number of units how many there are to be.
    fn spec(&self, units: impl Fn(usize) -> usize) -> Result<StudySpec> {
        let tables: Vec<TableSpec> = self.table.iter().map(|text| named(text)).collect();
        let families = if self.families.is_empty() {
            let all = catalogue::families();
            all.iter().map(|family| family.name().to_owned()).collect()
        } else {
            self.families.clone()
        };
        let split = self.split.as_deref().map(|text| {
            serde_json::from_str(text).map_err(|error| {
                Error::new(ErrorKind::InvalidArgument, error.to_string()).at("--split")
            })
        });
        let most = tables.len() * families.len();
        Ok(StudySpec {
            tables,
            roles: Roles {
                label: self.label.clone(),
                tags: self.tag.clone(),
                group: self.group.clone(),
                id: self.id.clone(),
                ignore: self.ignore.clone(),
            },
            families,
            config: StudyConfig {
                split: split.transpose()?,
                folds: self.folds,
                reduce_folds: true,
                seed: self.seed,
                rank_by: self.rank_by.clone(),
                max_portfolio: self.guesses,
                suggestions: self.trials.or(self.budget.is_none().then_some(20)),
                patience: Some(self.patience),
                race: match self.race {
                    RaceArg::Off => Race::Off,
                    RaceArg::Forgiving => Race::Forgiving,
                    RaceArg::Aggressive => Race::Aggressive,
                },
                halving: self.halving.then_some(Halving { eta: 3, rungs: 2 }),
                parallel_trials: self.parallel,
                time_budget: self.budget,
                trial_limit: self.trial_limit,
                memory_budget: self.memory,
                ..StudyConfig::default()
            },
            fit: match self.fit {
                FitArg::Folds => Fit::Folds,
                FitArg::All => Fit::All,
            },
            units: units(most),
        })
    }
}

/// `NAME=FILE`, or a file that gives its name.
fn named(text: &str) -> TableSpec {
    match text.split_once('=') {
        Some((name, path)) if !Path::new(text).exists() => TableSpec {
            name: name.to_owned(),
            path: path.into(),
        },
        _ => {
            let path = PathBuf::from(text);
            let stem = path
                .file_stem()
                .map(|stem| stem.to_string_lossy().into_owned());
            TableSpec {
                name: stem.unwrap_or_else(|| text.to_owned()),
                path,
            }
        }
    }
}

/// Runs a study with a bar on standard error.
fn watched<T>(work: impl FnOnce(&mut dyn FnMut(&Event<'_>)) -> Result<T>) -> Result<T> {
    let bar = ProgressBar::new_spinner();
    bar.enable_steady_tick(Duration::from_millis(200));
    let mut listen = |event: &Event<'_>| match event {
        Event::Started { trials, resumed } => {
            if *resumed > 0 {
                bar.println(format!(
                    "note: {resumed} outcomes are in the journal already"
                ));
            }
            let known = "{elapsed_precise} {bar:30} {pos}/{len} trials, {msg}";
            let unknown = "{elapsed_precise} {spinner} {pos} trials, {msg}";
            if let Some(trials) = trials {
                bar.set_length(*trials as u64);
            }
            let template = if trials.is_some() { known } else { unknown };
            if let Ok(style) = ProgressStyle::with_template(template) {
                bar.set_style(style);
            }
        }
        Event::Trial { entry, best, .. } => {
            bar.inc(1);
            if *best {
                bar.set_message(format!(
                    "best: {} on {}",
                    entry.family, entry.representation
                ));
            }
        }
        Event::Ending { reason } => bar.println(format!("note: {reason}")),
        _ => (),
    };
    let result = work(&mut listen);
    bar.finish_and_clear();
    result
}

fn complete(board: &Leaderboard) -> Outcome {
    if board.failures().next().is_some() {
        let count = board.failures().count();
        output::note(format_args!(
            "{count} trials failed; the leaderboard says why"
        ));
    }
    Outcome::Complete
}

fn tell(folder: &Path, outcome: &StudyOutcome, as_json: bool) -> Outcome {
    let board = &outcome.leaderboard;
    if as_json {
        let best = board.best().map(|entry| {
            json!({
                "representation": &*entry.representation,
                "family": &*entry.family,
                "params": entry.params,
                "score": entry.mean(board.rank_by),
            })
        });
        let ensemble = outcome.ensemble.as_ref().map(|ensemble| {
            let members: Vec<_> = ensemble
                .members
                .iter()
                .map(|(place, weight)| {
                    let entry = &board.entries[*place];
                    json!({
                        "representation": &*entry.representation,
                        "family": &*entry.family,
                        "params": entry.params,
                        "weight": weight,
                    })
                })
                .collect();
            json!({
                "out_of_fold": ensemble.score,
                "best_single_out_of_fold": ensemble.best_single,
                "members": members,
            })
        });
        output::line(json!({
            "folder": folder,
            "trials": board.entries.len(),
            "complete": board.is_complete(),
            "rank_by": &*board.metrics[board.rank_by].name,
            "best": best,
            "ensemble": ensemble,
            "seconds": outcome.seconds,
        }));
        return Outcome::Complete;
    }
    output::line(board);
    if let Some(ensemble) = &outcome.ensemble {
        output::line(format_args!(
            "ensemble of {} out of fold: {:.4}; the best alone: {:.4}",
            ensemble.members.len(),
            ensemble.score,
            ensemble.best_single
        ));
    }
    output::line(format_args!(
        "{} trials in {:.1} s; all of it is in {}",
        board.entries.len(),
        outcome.seconds,
        folder.display()
    ));
    complete(board)
}

/// `30s`, `5m`, `2h` or seconds.
fn duration(text: &str) -> Result<Duration, String> {
    let (number, unit) = match text.strip_suffix(['s', 'm', 'h']) {
        Some(number) => (number, &text[number.len()..]),
        None => (text, "s"),
    };
    let factor = match unit {
        "m" => 60.0,
        "h" => 3600.0,
        _ => 1.0,
    };
    let number: f64 = number
        .parse()
        .map_err(|_| format!("expected a time like 30s, 5m or 2h, got {text:?}"))?;
    Duration::try_from_secs_f64(number * factor).map_err(|error| error.to_string())
}

/// `500M`, `4G` or bytes.
fn bytes(text: &str) -> Result<u64, String> {
    let (number, factor) = match text.as_bytes().last() {
        Some(b'K') => (&text[..text.len() - 1], 1 << 10),
        Some(b'M') => (&text[..text.len() - 1], 1 << 20),
        Some(b'G') => (&text[..text.len() - 1], 1 << 30),
        _ => (text, 1),
    };
    let number: u64 = number
        .parse()
        .map_err(|_| format!("expected a size like 500M or 4G, got {text:?}"))?;
    number
        .checked_mul(factor)
        .ok_or_else(|| format!("{text} is too much"))
}
