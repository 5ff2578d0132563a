//! What a search engine searches over: families of models with typed parameters.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::error::{Error, ErrorKind, Result};
use crate::learn::{BoxEstimator, BoxPredictor};

/// The value of one parameter.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(untagged))]
pub enum ParamValue {
    /// Yes or no.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A real number.
    Real(f64),
    /// One of some names.
    Text(String),
}

impl fmt::Display for ParamValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(value) => write!(f, "{value}"),
            Self::Int(value) => write!(f, "{value}"),
            Self::Real(value) => write!(f, "{value}"),
            Self::Text(value) => f.write_str(value),
        }
    }
}

impl From<bool> for ParamValue {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<i64> for ParamValue {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<f64> for ParamValue {
    fn from(value: f64) -> Self {
        Self::Real(value)
    }
}

impl From<&str> for ParamValue {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

/// Parameter values by name, in the order of their names.
///
/// ```
/// use xscatter_core::search::Params;
///
/// let params = Params::new().with("trees", 200).with("depth", 8);
/// assert_eq!(params.to_string(), "depth=8 trees=200");
/// assert_eq!(params.int("trees")?, 200);
/// # Ok::<(), xscatter_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(transparent))]
pub struct Params(BTreeMap<String, ParamValue>);

impl Params {
    /// No parameter.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds or replaces a value.
    pub fn with(mut self, name: &str, value: impl Into<ParamValue>) -> Self {
        self.0.insert(name.to_owned(), value.into());
        self
    }

    /// The value of a parameter.
    pub fn get(&self, name: &str) -> Option<&ParamValue> {
        self.0.get(name)
    }

    /// Names and values in the order of the names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &ParamValue)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// A whole number.
    ///
    /// # Errors
    /// If the parameter is absent or of another type.
    pub fn int(&self, name: &str) -> Result<i64> {
        match self.get(name) {
            Some(&ParamValue::Int(value)) => Ok(value),
            other => Err(Self::unexpected(name, "a whole number", other)),
        }
    }

    /// A real number; a whole number counts as one.
    ///
    /// # Errors
    /// If the parameter is absent or of another type.
    pub fn real(&self, name: &str) -> Result<f64> {
        match self.get(name) {
            Some(&ParamValue::Real(value)) => Ok(value),
            Some(&ParamValue::Int(value)) => Ok(value as f64),
            other => Err(Self::unexpected(name, "a number", other)),
        }
    }

    /// Yes or no.
    ///
    /// # Errors
    /// If the parameter is absent or of another type.
    pub fn bool(&self, name: &str) -> Result<bool> {
        match self.get(name) {
            Some(&ParamValue::Bool(value)) => Ok(value),
            other => Err(Self::unexpected(name, "true or false", other)),
        }
    }

    /// A name.
    ///
    /// # Errors
    /// If the parameter is absent or of another type.
    pub fn text(&self, name: &str) -> Result<&str> {
        match self.get(name) {
            Some(ParamValue::Text(value)) => Ok(value),
            other => Err(Self::unexpected(name, "a name", other)),
        }
    }

    fn unexpected(name: &str, expected: &str, found: Option<&ParamValue>) -> Error {
        let found = found.map_or_else(|| "nothing".to_owned(), ToString::to_string);
        Error::new(
            ErrorKind::InvalidArgument,
            format!("parameter {name}: expected {expected}, got {found}"),
        )
    }
}

impl fmt::Display for Params {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, (name, value)) in self.iter().enumerate() {
            let separator = if position == 0 { "" } else { " " };
            write!(f, "{separator}{name}={value}")?;
        }
        Ok(())
    }
}

/// The values that a parameter may take.
#[derive(Debug, Clone, PartialEq)]
pub enum Domain {
    /// Whole numbers from `low` to `high`, both included; spread evenly in the logarithm if `log`.
    Int {
        /// The smallest value.
        low: i64,
        /// The largest value.
        high: i64,
        /// Whether the scale is logarithmic.
        log: bool,
    },
    /// Real numbers from `low` to `high`, both included; spread evenly in the logarithm if `log`.
    Real {
        /// The smallest value.
        low: f64,
        /// The largest value.
        high: f64,
        /// Whether the scale is logarithmic.
        log: bool,
    },
    /// One of these values.
    Choice(Vec<ParamValue>),
}

impl Domain {
    /// Whether the value is of the right type and within the range.
    pub fn contains(&self, value: &ParamValue) -> bool {
        match (self, value) {
            (Self::Int { low, high, .. }, ParamValue::Int(value)) => (low..=high).contains(&value),
            (Self::Real { low, high, .. }, ParamValue::Real(value)) => {
                (low..=high).contains(&value)
            }
            (Self::Choice(values), value) => values.contains(value),
            _ => false,
        }
    }
}

/// A parameter of a family.
#[derive(Debug, Clone, PartialEq)]
pub struct Parameter {
    /// Its name.
    pub name: Arc<str>,
    /// The values that it may take.
    pub domain: Domain,
    /// The value to start from.
    pub default: ParamValue,
    /// The parameter exists only where this one has this value.
    pub only_if: Option<(Arc<str>, ParamValue)>,
}

/// The parameters of a family with their ranges and conditions.
///
/// ```
/// use xscatter_core::search::{Domain, Params, Space};
///
/// let space = Space::new()
///     .with("trees", Domain::Int { low: 10, high: 1000, log: true }, 200)
///     .with("balanced", Domain::Choice(vec![true.into(), false.into()]), true);
/// assert_eq!(space.defaults().to_string(), "balanced=true trees=200");
/// assert!(space.check(&Params::new().with("trees", 5)).is_err());
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Space(Vec<Parameter>);

impl Space {
    /// A space without parameters.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a parameter.
    pub fn with(mut self, name: &str, domain: Domain, default: impl Into<ParamValue>) -> Self {
        self.0.push(Parameter {
            name: name.into(),
            domain,
            default: default.into(),
            only_if: None,
        });
        self
    }

