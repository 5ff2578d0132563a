//! Which rows a model learns from and which rows judge it.
//!
//! Frames of one sample, experiment or scan are near-copies of each other. If some of them train a
//! model and others judge it, the score says how well the model remembers, not how well it sorts new
//! samples. So where rows have groups, use a split that keeps groups whole; a row that is independent
//! gets a group of its own. [`Split::automatic`] chooses by the target and the groups.
//!
//! | split | target | groups whole | balanced | each row judged |
//! |---|---|---|---|---|
//! | `StratifiedGroupKFold` | classes | yes | classes | once |
//! | `StratifiedKFold` | classes | no | classes, within one row | once |
//! | `GroupKFold` | any | yes | rows | once |
//! | `KFold` | any | no | rows, within one row | once |
//! | `IterativeStratified` | tags | yes | tags | once |
//! | `TimeSeries` | any | no | – | later rows once |
//! | `Predefined` | any | as given | as given | once or never |
//! | `LeaveOneGroupOut` | any | yes | – | once |
//! | `Holdout` | any | yes | classes, tags or rows | some once |
//! | `Repeated` | any | as its split | as its split | as its split, so many times |
//!
//! A [`Split`] is data: it can be written into a file and read back. With the same seed it gives the same
//! folds. `StratifiedKFold`, `KFold` and `GroupKFold` without shuffle, `TimeSeries`, `Predefined` and
//! `LeaveOneGroupOut` give the folds of scikit-learn 1.9.1.
//!
//! What cannot be split is an error that names the class, tag or number that stands against it;
//! [`Split::reduced`] gives the same split with as many folds as the data allow.

mod group_k_fold;
mod groups;
mod holdout;
mod iterative;
mod k_fold;
mod ordered;
mod parts;
mod stratified_group;

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use xscatter_core::{Classes, Error, ErrorKind, Target, seed};

pub use iterative::largest_number_of_folds_of_tags;
pub use stratified_group::{
    largest_number_of_folds, stratified_group_holdout, stratified_group_k_fold,
};

/// One way to part the rows: positions of the rows to learn from and of those to judge by, ascending.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fold {
    /// The rows to learn from.
    pub train: Vec<usize>,
    /// The rows to judge by.
    pub validation: Vec<usize>,
}

impl Fold {
    /// A group with rows on both sides, if there is one: a leak, unless it is meant.
    ///
    /// # Panics
    /// If a row has no group.
    pub fn shared_group<'a>(&self, groups: &'a [Arc<str>]) -> Option<&'a Arc<str>> {
        let train: BTreeSet<&str> = self.train.iter().map(|&row| &*groups[row]).collect();
        self.validation
            .iter()
            .map(|&row| &groups[row])
            .find(|group| train.contains(&***group))
    }

    /// The rows of one part judge, all others train.
    fn of(parts: &[usize], validation: usize) -> Self {
        let (validation, train) = (0..parts.len()).partition(|&row| parts[row] == validation);
        Self { train, validation }
    }

    /// A fold for each of these parts of the rows.
    fn of_each(parts: &[usize], folds: usize) -> Vec<Self> {
        (0..folds).map(|fold| Self::of(parts, fold)).collect()
    }
}

/// The rows that some fold judges, ascending: those for which out-of-fold scores exist.
pub fn judged_rows(folds: &[Fold]) -> Vec<usize> {
    let rows: BTreeSet<usize> = folds
        .iter()
        .flat_map(|fold| fold.validation.iter().copied())
        .collect();
    rows.into_iter().collect()
}

