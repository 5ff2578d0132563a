#![doc = include_str!("../README.md")]

mod cell;
pub mod ensemble;
mod finalize;
mod journal;
pub mod leaderboard;
mod memory;
pub mod model;
mod models;
mod render;
pub mod split;
pub mod study;
mod suggest;
mod trial;
mod work;

pub use ensemble::{Ensemble, EnsembleConfig};
pub use finalize::Fit;
pub use leaderboard::{Entry, Leaderboard, Status, Summary, Times};
pub use model::Model;
pub use models::FoldModels;
pub use split::{Fold, Split, stratified_group_holdout, stratified_group_k_fold};
pub use study::{Event, Halving, Observer, Race, Representation, Study, StudyConfig, StudyError};
