//! Splits that keep groups whole and tags balanced: iterative stratification.
//!
//! The tag with the fewest rows not yet given away comes first, since it is the hardest to spread; each
//! group with such a row goes to the part that still wants most rows of that tag, of several such parts
//! to the one that wants most rows at all, then by the seed. Groups without any tag fill the parts up
//! (Sechidis, Tsoumakas and Vlahavas 2011, doi:10.1007/978-3-642-23808-6_10; there each row is a group
//! of its own). With pairs, each pair of tags that occurs together counts as one more tag (Szymański
//! and Kajdanowicz 2017, proceedings.mlr.press/v74/szymański17a).
//!
//! A part that then has no row with, or none without, some tag gets a small group from a part that can
//! do without. A state that nobody knows counts on neither side. The result depends on the tags and
//! groups of the rows and on the seed, not on the order of the rows. Cost: (tags + pairs)² + groups ×
//! parts × tags a group.

use std::collections::BTreeMap;
use std::sync::Arc;

use xscatter_core::{TagState, Tags, seed};

use super::group_k_fold::check_groups;
use super::groups::Groups;
use super::parts::Parts;
use super::{SplitError, shuffled};

/// The smallest number of groups that hold a row with, or a row without, any one tag: no more folds
/// than that are possible.
///
/// # Errors
/// [`SplitError::Rows`] if the sizes differ.
pub fn largest_number_of_folds_of_tags(
    tags: &Tags,
    groups: &[Arc<str>],
) -> Result<usize, SplitError> {
    let groups = Groups::of_tags(tags, groups)?;
    Ok(groups.per_column().into_iter().min().unwrap_or(0))
}

/// How often another order is tried when the groups leave a part without a tag.
const ATTEMPTS: u64 = 16;

/// The part of every row; `shares` are the wanted shares of the parts.
pub(super) fn part(
    tags: &Tags,
    names: &[Arc<str>],
    shares: &[f64],
    pairs: bool,
    allow_rare: bool,
    seed: u64,
) -> Result<Vec<usize>, SplitError> {
    let groups = Groups::of_tags(tags, names)?;
    check_groups(&groups, shares.len())?;
    let n_tags = tags.names().len();
    let named = |column: usize| {
        let which = if column < n_tags { "with" } else { "without" };
        (tags.names()[column % n_tags].clone(), which)
    };
    if !allow_rare {
        for (column, found) in groups.per_column().into_iter().enumerate() {
            if found < shares.len() {
                let (tag, which) = named(column);
                return Err(SplitError::RareTag {
                    tag,
                    which,
                    expected: shares.len(),
                    found,
                });
            }
        }
    }
    let wanted = Wanted::new(tags, &groups, pairs);
    let mut lacking = 0;
    for attempt in 0..ATTEMPTS {
        let mut parts = wanted.spread(&groups, shares, seed::derive(seed, attempt));
        match parts.repair() {
            Err(column) if !allow_rare => lacking = column,
            _ => return Ok(groups.spread(&parts.of_group)),
        }
    }
    let (tag, which) = named(lacking);
    Err(SplitError::InseparableTag {
        tag,
        which,
        parts: shares.len(),
    })
}

/// What is to be spread evenly: the tags, and their pairs if wanted.
struct Wanted {
    /// For every group the labels that its rows carry, with how many rows carry each.
    labels_of: Vec<Vec<(usize, usize)>>,
    /// For every label the groups with a row of it, with how many.
    groups_of: Vec<Vec<(usize, usize)>>,
}