/// A way to part rows into folds.
///
/// ```
/// use xscatter_automl::split::Split;
/// use xscatter_core::{Classes, Target};
///
/// let target = Target::Classes(Classes::from_names(&["SAXS", "SAXS", "WAXS", "WAXS"]));
/// let groups = ["scan 1", "scan 2", "scan 3", "scan 4"].map(Into::into);
/// let split: Split = serde_json::from_str(r#"{"stratified-group-k-fold": {"folds": 2}}"#)?;
/// let folds = split.folds(&target, &groups, 7)?;
/// assert!(folds.iter().all(|fold| fold.shared_group(&groups).is_none()));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Split {
    /// Whole groups, each class spread as evenly as the groups allow, every class in every fold.
    StratifiedGroupKFold {
        /// How many folds.
        folds: usize,
    },
    /// Each class spread over the folds within one row, groups not regarded.
    StratifiedKFold {
        /// How many folds.
        folds: usize,
        /// Whether the seed decides which rows of a class stand together; otherwise their order does.
        #[serde(default = "yes")]
        shuffle: bool,
    },
    /// Whole groups, the numbers of rows as even as they allow.
    GroupKFold {
        /// How many folds.
        folds: usize,
        /// Whether the groups come in an order by the seed; otherwise the largest come first, which
        /// leaves the folds more even.
        #[serde(default)]
        shuffle: bool,
    },
    /// As many rows in each fold, groups and classes not regarded.
    KFold {
        /// How many folds.
        folds: usize,
        /// Whether the seed decides which rows stand together; otherwise their order does.
        #[serde(default = "yes")]
        shuffle: bool,
    },
    /// Whole groups, the rows with each tag spread evenly, rarest tag first (Sechidis et al. 2011,
    /// doi:10.1007/978-3-642-23808-6_10).
    IterativeStratified {
        /// How many folds.
        folds: usize,
        /// Whether the rows with each *pair* of tags are spread evenly too (Szymański and Kajdanowicz
        /// 2017, proceedings.mlr.press/v74/szymański17a).
        #[serde(default)]
        pairs: bool,
        /// Whether a fold may lack rows with or without some tag; otherwise that is an error.
        #[serde(default)]
        allow_rare: bool,
    },
    /// Rows in the order of time: each fold learns from what came before the rows that judge it.
    TimeSeries {
        /// How many folds.
        folds: usize,
        /// How many rows are left out between those to learn from and those to judge by.
        #[serde(default)]
        gap: usize,
        /// How many rows judge a fold; `None` for rows / (folds + 1).
        #[serde(default)]
        validation_rows: Option<usize>,
        /// How many rows a fold learns from at most, the latest; `None` for all.
        #[serde(default)]
        max_train_rows: Option<usize>,
    },
    /// Folds that are known already.
    Predefined {
        /// For every row the number of the fold that it judges; `None` for one that only trains.
        fold_of_row: Vec<Option<usize>>,
    },
    /// A fold for every group, in the order of their names.
    LeaveOneGroupOut,
    /// One fold: whole groups with about this fraction of the rows judge, each class or tag in its
    /// share.
    Holdout {
        /// The fraction of rows that judge.
        fraction: f64,
    },
    /// The folds of a split several times, each time with another seed.
    Repeated {
        /// What is repeated.
        split: Box<Split>,
        /// How many times.
        repeats: usize,
    },
}

const fn yes() -> bool {
    true
}

