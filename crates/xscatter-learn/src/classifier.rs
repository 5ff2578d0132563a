//! All classifiers of this crate as one type, so that a search's winner can be kept.
//!
//! A search engine handles boxes; a box cannot be written to a file. [`Classifier::from_params`] makes
//! from a family's name and parameters the very estimator that the family builds, and what it becomes
//! when fitted is a [`FittedClassifier`], which can be saved.
//!
//! On a target of tags a classifier learns each tag on its own ([`OneVsRest`]), unless it knows tags
//! itself.

use std::sync::Arc;

use ndarray::{Array2, ArrayView2};
use serde::{Deserialize, Serialize};
use xscatter_core::learn::Then;
use xscatter_core::{Estimator, Params, Predictor, Result, Target, TrainingSet};

use crate::boosting::{FittedBoosting, GradientBoosting};
use crate::decision_tree::DecisionTree;
use crate::discriminant::{FittedLinearDiscriminant, LinearDiscriminant};
use crate::elastic_net::{ElasticNet, FittedElasticNet};
use crate::family::built_in;
use crate::forest::{ExtraTrees, FittedForest, RandomForest};
use crate::logistic::{FittedLogistic, LogisticRegression};
use crate::naive_bayes::{FittedNaiveBayes, NaiveBayes};
use crate::neighbours::{FittedNeighbours, NearestNeighbours};
use crate::one_vs_rest::{FittedOneVsRest, OneVsRest};
use crate::quadratic::{FittedQuadraticDiscriminant, QuadraticDiscriminant};
use crate::ridge::{FittedRidge, Ridge};
use crate::scale::{FittedScaler, StandardScaler};
use crate::smartcore::{FittedSmartcoreNeighbours, SmartcoreLogistic, SmartcoreNeighbours};
use crate::svm::linear::{FittedLinearSvm, LinearSvm};
use crate::svm::{FittedKernelSvm, KernelSvm};

