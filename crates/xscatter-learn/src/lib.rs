#![doc = include_str!("../README.md")]

mod bins;
mod boosting;
mod classifier;
mod error;
mod family;
mod forest;
mod gradient_tree;
mod grow;
mod lanes;
mod lbfgs;
mod logistic;
mod neighbours;
mod one_vs_rest;
mod pairwise;
mod persist;
mod problem;
mod scale;
mod smartcore;
mod svm;
mod tree;

pub use boosting::{EarlyStopping, FittedBoosting, GradientBoosting, GradientBoostingConfig};
pub use classifier::{Classifier, FittedClassifier};
pub use error::ConfigError;
pub use family::{families, smartcore_families};
pub use forest::{ExtraTrees, FittedForest, ForestConfig, RandomForest, SplitFeatures};
pub use logistic::{FittedLogistic, LogisticRegression, LogisticRegressionConfig};
pub use neighbours::{
    Distance, FittedNeighbours, NearestNeighbours, NearestNeighboursConfig, Vote,
};
pub use one_vs_rest::{FittedOneVsRest, OneVsRest};
pub use problem::ClassWeight;
pub use scale::{FittedScaler, StandardScaler};
pub use smartcore::{FittedSmartcoreNeighbours, SmartcoreLogistic, SmartcoreNeighbours};
pub use svm::kernel::{Gamma, SvmKernel};
pub use svm::linear::{FittedLinearSvm, LinearSvm, LinearSvmConfig, SvmLoss};
pub use svm::{FittedKernelSvm, KernelSvm, KernelSvmConfig, MultiClass};
