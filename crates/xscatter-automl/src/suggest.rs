//! What to try next: tree-structured Parzen estimators over a family's space.
//!
//! Each parameter is drawn where good trials lie dense and the others do not (Bergstra et al. 2011,
//! "Algorithms for hyper-parameter optimization"), by the `tpe` crate; parameters are drawn one by one,
//! in the order of the space, so a condition is known before what depends on it. The first
//! [`STARTUP`] suggestions are drawn evenly. The same history, seed and number give the same suggestion.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use tpe::density_estimation::DefaultEstimatorBuilder;
use tpe::{TpeOptimizerBuilder, histogram_estimator, parzen_estimator};
use xscatter_core::search::{Domain, ParamValue, Parameter};
use xscatter_core::{Params, Space, seed};

/// How many suggestions are drawn evenly before the estimators have a say.
const STARTUP: usize = 4;
/// The share of trials that count as good: of twenty, four.
const GOOD: f64 = 0.2;
/// A little above 1, since the end of a range of the crate does not belong to it.
const END: f64 = 1.0 + 1e-9;

/// A trial that has been judged: its loss, less is better; infinite if it failed.
pub(crate) type Judged<'a> = (&'a Params, f64);

/// The suggestion with this number; `None` if the space has no parameter.
pub(crate) fn suggest(
    space: &Space,
    history: &[Judged<'_>],
    seed: u64,
    number: usize,
) -> Option<Params> {
    if space.parameters().is_empty() {
        return None;
    }
    let mut rng = ChaCha8Rng::seed_from_u64(seed::derive(seed, number as u64));
    let evenly = number < STARTUP;
    let params = space
        .parameters()
        .iter()
        .fold(Params::new(), |params, parameter| {
            let exists = match &parameter.only_if {
                Some((name, value)) => params.get(name) == Some(value),
                None => true,
            };
            if !exists {
                return params;
            }
            let place = if evenly {
                unit(&mut rng)
            } else {
                drawn(parameter, history, &mut rng)
            };
            params.with(&parameter.name, value_at(&parameter.domain, place))
        });
    Some(params)
}

/// A number in [0, 1).
fn unit(rng: &mut ChaCha8Rng) -> f64 {
    (rng.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
}

/// A place in [0, 1] at which good trials lie dense and others do not.
fn drawn(parameter: &Parameter, history: &[Judged<'_>], rng: &mut ChaCha8Rng) -> f64 {
    let choices = match &parameter.domain {
        Domain::Choice(values) => values.len(),
        Domain::Int { .. } | Domain::Real { .. } => 0,
    };
    // Choices lie on 0 .. n of the crate, numbers on 0 .. 1.
    let (estimator, end): (DefaultEstimatorBuilder, f64) = match choices {
        0 => (parzen_estimator(), END),
        n => (histogram_estimator(), n as f64),
    };
    let range = tpe::range(0.0, end).expect("the range is not empty");
    let mut optimizer = TpeOptimizerBuilder::new()
        .gamma(GOOD)
        .build(estimator, range)
        .expect("the share lies between 0 and 1");
    for (params, loss) in history {
        let place = params
            .get(&parameter.name)
            .and_then(|value| place_of(&parameter.domain, value))
            .map_or(f64::NAN, |place| match choices {
                0 => place,
                n => (place * n as f64).floor().min(n as f64 - 1.0),
            });
        optimizer
            .tell(place, *loss)
            .expect("the place is in the range and a loss is a number");
    }
    let place = optimizer
        .ask(rng)
        .expect("an estimator of any history can be built");
    match choices {
        0 => place.clamp(0.0, 1.0),
        n => (place.floor() + 0.5) / n as f64,
    }
}

/// Where a value lies between the ends of its domain, from 0 to 1.
fn place_of(domain: &Domain, value: &ParamValue) -> Option<f64> {
    let between = |low: f64, high: f64, log: bool, value: f64| {
        let scale = |x: f64| if log { x.ln() } else { x };
        let span = scale(high) - scale(low);
        if span > 0.0 {
            ((scale(value) - scale(low)) / span).clamp(0.0, 1.0)
        } else {
            0.5
        }
    };
    match (domain, value) {
        (&Domain::Int { low, high, log }, &ParamValue::Int(value)) => {
            Some(between(low as f64, high as f64, log, value as f64))
        }
        (&Domain::Real { low, high, log }, &ParamValue::Real(value)) => {
            Some(between(low, high, log, value))
        }
        (Domain::Choice(values), value) => {
            let place = values.iter().position(|one| one == value)?;
            Some((place as f64 + 0.5) / values.len() as f64)
        }
        _ => None,
    }
}

/// The value at a place from 0 to 1.
fn value_at(domain: &Domain, place: f64) -> ParamValue {
    let between = |low: f64, high: f64, log: bool| {
        if log {
            (low.ln() + place * (high.ln() - low.ln())).exp()
        } else {
            low + place * (high - low)
        }
    };
    match *domain {
        Domain::Int { low, high, log } => {
            let value = between(low as f64, high as f64, log).round() as i64;
            ParamValue::Int(value.clamp(low, high))
        }
        Domain::Real { low, high, log } => {
            ParamValue::Real(between(low, high, log).clamp(low, high))
        }
        Domain::Choice(ref values) => {
            let place = (place * values.len() as f64) as usize;
            values[place.min(values.len() - 1)].clone()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn space() -> Space {
        let real = |low, high, log| Domain::Real { low, high, log };
        Space::new()
            .with(
                "kernel",
                Domain::Choice(vec!["linear".into(), "rbf".into(), "poly".into()]),
                "rbf",
            )
            .with("gamma", real(1e-4, 1.0, true), 0.1)
            .only_if("kernel", "rbf")
            .with(
                "k",
                Domain::Int {
                    low: 1,
                    high: 30,
                    log: false,
                },
                5,
            )
    }

    /// Best with the Gaussian kernel, a width of 0.01 and 20 neighbours.
    fn loss(params: &Params) -> f64 {
        let kernel = match params.text("kernel").unwrap() {
            "rbf" => (params.real("gamma").unwrap().log10() + 2.0).powi(2),
            _ => 4.0,
        };
        kernel + (params.real("k").unwrap() - 20.0).powi(2) / 100.0
    }

    fn search(seed: u64, trials: usize) -> Vec<(Params, f64)> {
        let space = space();
        let mut history: Vec<(Params, f64)> = vec![];
        for number in 0..trials {
            let judged: Vec<Judged<'_>> = history.iter().map(|(p, loss)| (p, *loss)).collect();
            let params = suggest(&space, &judged, seed, number).unwrap();
            let loss = loss(&params);
            history.push((params, loss));
        }
        history
    }

    #[test]
    fn suggestions_lie_in_the_space_and_repeat() {
        let space = space();
        let history = search(3, 30);
        for (params, _) in &history {
            space.check(params).unwrap();
            let is_rbf = params.text("kernel").unwrap() == "rbf";
            assert_eq!(params.get("gamma").is_some(), is_rbf, "{params}");
        }
        assert_eq!(history, search(3, 30));
        assert_ne!(history, search(4, 30));
        assert_eq!(suggest(&Space::new(), &[], 1, 0), None);
    }

    #[test]
    fn what_was_learned_beats_chance() {
        let best = |losses: &mut dyn Iterator<Item = f64>| losses.fold(f64::INFINITY, f64::min);
        let mut wins = 0;
        for seed in 0..20 {
            let searched = best(&mut search(seed, 40).into_iter().map(|(_, loss)| loss));
            let space = space();
            // Numbers below the start-up are drawn evenly, whatever the history.
            let mut evenly = (0..40)
                .map(|draw| loss(&suggest(&space, &[], seed::derive(seed, draw), 0).unwrap()));
            wins += usize::from(searched < best(&mut evenly));
        }
        assert!(wins >= 14, "{wins} of 20");
    }

    #[test]
    fn a_range_of_one_value_and_a_failure_do_no_harm() {
        let space = Space::new().with(
            "k",
            Domain::Int {
                low: 3,
                high: 3,
                log: true,
            },
            3,
        );
        let tried = Params::new().with("k", 3);
        let params = suggest(&space, &[(&tried, f64::INFINITY)], 1, 9).unwrap();
        assert_eq!(params, tried);
    }
}
