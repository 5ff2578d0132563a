//! What is done to the features in front of a learner: impute, scale, select, project, each or none.
//!
//! Use it where a search engine is to try preparations, or to write a chain down as data;
//! [`with_preparation`](crate::with_preparation) puts it in front of any family. In code of your own
//! [`Estimator::then`] chains the same recipes in any order.
//!
//! Each step is fitted to what the steps before it made of the training rows, so no other row can reach the fit,
//! and a row's result depends on that row and the fitted steps alone. Without a step the features stay as they are.

use ndarray::{Array2, ArrayView2, CowArray};
use serde::{Deserialize, Serialize};
use xscatter_core::learn::check_features;
use xscatter_core::{Estimator, Result, TrainingSet, Transformer};

use crate::impute::{FittedImputer, Imputer};
use crate::pca::{Components, FittedPca, Pca, PcaConfig};
use crate::power::{FittedPowers, PowerTransform};
use crate::quantile::{FittedQuantiles, QuantileTransform};
use crate::range_scale::{FittedRanges, RangeScaler};
use crate::scale::{FittedScaler, StandardScaler};
use crate::select::{Criterion, FittedSelection, Selection};

macro_rules! scalings {
    ($($(#[$doc:meta])* $name:ident($recipe:ty => $fitted:ty),)*) => {
        /// What makes features comparable.
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        #[serde(rename_all = "kebab-case")]
        pub enum Scaling {
            $($(#[$doc])* $name($recipe),)*
        }

        /// A fitted [`Scaling`].
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        #[serde(rename_all = "kebab-case")]
        pub enum FittedScaling {
            $($(#[$doc])* $name($fitted),)*
        }

        impl Estimator for Scaling {
            type Fitted = FittedScaling;

            fn fit(&self, train: &TrainingSet<'_>) -> Result<FittedScaling> {
                Ok(match self {
                    $(Self::$name(recipe) => FittedScaling::$name(recipe.fit(train)?),)*
                })
            }
        }

        impl Transformer for FittedScaling {
            fn transform(&self, rows: ArrayView2<'_, f32>) -> Result<Array2<f32>> {
                match self {
                    $(Self::$name(fitted) => fitted.transform(rows),)*
                }
            }
        }
    };
}

scalings! {
    /// Mean 0 and standard deviation 1.
    Standard(StandardScaler => FittedScaler),
    /// By the range.
    Range(RangeScaler => FittedRanges),
    /// A uniform or a normal distribution.
    Quantile(QuantileTransform => FittedQuantiles),
    /// A power that makes the distribution nearly normal.
    Power(PowerTransform => FittedPowers),
}

impl Scaling {
    fn label(&self) -> &'static str {
        match self {
            Self::Standard(_) => "standard",
            Self::Range(RangeScaler::MinMax) => "min-max",
            Self::Range(RangeScaler::MaxAbs) => "max-abs",
            Self::Range(RangeScaler::Robust) => "robust",
            Self::Quantile(_) => "quantile",
            Self::Power(_) => "power",
        }
    }
}

/// The steps, in their order.
///
/// ```
/// use ndarray::array;
/// use xscatter_core::{Classes, Estimator, Target, TrainingSet, Transformer};
/// use xscatter_learn::Preparation;
///
/// let rows = array![[1.0_f32, 200.0], [2.0, 410.0], [3.0, 590.0]];
/// let target = Target::Classes(Classes::from_names(&["a", "b", "a"]));
/// let preparation = Preparation::scaled_pca(1)?;
/// assert_eq!(preparation.label(), "standard+pca-1");
/// let fitted = preparation.fit(&TrainingSet::new(rows.view(), &target)?)?;
/// assert_eq!(fitted.transform(rows.view())?.ncols(), 1);
/// # Ok::<(), xscatter_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Preparation {
    /// Fills in what is missing.
    pub impute: Option<Imputer>,
    /// Makes features comparable.
    pub scale: Option<Scaling>,
    /// Keeps some of the features.
    pub select: Option<Selection>,
    /// Replaces features by principal components.
    pub pca: Option<Pca>,
}

impl Preparation {
    /// Standard scores and this many principal components. With five it is what the AutoML study of scattering
    /// images by Lawrence Berkeley Laboratory put before its tree ensembles (there fitted to all rows).
    ///
    /// # Errors
    /// [`ConfigError`](crate::ConfigError) unless there is a component.
    pub fn scaled_pca(components: usize) -> Result<Self, crate::ConfigError> {
        Ok(Self {
            scale: Some(Scaling::Standard(StandardScaler)),
            pca: Some(Pca::new(PcaConfig {
                components: Components::Count(components),
                ..PcaConfig::default()
            })?),
            ..Self::default()
        })
    }

    /// The names of its steps, joined by `+`; `none` without any.
    pub fn label(&self) -> String {
        let mut steps = Vec::new();
        if self.impute.is_some() {
            steps.push("impute".to_owned());
        }
        if let Some(scaling) = &self.scale {
            steps.push(scaling.label().to_owned());
        }
        if let Some(selection) = &self.select {
            steps.push(match selection.criterion() {
                Criterion::Variance { .. } => "variance".to_owned(),
                Criterion::AnovaF { keep } => format!("anova-{keep}"),
                Criterion::MutualInformation { keep, .. } => format!("information-{keep}"),
                Criterion::Permutation { keep, .. } => format!("permutation-{keep}"),
                Criterion::Correlation { .. } => "correlation".to_owned(),
            });
        }
        if let Some(pca) = &self.pca {
            steps.push(match pca.config().components {
                Components::All => "pca".to_owned(),
                Components::Count(count) => format!("pca-{count}"),
                Components::Variance(share) => format!("pca-{share}"),
            });
        }
        if steps.is_empty() {
            return "none".to_owned();
        }
        steps.join("+")
    }
}

impl Estimator for Preparation {
    type Fitted = FittedPreparation;

    fn fit(&self, train: &TrainingSet<'_>) -> Result<FittedPreparation> {
        train.stop().check()?;
        let mut rows = CowArray::from(train.rows());
        let impute = step(self.impute.as_ref(), train, &mut rows)?;
        let scale = step(self.scale.as_ref(), train, &mut rows)?;
        let select = step(self.select.as_ref(), train, &mut rows)?;
        // The last one's rows would be thrown away.
        let last = train.with_rows(rows.view())?;
        let pca = self.pca.as_ref().map(|pca| pca.fit(&last)).transpose()?;
        Ok(FittedPreparation {
            n_features: train.rows().ncols(),
            impute,
            scale,
            select,
            pca,
        })
    }
}

type Rows<'a> = CowArray<'a, f32, ndarray::Ix2>;

/// Fits a step, if there is one, and replaces the rows by what it makes of them.
fn step<E>(
    recipe: Option<&E>,
    train: &TrainingSet<'_>,
    rows: &mut Rows<'_>,
) -> Result<Option<E::Fitted>>
where
    E: Estimator,
    E::Fitted: Transformer,
{
    let Some(recipe) = recipe else {
        return Ok(None);
    };
    let fitted = recipe.fit(&train.with_rows(rows.view())?)?;
    *rows = CowArray::from(fitted.transform(rows.view())?);
    Ok(Some(fitted))
}

/// The fitted steps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FittedPreparation {
    n_features: usize,
    impute: Option<FittedImputer>,
    scale: Option<FittedScaling>,
    select: Option<FittedSelection>,
    pca: Option<FittedPca>,
}

impl FittedPreparation {
    /// The fitted imputer.
    pub fn impute(&self) -> Option<&FittedImputer> {
        self.impute.as_ref()
    }

    /// The fitted scaling.
    pub fn scale(&self) -> Option<&FittedScaling> {
        self.scale.as_ref()
    }

    /// The fitted selection: which features it kept.
    pub fn select(&self) -> Option<&FittedSelection> {
        self.select.as_ref()
    }

    /// The fitted components.
    pub fn pca(&self) -> Option<&FittedPca> {
        self.pca.as_ref()
    }
}

impl Transformer for FittedPreparation {
    fn transform(&self, rows: ArrayView2<'_, f32>) -> Result<Array2<f32>> {
        check_features(rows, self.n_features)?;
        let mut rows = CowArray::from(rows);
        let steps: [Option<&dyn Transformer>; 4] = [
            self.impute.as_ref().map(|step| step as &dyn Transformer),
            self.scale.as_ref().map(|step| step as &dyn Transformer),
            self.select.as_ref().map(|step| step as &dyn Transformer),
            self.pca.as_ref().map(|step| step as &dyn Transformer),
        ];
        for step in steps.into_iter().flatten() {
            rows = CowArray::from(step.transform(rows.view())?);
        }
        Ok(rows.into_owned())
    }
}
