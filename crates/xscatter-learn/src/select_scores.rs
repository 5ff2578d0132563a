//! How much a feature tells about the classes; the formulas are in [`select`](crate::Selection).

use ndarray::{Array2, Axis};
use rayon::prelude::*;
use xscatter_core::seed::derive;
use xscatter_core::{Estimator, Predictor, Result, StopToken, TagState, Target, TrainingSet};

use crate::counted::Counted;
use crate::forest::{ExtraTrees, ForestConfig};
use crate::one_vs_rest::OneVsRest;
use crate::quantile::normal_quantile;
use crate::select::Labelling;

/// A probability below that counts as that.
const LEAST: f64 = 1e-6;

/// The variance of the known values; `None` if the feature does not vary.
pub(crate) fn variance(counted: &Counted<'_>, feature: usize) -> Option<f64> {
    let column = counted.rows.column(feature);
    let known = || {
        let known = column.iter().enumerate().filter(|(_, x)| !x.is_nan());
        known.map(|(row, &x)| (counted.weight(row), f64::from(x)))
    };
    let (_, first) = known().next()?;
    if known().all(|(_, x)| x == first) {
        return None;
    }
    let (mut total, mut sum) = (0.0, 0.0);
    for (weight, x) in known() {
        total += weight;
        sum += weight * x;
    }
    let mean = sum / total;
    let squares: f64 = known().map(|(weight, x)| weight * (x - mean).powi(2)).sum();
    Some(squares / total)
}

/// Fisher's F; the largest number if the classes have no scatter of their own.
pub(crate) fn anova_f(counted: &Counted<'_>, feature: usize, labelling: &Labelling) -> Option<f64> {
    let column = counted.rows.column(feature);
    let known = || {
        let rows = column.iter().zip(&labelling.labels).enumerate();
        rows.filter_map(|(row, (&x, label))| {
            let label = (*label)? as usize;
            (!x.is_nan()).then(|| (counted.weight(row), f64::from(x), label))
        })
    };
    let mut weights = vec![0.0; labelling.n_classes];
    let mut means = vec![0.0; labelling.n_classes];
    for (weight, x, label) in known() {
        weights[label] += weight;
        means[label] += weight * x;
    }
    let total: f64 = weights.iter().sum();
    let mean = means.iter().sum::<f64>() / total;
    let n_classes = weights.iter().filter(|weight| **weight > 0.0).count();
    if n_classes < 2 {
        return None;
    }
    for (mean, weight) in means.iter_mut().zip(&weights) {
        if *weight > 0.0 {
            *mean /= weight;
        }
    }
    let of_classes = weights.iter().zip(&means);
    let between: f64 = of_classes
        .map(|(w, of_class)| w * (of_class - mean).powi(2))
        .sum();
    let (mut low, mut high, mut within) = (f64::INFINITY, f64::NEG_INFINITY, 0.0);
    for (weight, x, label) in known() {
        (low, high) = (low.min(x), high.max(x));
        within += weight * (x - means[label]).powi(2);
    }
    if low >= high {
        return None;
    }
    let freedom = total - n_classes as f64;
    let f = between / (n_classes - 1) as f64 * freedom / within;
    Some(if f.is_finite() { f } else { f64::MAX })
}

/// The estimate of Ross, at least 0.
pub(crate) fn mutual_information(
    counted: &Counted<'_>,
    feature: usize,
    labelling: &Labelling,
    neighbours: usize,
    seed: u64,
) -> Option<f64> {
    let deviation = variance(counted, feature)?.sqrt();
    let column = counted.rows.column(feature);
    let mut known: Vec<(f64, u32)> = Vec::with_capacity(column.len());
    let mut size = 0.0;
    for (&x, label) in column.iter().zip(&labelling.labels) {
        if let (false, &Some(label)) = (x.is_nan(), label) {
            let x = f64::from(x) / deviation;
            size += x.abs();
            known.push((x, label));
        }
    }
    let noise = 1e-10 * (size / known.len() as f64).max(1.0);
    let seed = derive(seed, feature as u64);
    for (place, (x, _)) in known.iter_mut().enumerate() {
        let bits = derive(seed, place as u64) >> 11;
        *x += noise * normal_quantile((bits as f64 + 0.5) / (1_u64 << 53) as f64);
    }
    known.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));

    let mut of_class = vec![Vec::new(); labelling.n_classes];
    for &(x, label) in &known {
        of_class[label as usize].push(x);
    }
    // A row that is alone in its class says nothing.
    of_class
        .iter_mut()
        .filter(|of_class| of_class.len() == 1)
        .for_each(Vec::clear);
    let mut all: Vec<f64> = of_class.concat();
    all.sort_unstable_by(f64::total_cmp);
    if all.is_empty() {
        return None;
    }
    let psi = Digamma::new(all.len());
    let (mut of_neighbours, mut of_classes, mut of_all) = (0.0, 0.0, 0.0);
    for of_class in of_class.iter().filter(|of_class| !of_class.is_empty()) {
        let k = neighbours.min(of_class.len() - 1);
        of_neighbours += of_class.len() as f64 * psi.at(k);
        of_classes += of_class.len() as f64 * psi.at(of_class.len());
        for (place, &x) in of_class.iter().enumerate() {
            // Just within the k-th neighbour, so that it does not count itself.
            let radius = distance(of_class, place, k).next_down().max(0.0);
            let first = all.partition_point(|&other| x - other > radius);
            let beyond = all.partition_point(|&other| other - x <= radius);
            of_all += psi.at((beyond - first).max(1));
        }
    }
    let n = all.len() as f64;
    let information = psi.at(all.len()) + (of_neighbours - of_classes - of_all) / n;
    Some(information.max(0.0))
}