macro_rules! classifiers {
    ($($(#[$doc:meta])* $name:ident($recipe:ty => $fitted:ty),)*) => {
        /// A classifier of any family, with the preparation it needs, not yet fitted.
        ///
        /// ```
        /// use ndarray::array;
        /// use xscatter_core::{Classes, Estimator, Params, Predictor, Target, TrainingSet};
        /// use xscatter_learn::{Classifier, FittedClassifier};
        ///
        /// let rows = array![[0.0_f32], [0.1], [0.9], [1.0]];
        /// let target = Target::Classes(Classes::from_names(&["SAXS", "SAXS", "WAXS", "WAXS"]));
        /// let params = Params::new().with("k", 1);
        /// let classifier = Classifier::from_params("k-nearest-neighbours", &params, 7)?;
        /// let model = classifier.fit(&TrainingSet::new(rows.view(), &target)?)?;
        /// let copy = FittedClassifier::from_bytes(&model.to_bytes()?)?;
        /// assert_eq!(copy.predict_proba(rows.view())?, model.predict_proba(rows.view())?);
        /// # Ok::<(), xscatter_core::Error>(())
        /// ```
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        #[serde(rename_all = "kebab-case")]
        pub enum Classifier {
            $($(#[$doc])* $name($recipe),)*
        }

        /// A fitted classifier of any family; see [`save`](Self::save) and [`load`](Self::load).
        #[derive(Debug, Clone, Serialize, Deserialize)]
        #[serde(rename_all = "kebab-case")]
        pub enum FittedClassifier {
            $($(#[$doc])* $name($fitted),)*
            /// One classifier for each tag.
            OneVsRest(FittedOneVsRest<FittedClassifier>),
        }

        impl Classifier {
            fn fit_itself(&self, train: &TrainingSet<'_>) -> Result<FittedClassifier> {
                Ok(match self {
                    $(Self::$name(recipe) => FittedClassifier::$name(recipe.fit(train)?),)*
                })
            }
        }

        impl FittedClassifier {
            fn model(&self) -> &dyn Predictor {
                match self {
                    $(Self::$name(model) => model,)*
                    Self::OneVsRest(model) => model,
                }
            }
        }
    };
}

classifiers! {
    /// A single decision tree.
    DecisionTree(DecisionTree => FittedForest),
    /// Extremely randomised trees.
    ExtraTrees(ExtraTrees => FittedForest),
    /// Random forest.
    RandomForest(RandomForest => FittedForest),
    /// Gradient boosting of trees.
    GradientBoosting(GradientBoosting => FittedBoosting),
    /// Logistic regression on standard scores.
    LogisticRegression(Then<StandardScaler, LogisticRegression> => Then<FittedScaler, FittedLogistic>),
    /// The ridge classifier on standard scores.
    Ridge(Then<StandardScaler, Ridge> => Then<FittedScaler, FittedRidge>),
    /// The elastic net on standard scores.
    ElasticNet(Then<StandardScaler, ElasticNet> => Then<FittedScaler, FittedElasticNet>),
    /// Linear discriminant analysis of standard scores.
    LinearDiscriminant(Then<StandardScaler, LinearDiscriminant> => Then<FittedScaler, FittedLinearDiscriminant>),
    /// Quadratic discriminant analysis of standard scores.
    QuadraticDiscriminant(Then<StandardScaler, QuadraticDiscriminant> => Then<FittedScaler, FittedQuadraticDiscriminant>),
    /// Gaussian naive Bayes.
    GaussianNaiveBayes(NaiveBayes => FittedNaiveBayes),
    /// The nearest neighbours among standard scores.
    KNearestNeighbours(Then<StandardScaler, NearestNeighbours> => Then<FittedScaler, FittedNeighbours>),
    /// A support vector machine with a kernel on standard scores.
    KernelSvm(Then<StandardScaler, KernelSvm> => Then<FittedScaler, FittedKernelSvm>),
    /// A support vector machine with the intersection kernel on features of 0 or more as they are.
    IntersectionSvm(KernelSvm => FittedKernelSvm),
    /// A linear support vector machine on standard scores.
    LinearSvm(Then<StandardScaler, LinearSvm> => Then<FittedScaler, FittedLinearSvm>),
    /// The logistic regression of `smartcore` on standard scores.
    SmartcoreLogisticRegression(Then<StandardScaler, SmartcoreLogistic> => Then<FittedScaler, FittedLogistic>),
    /// The nearest neighbours of `smartcore` among standard scores.
    SmartcoreKNearestNeighbours(Then<StandardScaler, SmartcoreNeighbours> => Then<FittedScaler, FittedSmartcoreNeighbours>),
}

impl Classifier {
    /// The classifier that the family of this name builds with these parameters.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`](xscatter_core::ErrorKind::InvalidArgument) if there is no such
    /// family, or a parameter is unknown or out of its range.
    pub fn from_params(family: &str, params: &Params, seed: u64) -> Result<Self> {
        built_in(family)?.classifier(params, seed)
    }

    /// Whether it learns all tags at once, sharing among them what it can.
    fn knows_tags(&self) -> bool {
        matches!(
            self,
            Self::KernelSvm(_) | Self::IntersectionSvm(_) | Self::LinearSvm(_)
        )
    }
}

impl Estimator for Classifier {
    type Fitted = FittedClassifier;

    fn fit(&self, train: &TrainingSet<'_>) -> Result<FittedClassifier> {
        if matches!(train.target(), Target::Tags(_)) && !self.knows_tags() {
            return Ok(FittedClassifier::OneVsRest(OneVsRest(self).fit(train)?));
        }
        self.fit_itself(train)
    }
}

impl Predictor for FittedClassifier {
    fn outputs(&self) -> &[Arc<str>] {
        self.model().outputs()
    }

    fn predict_proba(&self, rows: ArrayView2<'_, f32>) -> Result<Array2<f32>> {
        self.model().predict_proba(rows)
    }

    fn to_bytes(&self) -> Result<Vec<u8>> {
        self.bytes()
    }
}
