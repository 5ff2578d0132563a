//! What a study gives in the end: fitted members on their representations, and how they are joined.
//!
//! A member is an entry of a leaderboard with the models of its folds, whose scores are averaged, or
//! with one model fitted on all rows. The scores of the members are joined by a weighted mean, which one
//! temperature makes as sure as it was right on rows that it had not seen; or by a model that was fitted
//! on such scores (stacking).
//!
//! A model predicts from tables with the names of its representations. Columns are found by their names:
//! their order does not matter, further ones are not looked at, a missing one is an error.
//!
//! A file begins with `xscatter-model`, a version and the CRC-32 of the rest; then come the length of a
//! JSON description, the description, and the fitted models in the form of their families. It gets its
//! name when it is whole. Reading it takes the families it was made of.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use ndarray::{Array2, Axis, CowArray, Ix2};
use serde::{Deserialize, Serialize};
use xscatter_core::{BoxPredictor, Error, ErrorKind, Family, FeatureTable, Params, Result};

use crate::stack::{StackInputs, side_by_side};
use crate::study::Representation;
use crate::temperature::{Outputs, Temperature};
use crate::trial::predict;

const MAGIC: &[u8] = b"xscatter-model";
const VERSION: u32 = 1;
/// Magic, version, checksum, length of the description.
const HEAD: usize = MAGIC.len() + 4 + 4 + 8;

/// A fitted part of a [`Model`].
#[allow(
    missing_debug_implementations,
    reason = "fitted models need not be Debug"
)]
pub struct Member {
    /// The representation that it reads.
    pub representation: Arc<str>,
    /// The columns of it, in the order of the fit.
    pub columns: Vec<Arc<str>>,
    /// The family of its models.
    pub family: Arc<str>,
    /// Their parameters.
    pub params: Params,
    /// Models whose scores are averaged; one or more.
    pub models: Vec<BoxPredictor>,
}

/// How the scores of the members become those of the model.
#[allow(
    missing_debug_implementations,
    reason = "fitted models need not be Debug"
)]
pub enum Joined {
    /// Their mean with these weights, and what is done to it.
    Mean {
        /// A weight a member, with a sum of 1.
        weights: Vec<f64>,
        /// `None` leaves the mean as it is.
        temperature: Option<Temperature>,
    },
    /// What a model makes of the scores of all members side by side ([`Stacking`](crate::Stacking)).
    Stacked {
        /// The family of the model.
        family: Arc<str>,
        /// What it is given of the scores.
        inputs: StackInputs,
        /// What the scores of a row are to each other.
        outputs: Option<Outputs>,
        /// The model.
        model: BoxPredictor,
    },
}

