//! The contract of [`Family`].

use xscatter_core::search::{Domain, ParamValue, Parameter};
use xscatter_core::{ErrorKind, Family, Params, Space};

use crate::estimator::{check_estimator, same, scores_of_fit};
use crate::violation::{Check, Violation, ensure};

const SEED: u64 = 20_26;

/// Checks that a family of classifiers keeps the contract of [`Family`].
///
/// | rule | demands |
/// |---|---|
/// | `name` | the name is not empty and has no white space |
/// | `space` | names are unique, ranges ascend (from above 0 if logarithmic), conditions can hold |
/// | `defaults` | every default lies in its range |
/// | `portfolio` | it is not empty and lies in the space |
/// | `unknown-parameter` | a parameter that the space does not know is an [`ErrorKind::InvalidArgument`] |
/// | `out-of-range` | so is a value beyond its range or of another type |
/// | `build` | the defaults, no parameters at all, and every member of the portfolio build |
/// | `same-seed` | two builds with the same parameters and seed fit to the same bits |
///
/// and every rule of [`check_estimator`] for the defaults and every member of the portfolio.
///
/// # Errors
/// The first rule that is broken.
pub fn check_family(family: &dyn Family) -> Result<(), Violation> {
    let name = family.name();
    ensure(
        !name.is_empty() && !name.contains(char::is_whitespace),
        "name",
        || format!("expected a name without white space, got {name:?}"),
    )?;
    check_space(family.space())?;
    let portfolio = family.portfolio();
    ensure(!portfolio.is_empty(), "portfolio", || {
        "it is empty".to_owned()
    })?;
    for (place, params) in portfolio.iter().enumerate() {
        family.space().check(params).map_err(|error| {
            Violation::new("portfolio", format!("place {place} ({params}): {error}"))
        })?;
    }
    check_refusals(family)?;

    same_seed(family, &Params::new(), &family.space().defaults())
        .map_err(|violation| violation.within("no parameters and the defaults"))?;
    let mut tried = vec![family.space().defaults()];
    tried.extend(portfolio);
    tried.dedup();
    for params in &tried {
        let estimator = build(family, params)?;
        check_estimator(&estimator)
            .and_then(|()| same_seed(family, params, params))
            .map_err(|violation| violation.within(format_args!("{name} with {params}")))?;
    }
    Ok(())
}

fn build(family: &dyn Family, params: &Params) -> Result<xscatter_core::BoxEstimator, Violation> {
    family
        .build(params, SEED)
        .map_err(|error| Violation::new("build", format!("({params}): {error}")))
}

fn same_seed(family: &dyn Family, left: &Params, right: &Params) -> Check {
    let left = scores_of_fit(&build(family, left)?)?;
    let right = scores_of_fit(&build(family, right)?)?;
    same("same-seed", &left, &right)
}

fn check_space(space: &Space) -> Check {
    for (place, parameter) in space.parameters().iter().enumerate() {
        let Parameter {
            name,
            domain,
            default,
            only_if,
        } = parameter;
        let earlier = &space.parameters()[..place];
        let ascending = match domain {
            Domain::Int { low, high, log } => low <= high && (!log || *low > 0),
            Domain::Real { low, high, log } => {
                low.is_finite() && high.is_finite() && low <= high && (!log || *low > 0.0)
            }
            Domain::Choice(values) => !values.is_empty(),
        };
        ensure(ascending, "space", || {
            format!("parameter {name}: {domain:?} is no range")
        })?;
        ensure(
            earlier.iter().all(|other| other.name != *name),
            "space",
            || format!("two parameters are named {name}"),
        )?;
        ensure(domain.contains(default), "defaults", || {
            format!("parameter {name}: {default} is not in {domain:?}")
        })?;
        if let Some((on, value)) = only_if {
            let possible = earlier
                .iter()
                .any(|other| other.name == *on && other.domain.contains(value));
            ensure(possible, "space", || {
                format!("parameter {name}: no earlier parameter {on} can be {value}")
            })?;
        }
    }
    Ok(())
}

fn check_refusals(family: &dyn Family) -> Check {
    let unknown = Params::new().with("no-such-parameter", 1);
    refuses(family, "unknown-parameter", &unknown)?;
    for parameter in family.space().parameters() {
        let beyond: ParamValue = match &parameter.domain {
            Domain::Int { high, .. } => high.saturating_add(1).into(),
            Domain::Real { high, .. } => (high.abs() * 2.0 + 1.0).into(),
            Domain::Choice(_) => "no such choice".into(),
        };
        let mut params = Params::new().with(&parameter.name, beyond);
        if let Some((on, value)) = &parameter.only_if {
            params = params.with(on, value.clone());
        }
        let representable = !matches!(parameter.domain, Domain::Int { high: i64::MAX, .. });
        if representable {
            refuses(family, "out-of-range", &params)?;
        }
        let mistyped = params.with(&parameter.name, "no such value");
        refuses(family, "out-of-range", &mistyped)?;
    }
    Ok(())
}

