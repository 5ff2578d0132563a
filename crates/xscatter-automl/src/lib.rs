#![doc = include_str!("../README.md")]

pub mod ensemble;
mod journal;
pub mod leaderboard;
mod render;
pub mod split;
pub mod study;
mod trial;

pub use ensemble::{Ensemble, EnsembleConfig};
pub use leaderboard::{Entry, Leaderboard, Status, Summary, Times};
pub use split::{Fold, Split, stratified_group_holdout, stratified_group_k_fold};
pub use study::{Event, Observer, Representation, Study, StudyConfig, StudyError};
