//! From the bits of a local binary pattern to its label.

use super::LbpMethod;

/// The label of scikit-image 0.26 for a pattern of `points` bits; the bits themselves for
/// [`LbpMethod::Default`] and for [`LbpMethod::Var`], which has no labels.
pub(super) fn label(code: u32, points: u32, method: LbpMethod) -> u32 {
    match method {
        LbpMethod::Default | LbpMethod::Var => code,
        LbpMethod::Ror => smallest_rotation(code, points),
        LbpMethod::Uniform if is_uniform(code, points) => code.count_ones(),
        LbpMethod::Uniform => points + 1,
        LbpMethod::NriUniform if is_uniform(code, points) => turned(code, points),
        LbpMethod::NriUniform => points * (points - 1) + 2,
    }
}

/// The labels that occur, ascending; `None` if there are too many of them to be columns.
pub(super) fn all_labels(points: u32, method: LbpMethod) -> Option<Vec<u32>> {
    match method {
        LbpMethod::Default => (points <= 12).then(|| (0..1 << points).collect()),
        LbpMethod::Ror => (points <= 16).then(|| {
            (0..1 << points)
                .filter(|&code| smallest_rotation(code, points) == code)
                .collect()
        }),
        LbpMethod::Uniform => Some((0..points + 2).collect()),
        LbpMethod::NriUniform => Some((0..points * (points - 1) + 3).collect()),
        LbpMethod::Var => Some(Vec::new()),
    }
}

/// At most two changes between neighbouring bits of the circle.
fn is_uniform(code: u32, points: u32) -> bool {
    let changes = (code ^ (code >> 1)) & ((1 << (points - 1)) - 1);
    changes.count_ones() <= 2
}

fn smallest_rotation(code: u32, points: u32) -> u32 {
    let rotations = (0..points).map(|by| {
        let turned = (code >> by) | (code << (points - by));
        turned & (u32::MAX >> (32 - points))
    });
    rotations.fold(code, u32::min)
}

/// The label of a uniform pattern that keeps its direction: first by the number of ones, then by how far
/// they are turned.
fn turned(code: u32, points: u32) -> u32 {
    let ones = code.count_ones();
    if ones == 0 {
        return 0;
    }
    if ones == points {
        return points * (points - 1) + 1;
    }
    let first_one = code.trailing_zeros();
    let turn = if first_one == 0 {
        ones - code.trailing_ones()
    } else {
        points - first_one
    };
    1 + (ones - 1) * points + turn
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn there_are_as_many_labels_as_combinatorics_says() {
        for points in [2, 4, 8, 12] {
            for method in [
                LbpMethod::Default,
                LbpMethod::Ror,
                LbpMethod::Uniform,
                LbpMethod::NriUniform,
            ] {
                let found: BTreeSet<u32> = (0..1 << points)
                    .map(|code| label(code, points, method))
                    .collect();
                let all = all_labels(points, method).unwrap();
                // With few points every pattern is uniform, and the last label stays empty.
                assert!(found.iter().all(|label| all.contains(label)));
                if points >= 4 {
                    assert_eq!(found.len(), all.len(), "{method:?} {points}");
                }
            }
        }
        assert_eq!(all_labels(8, LbpMethod::Ror).unwrap().len(), 36);
        assert_eq!(all_labels(8, LbpMethod::NriUniform).unwrap().len(), 59);
        assert_eq!(all_labels(24, LbpMethod::Default), None);
    }

    #[test]
    fn turning_a_pattern_keeps_the_labels_that_do_not_know_directions() {
        for points in [8, 24] {
            for code in (0..1 << points).step_by(257) {
                let turned = (code >> 3 | code << (points - 3)) & ((1 << points) - 1);
                for method in [LbpMethod::Ror, LbpMethod::Uniform] {
                    assert_eq!(label(code, points, method), label(turned, points, method));
                }
            }
        }
    }
}