/// From the value at a place to its k-th nearest neighbour among ascending values.
fn distance(ascending: &[f64], place: usize, k: usize) -> f64 {
    let x = ascending[place];
    let (mut low, mut high) = (place, place);
    let mut farthest = 0.0;
    for _ in 0..k {
        let below = low.checked_sub(1).map(|low| x - ascending[low]);
        let above = ascending.get(high + 1).map(|other| other - x);
        match (below, above) {
            (Some(below), above) if above.is_none_or(|above| below <= above) => {
                farthest = below;
                low -= 1;
            }
            (_, Some(above)) => {
                farthest = above;
                high += 1;
            }
            _ => break,
        }
    }
    farthest
}

/// ψ of whole numbers: ψ(n) = −γ + 1 + 1/2 + … + 1/(n − 1).
struct Digamma(Vec<f64>);

impl Digamma {
    fn new(largest: usize) -> Self {
        let mut sum = -0.577_215_664_901_532_9;
        let mut values = vec![sum];
        for n in 1..largest {
            sum += 1.0 / n as f64;
            values.push(sum);
        }
        Self(values)
    }

    fn at(&self, n: usize) -> f64 {
        self.0[n - 1]
    }
}

/// How much the mean log-loss grows on a held-out third of the rows when a feature is shuffled among them.
pub(crate) fn permutation(
    counted: &Counted<'_>,
    target: &Target,
    trees: usize,
    seed: u64,
    stop: &StopToken,
) -> Result<Vec<Option<f64>>> {
    let config = ForestConfig {
        trees,
        min_samples_leaf: 2,
        seed,
        ..ForestConfig::default()
    };
    let target = target.select(&counted.places);
    let (fitted, held_out) = thirds(&target, seed);
    let weights: Vec<f32> = fitted
        .iter()
        .map(|&row| counted.weight(row) as f32)
        .collect();
    let rows = counted.rows.select(Axis(0), &fitted);
    let train_target = target.select(&fitted);
    let train = TrainingSet::new(rows.view(), &train_target)?
        .with_weights(&weights)?
        .with_stop(stop.clone());
    let recipe = ExtraTrees::new(config)?;
    let model: Box<dyn Predictor> = match &target {
        Target::Tags(_) => Box::new(OneVsRest(recipe).fit(&train)?),
        _ => Box::new(recipe.fit(&train)?),
    };
    let rows = counted.rows.select(Axis(0), &held_out);
    let truth = target.select(&held_out);
    let weights: Vec<f64> = held_out.iter().map(|&row| counted.weight(row)).collect();
    let before = log_loss(&model.predict_proba(rows.view())?, &truth, &weights);
    (0..rows.ncols())
        .into_par_iter()
        .map(|feature| {
            stop.check()?;
            if variance(counted, feature).is_none() {
                return Ok(None);
            }
            let mut shuffled = rows.clone();
            let order = shuffle(rows.nrows(), derive(seed, feature as u64));
            for (row, &from) in order.iter().enumerate() {
                shuffled[[row, feature]] = rows[[from, feature]];
            }
            let after = log_loss(&model.predict_proba(shuffled.view())?, &truth, &weights);
            Ok(Some(after - before))
        })
        .collect()
}

/// Two thirds of the rows of every class (of all rows for tags), and the rest.
fn thirds(target: &Target, seed: u64) -> (Vec<usize>, Vec<usize>) {
    let order = shuffle(target.len(), derive(seed, u64::MAX));
    let mut seen = vec![0_usize; target.names().len().max(1)];
    let (mut fitted, mut held_out) = (Vec::new(), Vec::new());
    for row in order {
        let class = match target {
            Target::Classes(classes) => classes.labels()[row] as usize,
            _ => 0,
        };
        // The first of a class goes to the trees: they must know it.
        if seen[class] % 3 == 2 {
            held_out.push(row);
        } else {
            fitted.push(row);
        }
        seen[class] += 1;
    }
    if held_out.is_empty() {
        held_out.clone_from(&fitted);
    }
    (fitted, held_out)
}

/// The numbers below `n` in an order of the seed's own.
fn shuffle(n: usize, seed: u64) -> Vec<usize> {
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by_cached_key(|&place| derive(seed, place as u64));
    order
}

