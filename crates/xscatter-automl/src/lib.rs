#![doc = include_str!("../README.md")]

pub mod ensemble;
mod journal;
pub mod leaderboard;
pub mod pareto;
mod render;
pub mod split;
pub mod stack;
pub mod study;
pub mod temperature;
pub mod thresholds;
mod trial;

pub use ensemble::{Ensemble, EnsembleConfig};
pub use leaderboard::{Entry, Leaderboard, Status, Summary, Times};
pub use pareto::pareto_front;
pub use split::{Fold, Split, stratified_group_holdout, stratified_group_k_fold};
pub use stack::{StackConfig, StackInputs, Stacking};
pub use study::{Event, Observer, Representation, Study, StudyConfig, StudyError};
pub use temperature::Temperature;
pub use thresholds::{Decided, Gain, Thresholds};