/// Why rows could not be split.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SplitError {
    /// A cross-validation has at least two folds.
    #[error("expected 2 folds or more, got {0}")]
    TooFewFolds(usize),
    /// A hold-out is a proper part of the rows.
    #[error("expected a fraction above 0 and below 1, got {0}")]
    Fraction(f64),
    /// The numbers of rows differ.
    #[error("expected a group for each of {expected} rows, got {found}")]
    Rows {
        /// How many rows have a target.
        expected: usize,
        /// How many groups were given.
        found: usize,
    },
    /// A predefined split is of other rows.
    #[error("expected a fold for each of {expected} rows, got {found}")]
    FoldOfRow {
        /// How many rows have a target.
        expected: usize,
        /// How many folds were given.
        found: usize,
    },
    /// A predefined split leaves nothing to learn from or nothing to judge by.
    #[error("expected rows to learn from and rows to judge by, found all rows in fold {0:?}")]
    OneSided(Option<usize>),
    /// There is nothing to tell apart.
    #[error("expected rows of 2 classes or more, got {0}")]
    TooFewClasses(String),
    /// There are fewer rows than folds.
    #[error("expected {expected} rows or more, one for each fold, found {found}")]
    TooFewRows {
        /// How many rows are needed.
        expected: usize,
        /// How many there are.
        found: usize,
    },
    /// There are fewer groups than folds.
    #[error("expected {expected} groups or more, one for each part of the split, found {found}")]
    TooFewDistinctGroups {
        /// How many groups are needed.
        expected: usize,
        /// How many there are.
        found: usize,
    },
    /// A class cannot have a row in every fold.
    #[error("class {class}: expected {expected} rows or more, one for each fold, found {found}")]
    RareClass {
        /// The class.
        class: Arc<str>,
        /// How many rows it needs.
        expected: usize,
        /// How many it has.
        found: usize,
    },
    /// A class cannot have a group in every part.
    #[error(
        "class {class}: expected {expected} groups or more, one for each part of the split, found {found}"
    )]
    TooFewGroups {
        /// The class.
        class: Arc<str>,
        /// How many groups it needs.
        expected: usize,
        /// How many groups hold a row of it.
        found: usize,
    },
    /// A tag cannot be present, or absent, in every part.
    #[error(
        "tag {tag}: expected {expected} groups or more with a row {which} it, one for each part of the split, found {found}"
    )]
    RareTag {
        /// The tag.
        tag: Arc<str>,
        /// `with` or `without`.
        which: &'static str,
        /// How many groups it needs.
        expected: usize,
        /// How many groups hold such a row.
        found: usize,
    },
    /// The groups hold the classes in such a mixture that some part always lacks one.
    #[error("class {class}: found no split into {parts} parts that gives each a row of it")]
    Inseparable {
        /// The class.
        class: Arc<str>,
        /// How many parts were asked for.
        parts: usize,
    },
    /// The groups hold the tags in such a mixture that some part always lacks one.
    #[error("tag {tag}: found no split into {parts} parts that gives each a row {which} it")]
    InseparableTag {
        /// The tag.
        tag: Arc<str>,
        /// `with` or `without`.
        which: &'static str,
        /// How many parts were asked for.
        parts: usize,
    },
    /// Time series folds of this size leave nothing to learn from.
    #[error(
        "expected more than {needed} rows for {folds} folds of {validation_rows} rows after a gap of {gap}, found {found}"
    )]
    TooShort {
        /// How many rows the folds and the gap take.
        needed: usize,
        /// How many folds were asked for.
        folds: usize,
        /// How many rows judge each.
        validation_rows: usize,
        /// How many rows are left out before them.
        gap: usize,
        /// How many rows there are.
        found: usize,
    },
    /// The split is not defined for such a target.
    #[error("{split}: expected a target of {expected}, got {found}")]
    WrongTarget {
        /// The split.
        split: &'static str,
        /// The kind of target that it takes.
        expected: &'static str,
        /// The kind that was given.
        found: &'static str,
    },
    /// A split is repeated no time.
    #[error("expected 1 repeat or more, got 0")]
    NoRepeat,
    /// Each repeat would give the same folds.
    #[error("expected a split that depends on the seed to repeat it, got {0}")]
    SameEveryTime(&'static str),
}

impl From<SplitError> for Error {
    fn from(error: SplitError) -> Self {
        let kind = match error {
            SplitError::TooFewFolds(_)
            | SplitError::Fraction(_)
            | SplitError::WrongTarget { .. }
            | SplitError::NoRepeat
            | SplitError::SameEveryTime(_) => ErrorKind::InvalidArgument,
            SplitError::Rows { .. } | SplitError::FoldOfRow { .. } => ErrorKind::ShapeMismatch,
            _ => ErrorKind::DegenerateData,
        };
        Self::new(kind, error.to_string()).with_source(error)
    }
}

impl Split {
    /// The split that suits this target: whole groups if any two rows share one, classes or tags
    /// balanced.
    pub fn automatic(target: &Target, groups: &[Arc<str>], folds: usize) -> Self {
        let distinct: BTreeSet<&str> = groups.iter().map(AsRef::as_ref).collect();
        let independent = distinct.len() == groups.len();
        match target {
            Target::Classes(_) if independent => Self::StratifiedKFold {
                folds,
                shuffle: true,
            },
            Target::Classes(_) => Self::StratifiedGroupKFold { folds },
            Target::Tags(_) => Self::IterativeStratified {
                folds,
                pairs: false,
                allow_rare: false,
            },
            _ if independent => Self::KFold {
                folds,
                shuffle: true,
            },
            _ => Self::GroupKFold {
                folds,
                shuffle: false,
            },
        }
    }