fn refuses(family: &dyn Family, rule: &'static str, params: &Params) -> Check {
    let found = match family.build(params, SEED) {
        Ok(_) => "an estimator".to_owned(),
        Err(error) if error.kind() == ErrorKind::InvalidArgument => return Ok(()),
        Err(error) => format!("an error of kind {:?}", error.kind()),
    };
    Err(Violation::new(
        rule,
        format!("building with {params}: expected an error of kind InvalidArgument, got {found}"),
    ))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use xscatter_core::{BoxEstimator, Error, Estimator, Result};

    use super::*;
    use crate::estimator::tests::{Centroids, Flaw};

    #[derive(Debug, Clone, Copy, PartialEq)]
    enum Break {
        Nothing,
        Name,
        Range,
        Twice,
        Condition,
        Default,
        NoPortfolio,
        BadPortfolio,
        AcceptsUnknown,
        AcceptsBeyond,
        RefusesPortfolio,
        OtherDefaults,
        OwnSeed,
        BadEstimator,
    }

    /// Nearest class mean with a temperature.
    struct Means(Break, Space, AtomicU64);

    impl Means {
        fn new(flaw: Break) -> Self {
            let range = |low, high| Domain::Real {
                low,
                high,
                log: true,
            };
            let mut space = Space::new().with(
                "temperature",
                range(if flaw == Break::Range { 0.0 } else { 0.1 }, 10.0),
                if flaw == Break::Default { 20.0 } else { 1.0 },
            );
            if flaw == Break::Twice {
                space = space.with("temperature", range(0.1, 1.0), 0.5);
            }
            if flaw == Break::Condition {
                space = space
                    .with("depth", range(0.1, 1.0), 0.5)
                    .only_if("kernel", "rbf");
            }
            Self(flaw, space, AtomicU64::new(0))
        }
    }

    impl Family for Means {
        fn name(&self) -> &str {
            if self.0 == Break::Name {
                "class means"
            } else {
                "class-means"
            }
        }

        fn space(&self) -> &Space {
            &self.1
        }

        fn portfolio(&self) -> Vec<Params> {
            match self.0 {
                Break::NoPortfolio => Vec::new(),
                Break::BadPortfolio => vec![Params::new().with("temperature", 11.0)],
                _ => vec![Params::new().with("temperature", 2.0)],
            }
        }

        fn build(&self, params: &Params, _seed: u64) -> Result<BoxEstimator> {
            let complete = match self.0 {
                Break::AcceptsUnknown if params.get("no-such-parameter").is_some() => {
                    self.1.defaults()
                }
                Break::AcceptsBeyond if params.get("temperature").is_some() => self
                    .1
                    .complete(params)
                    .unwrap_or_else(|_| self.1.defaults()),
                _ => self.1.complete(params)?,
            };
            let mut temperature = complete.real("temperature")? as f32;
            if self.0 == Break::RefusesPortfolio && temperature == 2.0 {
                return Err(Error::new(ErrorKind::InvalidArgument, "refused"));
            }
            if self.0 == Break::OtherDefaults && params.get("temperature").is_none() {
                temperature = 3.0;
            }
            if self.0 == Break::OwnSeed {
                temperature += self.2.fetch_add(1, Ordering::Relaxed) as f32;
            }
            let flaw = if self.0 == Break::BadEstimator {
                Flaw::NeverStops
            } else {
                Flaw::None
            };
            Ok(Centroids::new(flaw, temperature).boxed())
        }
    }

    #[test]
    fn a_family_that_keeps_the_contract_passes() {
        check_family(&Means::new(Break::Nothing)).unwrap();
    }

    #[test]
    fn every_violation_is_found() {
        for (flaw, rule) in [
            (Break::Name, "name"),
            (Break::Range, "space"),
            (Break::Twice, "space"),
            (Break::Condition, "space"),
            (Break::Default, "defaults"),
            (Break::NoPortfolio, "portfolio"),
            (Break::BadPortfolio, "portfolio"),
            (Break::AcceptsUnknown, "unknown-parameter"),
            (Break::AcceptsBeyond, "out-of-range"),
            (Break::RefusesPortfolio, "build"),
            (Break::OtherDefaults, "same-seed"),
            (Break::OwnSeed, "same-seed"),
            (Break::BadEstimator, "stopped"),
        ] {
            let violation = check_family(&Means::new(flaw)).unwrap_err();
            assert_eq!(violation.rule, rule, "{flaw:?}: {violation}");
        }
    }
}
