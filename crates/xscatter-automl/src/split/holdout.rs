//! One fold: about a fraction of the rows, in whole groups, each class or tag in its share.

use std::sync::Arc;

use xscatter_core::Target;

use super::group_k_fold::check_groups;
use super::groups::Groups;
use super::{Fold, SplitError, iterative, shuffled, stratified_group_holdout};

pub(super) fn holdout(
    target: &Target,
    groups: &[Arc<str>],
    fraction: f64,
    seed: u64,
) -> Result<Fold, SplitError> {
    check_fraction(fraction)?;
    match target {
        Target::Classes(classes) => stratified_group_holdout(classes, groups, fraction, seed),
        Target::Tags(tags) => {
            let shares = [fraction, 1.0 - fraction];
            let parts = iterative::part(tags, groups, &shares, false, false, seed)?;
            Ok(Fold::of(&parts, 0))
        }
        _ => of_rows(groups, fraction, seed),
    }
}

/// A hold-out is a proper part.
pub(super) fn check_fraction(fraction: f64) -> Result<(), SplitError> {
    if fraction > 0.0 && fraction < 1.0 {
        return Ok(());
    }
    Err(SplitError::Fraction(fraction))
}

/// Groups by the seed, each held out if that brings the number of rows nearer to what is wanted.
fn of_rows(names: &[Arc<str>], fraction: f64, seed: u64) -> Result<Fold, SplitError> {
    let groups = Groups::plain(names);
    check_groups(&groups, 2)?;
    let wanted = fraction * names.len() as f64;
    let order = shuffled(groups.len(), seed);
    let mut parts = vec![1; groups.len()];
    let mut held = 0;
    for &group in &order {
        let size = groups.sizes[group];
        let nearer = (held + size) as f64 - wanted < wanted - held as f64;
        if nearer {
            parts[group] = 0;
            held += size;
        }
    }
    // One group on each side at least.
    let smallest = order
        .iter()
        .copied()
        .min_by_key(|&group| groups.sizes[group]);
    if let Some(group) = smallest {
        if held == 0 {
            parts[group] = 0;
        } else if held == names.len() {
            parts[group] = 1;
        }
    }
    Ok(Fold::of(&groups.spread(&parts), 0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;
    use xscatter_core::Values;

    #[test]
    fn rows_of_values_are_held_out_in_whole_groups() {
        let groups: Vec<Arc<str>> = (0..40).map(|row| format!("{}", row / 2).into()).collect();
        let values = Values::new(vec!["radius_nm".into()], Array2::zeros((40, 1))).unwrap();
        let target = Target::Values(values);
        let fold = holdout(&target, &groups, 0.25, 1).unwrap();
        assert_eq!(fold.validation.len(), 10);
        assert_eq!(fold.shared_group(&groups), None);
        assert_ne!(holdout(&target, &groups, 0.25, 2).unwrap(), fold);
        // However small the fraction, one group is held out.
        assert_eq!(
            holdout(&target, &groups, 0.001, 1)
                .unwrap()
                .validation
                .len(),
            2
        );
        assert_eq!(holdout(&target, &groups, 0.999, 1).unwrap().train.len(), 2);
        assert!(holdout(&target, &groups, f64::NAN, 1).is_err());
    }
}