    /// Makes the parameter added last exist only where `name` has `value`.
    pub fn only_if(mut self, name: &str, value: impl Into<ParamValue>) -> Self {
        if let Some(last) = self.0.last_mut() {
            last.only_if = Some((name.into(), value.into()));
        }
        self
    }

    /// All parameters, in the order in which they were added.
    pub fn parameters(&self) -> &[Parameter] {
        &self.0
    }

    /// The default of every parameter whose condition holds.
    pub fn defaults(&self) -> Params {
        self.0.iter().fold(Params::new(), |params, parameter| {
            let holds = match &parameter.only_if {
                Some((name, value)) => params.get(name) == Some(value),
                None => true,
            };
            if holds {
                params.with(&parameter.name, parameter.default.clone())
            } else {
                params
            }
        })
    }

    /// These values, and the default for each parameter that they leave out.
    ///
    /// # Errors
    /// If a value is unknown or out of range.
    pub fn complete(&self, params: &Params) -> Result<Params> {
        self.check(params)?;
        let mut complete = params.clone();
        for parameter in &self.0 {
            let holds = match &parameter.only_if {
                Some((name, value)) => complete.get(name) == Some(value),
                None => true,
            };
            if holds && complete.get(&parameter.name).is_none() {
                complete = complete.with(&parameter.name, parameter.default.clone());
            }
        }
        Ok(complete)
    }

    /// Whether all values are known and in range.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] that names the parameter, the value and the range.
    pub fn check(&self, params: &Params) -> Result<()> {
        for (name, value) in params.iter() {
            let message = match self.0.iter().find(|parameter| &*parameter.name == name) {
                Some(parameter) if parameter.domain.contains(value) => continue,
                Some(parameter) => {
                    format!(
                        "parameter {name}: expected {:?}, got {value}",
                        parameter.domain
                    )
                }
                None => {
                    let known: Vec<&str> = self.0.iter().map(|p| &*p.name).collect();
                    format!("parameter {name}: expected one of {}", known.join(", "))
                }
            };
            return Err(Error::new(ErrorKind::InvalidArgument, message));
        }
        Ok(())
    }
}

/// A family of models that a search engine can build: its name, its parameters, good first guesses.
///
/// # Contract
/// Every member of the portfolio lies in the space; building checks the parameters; the same
/// parameters and seed give the same model.
pub trait Family: Send + Sync {
    /// A short name: `extra-trees`.
    fn name(&self) -> &str;

    /// The parameters with ranges and conditions.
    fn space(&self) -> &Space;

    /// Good first guesses, best first; never empty.
    fn portfolio(&self) -> Vec<Params>;

    /// The estimator with these parameters; those left out have their defaults.
    ///
    /// # Errors
    /// If a parameter is unknown or out of range.
    fn build(&self, params: &Params, seed: u64) -> Result<BoxEstimator>;

    /// A model of this family from the bytes that its
    /// [`to_bytes`](crate::learn::Predictor::to_bytes) wrote.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] unless the family's models can be kept; if the bytes are not those of
    /// one, or cut short, an error that says what was found, never a panic.
    fn load(&self, _bytes: &[u8]) -> Result<BoxPredictor> {
        Err(Error::new(
            ErrorKind::Unsupported,
            format!(
                "models of the family {} cannot be kept in a file",
                self.name()
            ),
        ))
    }
}

macro_rules! forward_family {
    ($($pointer:ty),*) => {$(
        impl<T: Family + ?Sized> Family for $pointer {
            fn name(&self) -> &str {
                (**self).name()
            }
            fn space(&self) -> &Space {
                (**self).space()
            }
            fn portfolio(&self) -> Vec<Params> {
                (**self).portfolio()
            }
            fn build(&self, params: &Params, seed: u64) -> Result<BoxEstimator> {
                (**self).build(params, seed)
            }
            fn load(&self, bytes: &[u8]) -> Result<BoxPredictor> {
                (**self).load(bytes)
            }
        }
    )*};
}
forward_family!(&T, Box<T>, Arc<T>);

#[cfg(test)]
mod tests {
    use super::*;

    fn space() -> Space {
        Space::new()
            .with(
                "kernel",
                Domain::Choice(vec!["linear".into(), "rbf".into()]),
                "rbf",
            )
            .with(
                "gamma",
                Domain::Real {
                    low: 1e-4,
                    high: 1.0,
                    log: true,
                },
                0.1,
            )
            .only_if("kernel", "rbf")
    }

    #[test]
    fn conditional_parameters_follow_their_condition() {
        assert_eq!(space().defaults().to_string(), "gamma=0.1 kernel=rbf");
        let linear = space()
            .complete(&Params::new().with("kernel", "linear"))
            .unwrap();
        assert_eq!(linear.to_string(), "kernel=linear");
    }

    #[test]
    fn unknown_and_out_of_range_values_are_named() {
        let unknown = space().check(&Params::new().with("depth", 3)).unwrap_err();
        assert_eq!(
            unknown.message(),
            "parameter depth: expected one of kernel, gamma"
        );
        let beyond = space()
            .check(&Params::new().with("gamma", 2.0))
            .unwrap_err();
        assert!(beyond.message().contains("got 2"), "{beyond}");
    }

    #[test]
    fn a_wrong_type_is_named() {
        let error = Params::new()
            .with("trees", "many")
            .int("trees")
            .unwrap_err();
        assert_eq!(
            error.message(),
            "parameter trees: expected a whole number, got many"
        );
    }
}
