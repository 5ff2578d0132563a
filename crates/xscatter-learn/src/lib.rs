#![doc = include_str!("../README.md")]

mod batch;
mod bins;
mod boosting;
mod calibrate;
mod calibrated;
mod cholesky;
mod classifier;
mod counted;
mod covariance;
mod decision_tree;
mod discriminant;
mod eigen;
mod elastic_net;
mod envelope;
mod error;
mod family;
mod forest;
mod grow;
mod importance;
mod impute;
mod isotonic;
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
mod pairwise;
mod panels;
mod pca;
mod pca_directions;
mod persist;
mod power;
mod preparation;
mod priors;
mod problem;
mod quadratic;
mod quantile;
mod range_scale;
mod ridge;
mod scale;
mod select;
mod select_scores;
mod shap;
mod smartcore;
mod svm;
mod symmetric;
mod tree;
mod whitening;

pub use boosting::{
    EarlyStopping, FittedBoosting, GradientBoosting, GradientBoostingConfig, TreeGrowth,
};
pub use calibrate::{Calibrator, FittedCalibrator};
pub use calibrated::{Calibrated, CalibrationConfig, FittedCalibrated};
pub use classifier::{Classifier, FittedClassifier};
pub use covariance::Shrinkage;
pub use decision_tree::{DecisionTree, DecisionTreeConfig};
pub use discriminant::{FittedLinearDiscriminant, LinearDiscriminant, LinearDiscriminantConfig};
pub use elastic_net::{ElasticNet, ElasticNetConfig, FittedElasticNet};
pub use error::ConfigError;
pub use family::{
    families, smartcore_families, with_calibration, with_choice_of_preparation, with_preparation,
};
pub use forest::{ExtraTrees, FittedForest, ForestConfig, RandomForest, SplitFeatures};
pub use grow::SplitCriterion;
pub use importance::{Importance, PermutationImportance, permutation_importance};
pub use impute::{Fill, FittedImputer, Imputer, ImputerConfig};
pub use logistic::{FittedLogistic, LogisticRegression, LogisticRegressionConfig};
pub use naive_bayes::{FittedNaiveBayes, NaiveBayes, NaiveBayesConfig};
pub use neighbours::{
    Distance, FittedNeighbours, NearestNeighbours, NearestNeighboursConfig, Vote,
};
pub use one_vs_rest::{FittedOneVsRest, OneVsRest};
pub use pca::{Components, FittedPca, Pca, PcaConfig, PcaSolver};
pub use power::{FittedPowers, PowerTransform};
pub use preparation::{FittedPreparation, FittedScaling, Preparation, Scaling};
pub use priors::Priors;
pub use problem::ClassWeight;
pub use quadratic::{
    FittedQuadraticDiscriminant, QuadraticDiscriminant, QuadraticDiscriminantConfig,
};
pub use quantile::{Distribution, FittedQuantiles, QuantileTransform, QuantileTransformConfig};
pub use range_scale::{FittedRanges, RangeScaler};
pub use ridge::{FittedRidge, Ridge, RidgeConfig};
pub use scale::{FittedScaler, StandardScaler};
pub use select::{Criterion, FittedSelection, Selection};
pub use shap::ShapValues;
pub use smartcore::{FittedSmartcoreNeighbours, SmartcoreLogistic, SmartcoreNeighbours};
pub use svm::kernel::{Gamma, SvmKernel};
pub use svm::linear::{FittedLinearSvm, LinearSvm, LinearSvmConfig, SvmLoss};
pub use svm::{FittedKernelSvm, KernelSvm, KernelSvmConfig, MultiClass};
