//! Which entries are worth their time: the Pareto front of score against seconds.
//!
//! An entry is on the front unless another one is at least as good and at least as fast, and better or
//! faster. Use it to choose between a model that is best and one that is nearly as good in a tenth of
//! the time. Equal entries are on it together; one whose score or seconds are `NaN` never is. Cost:
//! entries × ln entries.

use xscatter_core::Goal;

/// The positions of the pairs of score and seconds that are on the front, fastest first, then in their
/// order.
///
/// ```
/// use xscatter_automl::pareto_front;
/// use xscatter_core::Goal;
///
/// let accuracy_and_seconds = [(0.97, 40.0), (0.95, 2.0), (0.94, 3.0)];
/// assert_eq!(pareto_front(&accuracy_and_seconds, Goal::Maximise), [1, 0]);
/// ```
pub fn pareto_front(entries: &[(f64, f64)], goal: Goal) -> Vec<usize> {
    // As a loss, so that less is better in both.
    let loss = |position: usize| match goal {
        Goal::Maximise => -entries[position].0,
        Goal::Minimise => entries[position].0,
    };
    let seconds = |position: usize| entries[position].1;
    let mut order: Vec<usize> = (0..entries.len())
        .filter(|&position| !loss(position).is_nan() && !seconds(position).is_nan())
        .collect();
    order.sort_by(|&one, &other| {
        // Adding 0 makes −0 equal to 0.
        let faster = (seconds(one) + 0.0).total_cmp(&(seconds(other) + 0.0));
        faster.then((loss(one) + 0.0).total_cmp(&(loss(other) + 0.0)))
    });
    let mut front: Vec<usize> = vec![];
    for position in order {
        let stays = front.last().is_none_or(|&last| {
            let is_better = loss(position) < loss(last);
            let is_equal = loss(position) == loss(last) && seconds(position) == seconds(last);
            is_better || is_equal
        });
        if stays {
            front.push(position);
        }
    }
    front
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn equal_entries_stay_together_and_undefined_ones_leave() {
        let entries = [(1.0, 1.0), (f64::NAN, 0.1), (1.0, 1.0), (2.0, f64::NAN)];
        assert_eq!(pareto_front(&entries, Goal::Maximise), [0, 2]);
        assert_eq!(pareto_front(&[], Goal::Minimise), [0; 0]);
        assert_eq!(
            pareto_front(&[(0.0, 1.0), (-0.0, 1.0)], Goal::Minimise),
            [0, 1]
        );
    }

    proptest! {
        #[test]
        fn it_holds_exactly_what_no_other_beats(
            draws in prop::collection::vec((0_u8..6, 0_u8..6), 0..30),
        ) {
            let entries: Vec<(f64, f64)> = draws.iter().map(|&(a, b)| (a.into(), b.into())).collect();
            let beaten = |one: usize| entries.iter().any(|other| {
                let at_least = other.0 <= entries[one].0 && other.1 <= entries[one].1;
                at_least && *other != entries[one]
            });
            let mut front = pareto_front(&entries, Goal::Minimise);
            prop_assert!(front.windows(2).all(|pair| entries[pair[0]].1 <= entries[pair[1]].1));
            front.sort_unstable();
            let expected: Vec<usize> = (0..entries.len()).filter(|&one| !beaten(one)).collect();
            prop_assert_eq!(front, expected);
        }
    }
}
