#![doc = include_str!("../README.md")]

mod batch;
mod bins;
mod boosting;
mod cholesky;
mod classifier;
mod covariance;
mod discriminant;
mod elastic_net;
mod error;
mod family;
mod forest;
mod gradient_tree;
mod grow;
mod lanes;
mod lbfgs;
mod least_squares;
mod linear_scores;
mod logistic;
mod logistic_loss;
mod moments;
mod naive_bayes;
mod neighbours;
mod one_vs_rest;
mod orthant;
mod panels;
mod pairwise;
mod persist;
mod priors;
mod problem;
mod quadratic;
mod ridge;
mod scale;
mod smartcore;
mod svm;
mod svm_heads;
mod svm_kernel;
mod svm_linear;
mod svm_sigmoid;
mod svm_smo;
mod symmetric;
mod tree;
mod whitening;

pub use boosting::{EarlyStopping, FittedBoosting, GradientBoosting, GradientBoostingConfig};
pub use classifier::{Classifier, FittedClassifier};
pub use covariance::Shrinkage;
pub use discriminant::{FittedLinearDiscriminant, LinearDiscriminant, LinearDiscriminantConfig};
pub use elastic_net::{ElasticNet, ElasticNetConfig, FittedElasticNet};
pub use error::ConfigError;
pub use family::{families, smartcore_families};
pub use forest::{ExtraTrees, FittedForest, ForestConfig, RandomForest, SplitFeatures};
pub use logistic::{FittedLogistic, LogisticRegression, LogisticRegressionConfig};
pub use naive_bayes::{FittedNaiveBayes, NaiveBayes, NaiveBayesConfig};
pub use neighbours::{FittedNeighbours, NearestNeighbours, NearestNeighboursConfig, Vote};
pub use neighbours::{
    Distance, FittedNeighbours, NearestNeighbours, NearestNeighboursConfig, Vote,
};
pub use one_vs_rest::{FittedOneVsRest, OneVsRest};
pub use priors::Priors;
pub use problem::ClassWeight;
pub use quadratic::{
    FittedQuadraticDiscriminant, QuadraticDiscriminant, QuadraticDiscriminantConfig,
};
pub use ridge::{FittedRidge, Ridge, RidgeConfig};
pub use scale::{FittedScaler, StandardScaler};
pub use smartcore::{FittedSmartcoreNeighbours, SmartcoreLogistic, SmartcoreNeighbours};
pub use svm::kernel::{Gamma, SvmKernel};
pub use svm::linear::{FittedLinearSvm, LinearSvm, LinearSvmConfig, SvmLoss};
pub use svm::{FittedKernelSvm, KernelSvm, KernelSvmConfig, MultiClass};
