#![doc = include_str!("../README.md")]

mod cell;
pub mod ensemble;
pub mod experiment;
mod finalize;
mod journal;
pub mod leaderboard;
mod memory;
pub mod model;
mod models;
pub mod pareto;
mod render;
pub mod split;
pub mod stack;
pub mod study;
mod suggest;
pub mod temperature;
pub mod thresholds;
mod trial;
mod work;

pub use ensemble::{Ensemble, EnsembleConfig};
pub use experiment::{Experiment, Stack};
pub use finalize::Fit;
pub use leaderboard::{Entry, Leaderboard, Status, Summary, Times};
pub use model::Model;
pub use models::FoldModels;
pub use pareto::pareto_front;
pub use split::{Fold, Split, stratified_group_holdout, stratified_group_k_fold};
pub use stack::{StackConfig, StackInputs, Stacking};
pub use study::{Event, Halving, Observer, Race, Representation, Study, StudyConfig, StudyError};
pub use temperature::Temperature;
pub use thresholds::{Decided, Gain, Thresholds};