    /// The name as it stands in files.
    pub fn name(&self) -> &'static str {
        match self {
            Self::StratifiedGroupKFold { .. } => "stratified-group-k-fold",
            Self::StratifiedKFold { .. } => "stratified-k-fold",
            Self::GroupKFold { .. } => "group-k-fold",
            Self::KFold { .. } => "k-fold",
            Self::IterativeStratified { .. } => "iterative-stratified",
            Self::TimeSeries { .. } => "time-series",
            Self::Predefined { .. } => "predefined",
            Self::LeaveOneGroupOut => "leave-one-group-out",
            Self::Holdout { .. } => "holdout",
            Self::Repeated { .. } => "repeated",
        }
    }

    /// The folds of these rows.
    ///
    /// # Errors
    /// [`SplitError`] if the numbers of rows differ, a target of classes has rows of one alone, the
    /// split is not defined for the target, or the rows cannot be parted so.
    pub fn folds(
        &self,
        target: &Target,
        groups: &[Arc<str>],
        seed: u64,
    ) -> Result<Vec<Fold>, SplitError> {
        let rows = target.len();
        if groups.len() != rows {
            return Err(SplitError::Rows {
                expected: rows,
                found: groups.len(),
            });
        }
        if let Target::Classes(classes) = target {
            check_classes(classes)?;
        }
        match self {
            Self::StratifiedGroupKFold { folds } => {
                stratified_group_k_fold(self.classes(target)?, groups, *folds, seed)
            }
            Self::StratifiedKFold { folds, shuffle } => {
                let seed = shuffle.then_some(seed);
                k_fold::stratified(self.classes(target)?, *folds, seed)
            }
            Self::GroupKFold { folds, shuffle } => {
                group_k_fold::group_k_fold(groups, *folds, shuffle.then_some(seed))
            }
            Self::KFold { folds, shuffle } => k_fold::plain(rows, *folds, shuffle.then_some(seed)),
            Self::IterativeStratified {
                folds,
                pairs,
                allow_rare,
            } => {
                check_folds(*folds)?;
                check_rows(rows, *folds)?;
                let Target::Tags(tags) = target else {
                    return Err(self.wrong_target("tags", target));
                };
                let shares = vec![1.0 / *folds as f64; *folds];
                let parts = iterative::part(tags, groups, &shares, *pairs, *allow_rare, seed)?;
                Ok(Fold::of_each(&parts, *folds))
            }
            Self::TimeSeries {
                folds,
                gap,
                validation_rows,
                max_train_rows,
            } => ordered::time_series(rows, *folds, *gap, *validation_rows, *max_train_rows),
            Self::Predefined { fold_of_row } => ordered::predefined(fold_of_row, rows),
            Self::LeaveOneGroupOut => group_k_fold::leave_one_out(groups),
            Self::Holdout { fraction } => {
                Ok(vec![holdout::holdout(target, groups, *fraction, seed)?])
            }
            Self::Repeated { split, repeats } => {
                if *repeats == 0 {
                    return Err(SplitError::NoRepeat);
                }
                if !split.depends_on_seed() {
                    return Err(SplitError::SameEveryTime(split.name()));
                }
                let mut all = vec![];
                for repeat in 0..*repeats {
                    let seed = seed::derive(seed, repeat as u64);
                    all.append(&mut split.folds(target, groups, seed)?);
                }
                Ok(all)
            }
        }
    }

    /// The same split with no more folds than the data allow, but at least two; splits without a number
    /// of folds stay as they are.
    ///
    /// # Errors
    /// [`SplitError`] if the numbers of rows differ or the split is not defined for the target.
    pub fn reduced(&self, target: &Target, groups: &[Arc<str>]) -> Result<Self, SplitError> {
        let limit = |folds: usize, most: usize| folds.min(most.max(2));
        Ok(match self {
            &Self::StratifiedGroupKFold { folds } => {
                let most = largest_number_of_folds(self.classes(target)?, groups)?;
                let folds = limit(folds, most);
                Self::StratifiedGroupKFold { folds }
            }
            &Self::StratifiedKFold { folds, shuffle } => {
                let counts = self.classes(target)?.counts();
                let folds = limit(folds, counts.into_iter().min().unwrap_or(0));
                Self::StratifiedKFold { folds, shuffle }
            }
            &Self::GroupKFold { folds, shuffle } => {
                let distinct: BTreeSet<&str> = groups.iter().map(AsRef::as_ref).collect();
                let folds = limit(folds, distinct.len());
                Self::GroupKFold { folds, shuffle }
            }
            &Self::KFold { folds, shuffle } => {
                let folds = limit(folds, target.len());
                Self::KFold { folds, shuffle }
            }
            &Self::IterativeStratified {
                folds,
                pairs,
                allow_rare,
            } => {
                let Target::Tags(tags) = target else {
                    return Err(self.wrong_target("tags", target));
                };
                let most = if allow_rare {
                    let distinct: BTreeSet<&str> = groups.iter().map(AsRef::as_ref).collect();
                    distinct.len()
                } else {
                    largest_number_of_folds_of_tags(tags, groups)?
                };
                Self::IterativeStratified {
                    folds: limit(folds, most),
                    pairs,
                    allow_rare,
                }
            }
            Self::Repeated { split, repeats } => Self::Repeated {
                split: Box::new(split.reduced(target, groups)?),
                repeats: *repeats,
            },
            other => other.clone(),
        })
    }

    fn depends_on_seed(&self) -> bool {
        match self {
            Self::StratifiedGroupKFold { .. }
            | Self::IterativeStratified { .. }
            | Self::Holdout { .. }
            | Self::Repeated { .. } => true,
            Self::StratifiedKFold { shuffle, .. }
            | Self::GroupKFold { shuffle, .. }
            | Self::KFold { shuffle, .. } => *shuffle,
            Self::TimeSeries { .. } | Self::Predefined { .. } | Self::LeaveOneGroupOut => false,
        }
    }

    fn classes<'a>(&self, target: &'a Target) -> Result<&'a Classes, SplitError> {
        match target {
            Target::Classes(classes) => Ok(classes),
            _ => Err(self.wrong_target("classes", target)),
        }
    }

    fn wrong_target(&self, expected: &'static str, found: &Target) -> SplitError {
        SplitError::WrongTarget {
            split: self.name(),
            expected,
            found: match found {
                Target::Classes(_) => "classes",
                Target::Tags(_) => "tags",
                _ => "values",
            },
        }
    }
}

/// A cross-validation has two folds or more.
const fn check_folds(folds: usize) -> Result<(), SplitError> {
    if folds < 2 {
        return Err(SplitError::TooFewFolds(folds));
    }
    Ok(())
}

/// Each fold judges by a row at least.
const fn check_rows(rows: usize, folds: usize) -> Result<(), SplitError> {
    if rows < folds {
        return Err(SplitError::TooFewRows {
            expected: folds,
            found: rows,
        });
    }
    Ok(())
}

/// There must be something to tell apart.
fn check_classes(classes: &Classes) -> Result<(), SplitError> {
    let present: Vec<&Arc<str>> = classes
        .names()
        .iter()
        .zip(classes.counts())
        .filter_map(|(name, count)| (count > 0).then_some(name))
        .collect();
    if present.len() >= 2 {
        return Ok(());
    }
    let found = present.first().map_or_else(
        || "none".to_owned(),
        |name| format!("{} rows of {name} alone", classes.labels().len()),
    );
    Err(SplitError::TooFewClasses(found))
}

/// The numbers below `n` in an order by the seed.
fn shuffled(n: usize, seed: u64) -> Vec<usize> {
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by_key(|&position| seed::derive(seed, position as u64));
    order
}