impl Wanted {
    fn new(tags: &Tags, groups: &Groups, pairs: bool) -> Self {
        // Pairs are numbered after the tags, in their order.
        let mut counts: Vec<BTreeMap<(usize, usize), usize>> = vec![BTreeMap::new(); groups.len()];
        for (&group, states) in groups.of_row.iter().zip(tags.states().rows()) {
            let positive: Vec<usize> = states
                .iter()
                .enumerate()
                .filter_map(|(tag, state)| (*state == TagState::Positive).then_some(tag))
                .collect();
            for (place, &tag) in positive.iter().enumerate() {
                let partners = if pairs { &positive[place..] } else { &[tag] };
                for &partner in partners {
                    *counts[group].entry((tag, partner)).or_insert(0) += 1;
                }
            }
        }
        let mut numbers: BTreeMap<(usize, usize), usize> = counts
            .iter()
            .flat_map(|labels| labels.keys().map(|&label| (label, 0)))
            .collect();
        for (number, slot) in numbers.values_mut().enumerate() {
            *slot = number;
        }
        let mut groups_of = vec![vec![]; numbers.len()];
        let mut labels_of = Vec::with_capacity(groups.len());
        for (group, labels) in counts.into_iter().enumerate() {
            let labels: Vec<(usize, usize)> = labels
                .into_iter()
                .map(|(label, count)| (numbers[&label], count))
                .collect();
            for &(label, count) in &labels {
                groups_of[label].push((group, count));
            }
            labels_of.push(labels);
        }
        Self {
            labels_of,
            groups_of,
        }
    }

    fn spread<'a>(&self, groups: &'a Groups, shares: &[f64], seed: u64) -> Parts<'a> {
        let mut parts = Parts::new(groups, shares.len());
        let total = |label: &Vec<(usize, usize)>| label.iter().map(|(_, count)| count).sum();
        let mut left: Vec<usize> = self.groups_of.iter().map(total).collect();
        // What each part still wants: rows of each label, and rows.
        let of_share = |share: f64| left.iter().map(move |&rows| share * rows as f64).collect();
        let mut labels: Vec<Vec<f64>> = shares.iter().map(|&share| of_share(share)).collect();
        let n_rows = groups.of_row.len() as f64;
        let mut rows: Vec<f64> = shares.iter().map(|share| share * n_rows).collect();
        let mut is_given = vec![false; groups.len()];
        let order = shuffled(groups.len(), seed);
        let mut rank = vec![0; groups.len()];
        for (place, &group) in order.iter().enumerate() {
            rank[group] = place;
        }

        let mut give = |group: usize, label: Option<usize>, left: &mut [usize]| {
            let chance = |part: usize| {
                let of_group = seed::derive(seed, (groups.len() + group) as u64);
                seed::derive(of_group, part as u64)
            };
            let best = (0..shares.len())
                .max_by(|&one, &other| {
                    let by_label = label.map_or(std::cmp::Ordering::Equal, |label| {
                        labels[one][label].total_cmp(&labels[other][label])
                    });
                    by_label
                        .then(rows[one].total_cmp(&rows[other]))
                        .then(chance(one).cmp(&chance(other)))
                })
                .unwrap_or(0);
            parts.place(group, best);
            rows[best] -= groups.sizes[group] as f64;
            for &(label, count) in &self.labels_of[group] {
                labels[best][label] -= count as f64;
                left[label] -= count;
            }
        };
        while let Some(label) = (0..left.len())
            .filter(|&label| left[label] > 0)
            .min_by_key(|&label| (left[label], seed::derive(seed, label as u64)))
        {
            let mut open: Vec<(usize, usize)> = self.groups_of[label]
                .iter()
                .copied()
                .filter(|&(group, _)| !is_given[group])
                .collect();
            // Large groups first: small ones can still even out what they leave.
            open.sort_by_key(|&(group, count)| (std::cmp::Reverse(count), rank[group]));
            for (group, _) in open {
                is_given[group] = true;
                give(group, Some(label), &mut left);
            }
        }
        let mut bare: Vec<usize> = order
            .into_iter()
            .filter(|&group| !is_given[group])
            .collect();
        bare.sort_by_key(|&group| std::cmp::Reverse(groups.sizes[group]));
        for group in bare {
            give(group, None, &mut left);
        }
        parts
    }
}
