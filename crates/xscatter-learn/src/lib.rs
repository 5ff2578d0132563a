#![doc = include_str!("../README.md")]

mod bins;
mod boosting;
mod classifier;
mod decision_tree;
mod error;
mod family;
mod forest;
mod grow;
mod importance;
mod lbfgs;
mod logistic;
mod neighbours;
mod one_vs_rest;
mod persist;
mod problem;
mod scale;
mod shap;
mod smartcore;
mod svm;
mod svm_heads;
mod svm_kernel;
mod svm_linear;
mod svm_sigmoid;
mod svm_smo;
mod tree;

pub use boosting::{
    EarlyStopping, FittedBoosting, GradientBoosting, GradientBoostingConfig, TreeGrowth,
};
pub use classifier::{Classifier, FittedClassifier};
pub use decision_tree::{DecisionTree, DecisionTreeConfig};
pub use error::ConfigError;
pub use family::{families, smartcore_families};
pub use forest::{ExtraTrees, FittedForest, ForestConfig, RandomForest, SplitFeatures};
pub use grow::SplitCriterion;
pub use importance::{Importance, PermutationImportance, permutation_importance};
pub use logistic::{FittedLogistic, LogisticRegression, LogisticRegressionConfig};
pub use neighbours::{FittedNeighbours, NearestNeighbours, NearestNeighboursConfig, Vote};
pub use one_vs_rest::{FittedOneVsRest, OneVsRest};
pub use problem::ClassWeight;
pub use scale::{FittedScaler, StandardScaler};
pub use shap::ShapValues;
pub use smartcore::{FittedSmartcoreNeighbours, SmartcoreLogistic, SmartcoreNeighbours};
pub use svm::{FittedKernelSvm, KernelSvm, KernelSvmConfig};
pub use svm_kernel::SvmKernel;
pub use svm_linear::{FittedLinearSvm, LinearSvm, LinearSvmConfig, SvmLoss};