fn log_loss(proba: &Array2<f32>, truth: &Target, weights: &[f64]) -> f64 {
    let (mut sum, mut total) = (0.0, 0.0);
    for (row, (proba, weight)) in proba.rows().into_iter().zip(weights).enumerate() {
        match truth {
            Target::Classes(classes) => {
                let p = f64::from(proba[classes.labels()[row] as usize]);
                sum -= weight * p.max(LEAST).ln();
                total += weight;
            }
            Target::Tags(tags) => {
                for (&p, state) in proba.iter().zip(tags.states().row(row)) {
                    let p = match state {
                        TagState::Positive => f64::from(p),
                        TagState::Negative => 1.0 - f64::from(p),
                        TagState::Unknown => continue,
                    };
                    sum -= weight * p.max(LEAST).ln();
                    total += weight;
                }
            }
            _ => {}
        }
    }
    sum / total
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Criterion, Selection};
    use ndarray::{Array2, array};
    use xscatter_core::{Classes, Tags};

    /// Feature 1 tells the classes apart by its mean, feature 3 by its size, the others are noise; feature 4 repeats
    /// feature 1 and feature 5 never changes.
    fn rows() -> (Array2<f32>, Target) {
        let noise = |row: usize, part: u64| {
            (derive(part, row as u64) >> 40) as f32 / (1_u64 << 24) as f32 - 0.5
        };
        let labels: Vec<u32> = (0..300).map(|row| row % 2).collect();
        let rows = Array2::from_shape_fn((300, 6), |(row, feature)| {
            let class = labels[row] as f32;
            match feature {
                1 => class + noise(row, 1),
                3 => (0.2 + 2.0 * class) * noise(row, 3),
                4 => -2.0 * (class + noise(row, 1)) + 0.01 * noise(row, 4),
                5 => 0.1,
                other => noise(row, other as u64),
            }
        });
        let names = ["a".into(), "b".into()].to_vec();
        (rows, Target::Classes(Classes::new(names, labels).unwrap()))
    }

    fn kept(criterion: Criterion, rows: &Array2<f32>, target: &Target) -> Vec<u32> {
        let train = TrainingSet::new(rows.view(), target).unwrap();
        let fitted = Selection::new(criterion).unwrap().fit(&train).unwrap();
        assert_eq!(fitted.scores()[5], None);
        fitted.kept().to_vec()
    }

    #[test]
    fn every_criterion_keeps_what_tells() {
        let (rows, target) = rows();
        let kept = |criterion| kept(criterion, &rows, &target);
        assert_eq!(kept(Criterion::Variance { above: 0.0 }), [0, 1, 2, 3, 4]);
        assert_eq!(kept(Criterion::AnovaF { keep: 2 }), [1, 4]);
        let information = Criterion::MutualInformation {
            keep: 3,
            neighbours: 3,
            seed: 1,
        };
        assert_eq!(kept(information), [1, 3, 4]);
        let permutation = Criterion::Permutation {
            keep: 3,
            trees: 50,
            seed: 1,
        };
        assert_eq!(kept(permutation), [1, 3, 4]);
        let apart = kept(Criterion::Correlation { limit: 0.9 });
        assert_eq!(apart.len(), 4);
        assert!(apart.contains(&1) != apart.contains(&4));
        // More than there are: all that vary.
        assert_eq!(kept(Criterion::AnovaF { keep: 9 }), [0, 1, 2, 3, 4]);
    }

    #[test]
    fn tags_count_where_they_are_known() {
        let (rows, target) = rows();
        let labels = target.classes().unwrap().labels();
        let states = Array2::from_shape_fn((300, 2), |(row, tag)| match (tag, row % 3) {
            (1, _) => TagState::Negative,
            (_, 0) => TagState::Unknown,
            _ if labels[row] == 1 => TagState::Positive,
            _ => TagState::Negative,
        });
        let names = ["ring".into(), "halo".into()].to_vec();
        let target = Target::Tags(Tags::new(names, states).unwrap());
        assert_eq!(kept(Criterion::AnovaF { keep: 2 }, &rows, &target), [1, 4]);
        let permutation = Criterion::Permutation {
            keep: 3,
            trees: 30,
            seed: 1,
        };
        assert_eq!(kept(permutation, &rows, &target), [1, 3, 4]);
    }

    #[test]
    fn distances_to_neighbours() {
        let values = [0.0, 1.0, 3.0, 3.5, 10.0];
        assert_eq!(distance(&values, 0, 2), 3.0);
        assert_eq!(distance(&values, 2, 2), 2.0);
        assert_eq!(distance(&values, 4, 1), 6.5);
    }

    #[test]
    fn one_class_or_only_constants_are_degenerate() {
        let rows = array![[1.0_f32, 2.0], [1.0, 3.0]];
        let one = Target::Classes(Classes::new(vec!["a".into()], vec![0; 2]).unwrap());
        let selection = Selection::new(Criterion::AnovaF { keep: 1 }).unwrap();
        let train = TrainingSet::new(rows.view(), &one).unwrap();
        assert!(selection.fit(&train).is_err());
        let constant = array![[1.0_f32], [1.0]];
        let two = Target::Classes(Classes::from_names(&["a", "b"]));
        let train = TrainingSet::new(constant.view(), &two).unwrap();
        assert!(selection.fit(&train).is_err());
    }
}