/// Fitted members and how they are joined.
#[allow(
    missing_debug_implementations,
    reason = "fitted models need not be Debug"
)]
pub struct Model {
    /// The names of the classes or tags.
    names: Vec<Arc<str>>,
    members: Vec<Member>,
    joined: Joined,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Description {
    names: Vec<Arc<str>>,
    members: Vec<MemberDescription>,
    joined: JoinedDescription,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct MemberDescription {
    representation: Arc<str>,
    columns: Vec<Arc<str>>,
    family: Arc<str>,
    params: Params,
    /// Bytes of each model.
    models: Vec<u64>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
enum JoinedDescription {
    Mean {
        weights: Vec<f64>,
        temperature: Option<Temperature>,
    },
    Stacked {
        family: Arc<str>,
        inputs: StackInputs,
        outputs: Option<Outputs>,
        model: u64,
    },
}

impl Model {
    /// A model of these members.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] if there is no member, one has no model or other outputs, or the
    /// weights do not suit.
    pub fn new(names: Vec<Arc<str>>, members: Vec<Member>, joined: Joined) -> Result<Self> {
        let wrong = |message: String| Err(Error::new(ErrorKind::InvalidArgument, message));
        if members.is_empty() {
            return wrong("expected a member or more, got none".into());
        }
        for (place, member) in members.iter().enumerate() {
            if member.models.is_empty() {
                return wrong(format!(
                    "member {place}: expected a model or more, got none"
                ));
            }
            if member.models.iter().any(|model| model.outputs() != names) {
                return wrong(format!(
                    "member {place}: expected models with the outputs {}",
                    names.join(", ")
                ));
            }
        }
        match &joined {
            Joined::Mean { weights, .. } => {
                let sound = weights
                    .iter()
                    .all(|weight| weight.is_finite() && *weight >= 0.0);
                if weights.len() != members.len() || !sound {
                    return wrong(format!(
                        "expected {} weights of 0 or more, got {weights:?}",
                        members.len()
                    ));
                }
            }
            Joined::Stacked { model, .. } => {
                if model.outputs() != names {
                    return wrong(
                        "expected a stacked model with the outputs of its members".into(),
                    );
                }
            }
        }
        Ok(Self {
            names,
            members,
            joined,
        })
    }

    /// The names of the classes or tags.
    pub fn outputs(&self) -> &[Arc<str>] {
        &self.names
    }

    /// Its parts.
    pub fn members(&self) -> &[Member] {
        &self.members
    }

    /// The names of the representations that it reads, each once.
    pub fn representations(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self
            .members
            .iter()
            .map(|one| &*one.representation)
            .collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// Rows × outputs: the probabilities of each row. Further tables are not looked at.
    ///
    /// # Errors
    /// If a table or a column is missing, tables have different rows, or a member cannot predict.
    pub fn predict_proba(&self, tables: &[Representation]) -> Result<Array2<f32>> {
        self.join(&self.member_proba(tables)?)
    }

    /// What each member says of the rows, before it is joined.
    ///
    /// # Errors
    /// As [`predict_proba`](Self::predict_proba).
    pub fn member_proba(&self, tables: &[Representation]) -> Result<Vec<Array2<f32>>> {
        let mut rows_of: HashMap<&str, &FeatureTable> = HashMap::new();
        let mut first: Option<&Representation> = None;
        for name in self.representations() {
            let Some(one) = tables.iter().find(|one| &*one.name == name) else {
                let found: Vec<&str> = tables.iter().map(|one| &*one.name).collect();
                return Err(Error::new(
                    ErrorKind::InvalidArgument,
                    format!("expected a table named {name}, got {}", found.join(", ")),
                ));
            };
            let before = *first.get_or_insert(one);
            if before.table.ids() != one.table.ids() {
                return Err(Error::new(
                    ErrorKind::ShapeMismatch,
                    format!("expected the same rows in {} and {name}", before.name),
                ));
            }
            rows_of.insert(name, &one.table);
        }
        self.members
            .iter()
            .map(|member| self.scores_of(member, rows_of[&*member.representation]))
            .collect()
    }

    /// The scores of the model from those of its members.
    ///
    /// # Errors
    /// If there is not one array of scores a member, all of one shape, or the stacked model fails.
    pub fn join(&self, scores: &[Array2<f32>]) -> Result<Array2<f32>> {
        let shape = scores.first().map(Array2::dim);
        let alike = scores.iter().all(|scores| Some(scores.dim()) == shape);
        if scores.len() != self.members.len() || !alike {
            return Err(Error::new(
                ErrorKind::ShapeMismatch,
                format!(
                    "expected the scores of {} members in one shape, got {}",
                    self.members.len(),
                    scores.len()
                ),
            ));
        }
        match &self.joined {
            Joined::Mean {
                weights,
                temperature,
            } => {
                let mean = mean(scores, weights);
                Ok(match temperature {
                    Some(temperature) => temperature.apply(mean.view()),
                    None => mean,
                })
            }
            Joined::Stacked {
                inputs,
                outputs,
                model,
                ..
            } => {
                let views: Vec<_> = scores.iter().map(|scores| scores.view()).collect();
                let rows = side_by_side(*inputs, *outputs, &views)?;
                predict(model, rows.view(), &self.names)
            }
        }
    }

    fn scores_of(&self, member: &Member, table: &FeatureTable) -> Result<Array2<f32>> {
        let rows = columns_of(table, &member.columns).map_err(|missing| {
            Error::new(
                ErrorKind::InvalidArgument,
                format!(
                    "table {}: expected a column named {missing}, found none",
                    member.representation
                ),
            )
        })?;
        let mut sum = Array2::<f32>::zeros((rows.nrows(), self.names.len()));
        for model in &member.models {
            sum += &predict(model, rows.view(), &self.names)?;
        }
        sum /= member.models.len() as f32;
        Ok(sum)
    }

    /// Writes the model to a file.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] if a model of a member has no form that can be kept, or the file cannot
    /// be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        let bytes = self.to_bytes()?;
        let in_file = |error: std::io::Error| Error::from(error).in_file(path);
        let mut part = path.as_os_str().to_owned();
        part.push(".part");
        std::fs::write(&part, bytes).map_err(in_file)?;
        std::fs::rename(&part, path).map_err(in_file)
    }

    /// Reads a model from a file; `families` hold those that it was made of.
    ///
    /// # Errors
    /// If the file cannot be read, is not a model, is damaged or of another version, or a family is
    /// missing; the file is named.
    pub fn load(path: impl AsRef<Path>, families: &[Box<dyn Family>]) -> Result<Self> {
        let path = path.as_ref();
        std::fs::read(path)
            .map_err(Error::from)
            .and_then(|bytes| Self::from_bytes(&bytes, families))
            .map_err(|error| error.in_file(path))
    }

    fn to_bytes(&self) -> Result<Vec<u8>> {
        let mut blobs = vec![];
        let mut add = |model: &BoxPredictor| {
            let bytes = model.to_bytes()?;
            blobs.extend_from_slice(&bytes);
            Ok(bytes.len() as u64)
        };
        let members = self.members.iter().map(|member| {
            Ok(MemberDescription {
                representation: member.representation.clone(),
                columns: member.columns.clone(),
                family: member.family.clone(),
                params: member.params.clone(),
                models: member.models.iter().map(&mut add).collect::<Result<_>>()?,
            })
        });
        let members = members.collect::<Result<_>>()?;
        let joined = match &self.joined {
            Joined::Mean {
                weights,
                temperature,
            } => JoinedDescription::Mean {
                weights: weights.clone(),
                temperature: *temperature,
            },
            Joined::Stacked {
                family,
                inputs,
                outputs,
                model,
            } => JoinedDescription::Stacked {
                family: family.clone(),
                inputs: *inputs,
                outputs: *outputs,
                model: add(model)?,
            },
        };
        let description = Description {
            names: self.names.clone(),
            members,
            joined,
        };
        let description = serde_json::to_vec(&description)
            .map_err(|error| Error::new(ErrorKind::Other, error.to_string()).with_source(error))?;
        let mut rest = (description.len() as u64).to_le_bytes().to_vec();
        rest.extend(description);
        rest.extend(blobs);
        let mut bytes = Vec::with_capacity(MAGIC.len() + 8 + rest.len());
        bytes.extend(MAGIC);
        bytes.extend(VERSION.to_le_bytes());
        bytes.extend(crc32fast::hash(&rest).to_le_bytes());
        bytes.extend(rest);
        Ok(bytes)
    }

    fn from_bytes(bytes: &[u8], families: &[Box<dyn Family>]) -> Result<Self> {
        let malformed = |message: String| Error::new(ErrorKind::Malformed, message);
        if !bytes.starts_with(&MAGIC[..bytes.len().min(MAGIC.len())]) {
            let found = bytes[..bytes.len().min(MAGIC.len())].escape_ascii();
            return Err(malformed(format!("expected a model, got \"{found}\"")).at("offset 0"));
        }
        if bytes.len() < HEAD {
            return Err(Error::new(
                ErrorKind::Truncated,
                format!("expected {HEAD} bytes or more, got {}", bytes.len()),
            ));
        }
        let four = |at: usize| {
            let bytes = bytes[at..at + 4].try_into();
            u32::from_le_bytes(bytes.expect("the slice has four bytes"))
        };
        let version = four(MAGIC.len());
        if version != VERSION {
            return Err(Error::new(
                ErrorKind::Unsupported,
                format!("expected version {VERSION}, got {version}"),
            ));
        }
        let rest = &bytes[MAGIC.len() + 8..];
        let (expected, found) = (four(MAGIC.len() + 4), crc32fast::hash(rest));
        if expected != found {
            return Err(malformed(format!(
                "expected the checksum {expected:08x}, found {found:08x}: the file is damaged or cut short"
            )));
        }
        let (length, rest) = rest.split_at(8);
        let length = u64::from_le_bytes(length.try_into().expect("the slice has eight bytes"));
        let mut rest = rest;
        let mut take = |length: u64| {
            let length = usize::try_from(length).unwrap_or(usize::MAX);
            let Some((taken, left)) = rest.split_at_checked(length) else {
                return Err(malformed(format!(
                    "expected {length} bytes more, found {}",
                    rest.len()
                )));
            };
            rest = left;
            Ok(taken)
        };
        let description: Description = serde_json::from_slice(take(length)?)
            .map_err(|error| malformed(error.to_string()).with_source(error))?;
        let mut load = |name: &Arc<str>, length: u64| {
            let family = families.iter().find(|family| family.name() == &**name);
            let family = family.ok_or_else(|| {
                Error::new(
                    ErrorKind::InvalidArgument,
                    format!("the model needs the family {name}, which is not among those given"),
                )
            })?;
            family.load(take(length)?)
        };
        let members = description.members.into_iter().map(|member| {
            let models = member
                .models
                .iter()
                .map(|&length| load(&member.family, length));
            Ok(Member {
                models: models.collect::<Result<_>>()?,
                representation: member.representation,
                columns: member.columns,
                family: member.family,
                params: member.params,
            })
        });
        let members = members.collect::<Result<_>>()?;
        let joined = match description.joined {
            JoinedDescription::Mean {
                weights,
                temperature,
            } => Joined::Mean {
                weights,
                temperature,
            },
            JoinedDescription::Stacked {
                family,
                inputs,
                outputs,
                model,
            } => Joined::Stacked {
                model: load(&family, model)?,
                family,
                inputs,
                outputs,
            },
        };
        Self::new(description.names, members, joined)
    }
}

/// The columns of these names in this order, or the first name that is missing.
fn columns_of<'a>(
    table: &'a FeatureTable,
    names: &[Arc<str>],
) -> Result<CowArray<'a, f32, Ix2>, Arc<str>> {
    if table.columns() == names {
        return Ok(CowArray::from(table.values()));
    }
    let places: HashMap<&str, usize> = table
        .columns()
        .iter()
        .enumerate()
        .map(|(place, name)| (&**name, place))
        .collect();
    let places = names
        .iter()
        .map(|name| places.get(&**name).copied().ok_or_else(|| name.clone()))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(CowArray::from(table.values().select(Axis(1), &places)))
}

fn mean(scores: &[Array2<f32>], weights: &[f64]) -> Array2<f32> {
    let mut sum = Array2::<f64>::zeros(scores[0].dim());
    for (scores, &weight) in scores.iter().zip(weights) {
        sum.zip_mut_with(scores, |sum, &score| *sum += weight * f64::from(score));
    }
    sum.mapv(|score| score as f32)
}
