//! Selections: which elements of a dataset a part of a virtual dataset is.
//!
//! All elements, and regular or listed boxes whose union is a product of one set of places along each
//! axis; what programs write. Lists of points and unions of another form are refused.

use std::collections::BTreeSet;

use crate::cursor::{Cursor, UNDEFINED};
use crate::error::{Error, Result};

const NONE: u32 = 0;
const BOXES: u32 = 2;
const ALL: u32 = 3;
const MOST_AXES: u32 = 32;
/// Runs along one axis, or pieces of one box.
pub(crate) const MOST_RUNS: u64 = 1 << 20;

/// Which elements of a dataset are meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Selection {
    Nothing,
    Everything,
    /// The product of the places along each axis.
    Product(Vec<Axis>),
}

/// Places along one axis, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Axis {
    /// `count` blocks, the first at `start`; the count or the block may be without limit.
    Regular {
        start: u64,
        stride: u64,
        count: u64,
        block: u64,
    },
    /// Where each run begins and how long it is.
    Listed(Vec<(u64, u64)>),
}

/// A run of places of one axis: its number among the selected ones, its first place, its length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) number: u64,
    pub(crate) place: u64,
    pub(crate) len: u64,
}

impl Selection {
    pub(crate) fn parse(cursor: &mut Cursor<'_>) -> Result<Self> {
        let start = cursor.clone();
        let kind = cursor.u32()?;
        let version = cursor.u32()?;
        match kind {
            NONE | ALL => {
                cursor.skip(8)?;
                Ok(if kind == ALL {
                    Self::Everything
                } else {
                    Self::Nothing
                })
            }
            BOXES => boxes(cursor, version),
            _ => Err(Error::unsupported(
                format!("selection at byte {}", start.here()),
                "boxes",
                format!("a selection of kind {kind}"),
            )),
        }
    }

    /// The places along each axis in a dataset of this shape; `None` if nothing is selected.
    pub(crate) fn axes(&self, shape: &[u64]) -> Option<Vec<Axis>> {
        match self {
            Self::Nothing => None,
            Self::Everything => Some(shape.iter().map(|&len| Axis::run(0, len)).collect()),
            Self::Product(axes) => Some(
                axes.iter()
                    .zip(shape)
                    .map(|(axis, &len)| axis.within(len))
                    .collect(),
            ),
        }
    }

    pub(crate) fn rank(&self) -> Option<usize> {
        match self {
            Self::Product(axes) => Some(axes.len()),
            _ => None,
        }
    }

    /// The axis without limit.
    pub(crate) fn endless(&self) -> Option<usize> {
        match self {
            Self::Product(axes) => axes.iter().position(Axis::is_endless),
            _ => None,
        }
    }
}

impl Axis {
    fn run(start: u64, len: u64) -> Self {
        Self::Regular {
            start,
            stride: 1,
            count: 1,
            block: len,
        }
    }

    pub(crate) fn is_endless(&self) -> bool {
        matches!(
            self,
            Self::Regular {
                count: UNDEFINED,
                ..
            } | Self::Regular {
                block: UNDEFINED,
                ..
            }
        )
    }

    /// The same with an end at `len`, if it has none.
    fn within(&self, len: u64) -> Self {
        let Self::Regular {
            start,
            stride,
            count,
            block,
        } = *self
        else {
            return self.clone();
        };
        let left = len.saturating_sub(start);
        if block == UNDEFINED {
            return Self::run(start, left);
        }
        if count != UNDEFINED {
            return self.clone();
        }
        // Whole blocks only: a last one that is cut is not there yet.
        let whole = if left < block {
            0
        } else {
            (left - block) / stride.max(1) + 1
        };
        Self::Regular {
            start,
            stride,
            count: whole,
            block,
        }
    }

    /// The number of places; saturating.
    pub(crate) fn len(&self) -> u64 {
        match self {
            Self::Regular { count, block, .. } => count.saturating_mul(*block),
            Self::Listed(runs) => runs.iter().map(|(_, len)| len).sum(),
        }
    }

    /// One block of a regular axis.
    pub(crate) fn block(&self, number: u64) -> Option<Self> {
        let Self::Regular {
            start,
            stride,
            block,
            ..
        } = *self
        else {
            return None;
        };
        let start = stride.checked_mul(number)?.checked_add(start)?;
        Some(Self::run(start, block))
    }

    /// The numbers of the blocks that touch the places from `low` up to `high`.
    pub(crate) fn blocks_within(&self, low: u64, high: u64) -> std::ops::Range<u64> {
        let Self::Regular {
            start,
            stride,
            count,
            block,
        } = *self
        else {
            return 0..0;
        };
        let stride = stride.max(1);
        let first = low.saturating_sub(start.saturating_add(block).saturating_sub(1));
        let first = first.div_ceil(stride);
        let end = high.saturating_sub(start).div_ceil(stride).min(count);
        first..end.max(first)
    }

    /// The runs of places from `low` up to `high`; `None` if there are more than any program asks for.
    pub(crate) fn places(&self, low: u64, high: u64) -> Option<Vec<Run>> {
        let cut = |number: u64, place: u64, len: u64| {
            let from = place.max(low);
            let to = place.saturating_add(len).min(high);
            (from < to).then(|| Run {
                number: number + (from - place),
                place: from,
                len: to - from,
            })
        };
        match self {
            // Blocks without a gap are one run.
            Self::Regular {
                start,
                stride,
                count,
                block,
            } if stride == block || *count == 1 => {
                let len = count.saturating_mul(*block);
                Some(cut(0, *start, len).into_iter().collect())
            }
            Self::Regular {
                start,
                stride,
                block,
                ..
            } => {
                let touched = self.blocks_within(low, high);
                if touched.end - touched.start > MOST_RUNS {
                    return None;
                }
                let runs = touched.filter_map(|at| {
                    let place = at.checked_mul(*stride)?.checked_add(*start)?;
                    cut(at.checked_mul(*block)?, place, *block)
                });
                Some(runs.collect())
            }
            Self::Listed(runs) => {
                let mut number = 0;
                let found = runs.iter().filter_map(|&(place, len)| {
                    number += len;
                    cut(number - len, place, len)
                });
                Some(found.collect())
            }
        }
    }

    /// The runs of the places with these numbers; `None` if there are more than any program asks for.
    pub(crate) fn numbered(&self, number: u64, len: u64) -> Option<Vec<Run>> {
        let end = number.saturating_add(len).min(self.len());
        let mut found = Vec::new();
        match self {
            Self::Regular {
                start,
                stride,
                block,
                ..
            } if stride == block => {
                if number < end {
                    found.push(Run {
                        number,
                        place: start.saturating_add(number),
                        len: end - number,
                    });
                }
            }
            Self::Regular {
                start,
                stride,
                block,
                ..
            } => {
                let mut at = number;
                while at < end && *block > 0 {
                    if found.len() as u64 >= MOST_RUNS {
                        return None;
                    }
                    let (which, inside) = (at / block, at % block);
                    let len = (block - inside).min(end - at);
                    let place = which
                        .saturating_mul(*stride)
                        .saturating_add(*start)
                        .saturating_add(inside);
                    found.push(Run {
                        number: at,
                        place,
                        len,
                    });
                    at += len;
                }
            }
            Self::Listed(runs) => {
                let mut first = 0;
                for &(place, len) in runs {
                    let from = first.max(number);
                    let to = (first + len).min(end);
                    if from < to {
                        found.push(Run {
                            number: from,
                            place: place + (from - first),
                            len: to - from,
                        });
                    }
                    first += len;
                }
            }
        }
        Some(found)
    }
}

fn boxes(cursor: &mut Cursor<'_>, version: u32) -> Result<Selection> {
    let (regular, width) = match version {
        1 => {
            cursor.skip(8)?;
            (false, 4)
        }
        2 => {
            let flags = cursor.u8()?;
            cursor.skip(4)?;
            (flags & 1 != 0, 8)
        }
        3 => (cursor.u8()? & 1 != 0, cursor.u8()?.into()),
        _ => return Err(cursor.malformed("boxes of version 1 to 3", version)),
    };
    if ![2, 4, 8].contains(&width) {
        return Err(cursor.malformed("numbers of 2, 4 or 8 bytes", width));
    }
    let rank = cursor.u32()?;
    if rank == 0 || rank > MOST_AXES {
        return Err(cursor.malformed("1 to 32 axes", rank));
    }
    if !regular {
        return listed(cursor, rank as usize, width);
    }
    let mut axes = Vec::new();
    for _ in 0..rank {
        let (start, stride) = (cursor.uint(width)?, cursor.uint(width)?);
        let (count, block) = (cursor.wide(width)?, cursor.wide(width)?);
        let overlap = count > 1 && stride < block;
        if overlap || block == UNDEFINED && count != 1 {
            return Err(cursor.malformed(
                "blocks beside each other",
                format!("{count} blocks of {block}, one every {stride}"),
            ));
        }
        axes.push(Axis::Regular {
            start,
            stride,
            count,
            block,
        });
    }
    Ok(Selection::Product(axes))
}

/// A list of boxes; a union that is no product is refused.
fn listed(cursor: &mut Cursor<'_>, rank: usize, width: usize) -> Result<Selection> {
    let count = usize::try_from(cursor.uint(width)?).unwrap_or(usize::MAX);
    let len = count.saturating_mul(2 * rank * width);
    let here = cursor.here();
    let mut cursor = {
        let bytes = cursor.bytes(len)?;
        Cursor::new("list of boxes", here, bytes, cursor.sizes())
    };
    let mut sets: Vec<BTreeSet<(u64, u64)>> = vec![BTreeSet::new(); rank];
    let mut corners = BTreeSet::new();
    for _ in 0..count {
        let low: Vec<u64> = (0..rank)
            .map(|_| cursor.uint(width))
            .collect::<Result<_>>()?;
        for (set, &low) in sets.iter_mut().zip(&low) {
            let high = cursor.uint(width)?;
            let Some(len) = high.checked_sub(low).and_then(|len| len.checked_add(1)) else {
                return Err(cursor.malformed("a box that ends behind its start", high));
            };
            set.insert((low, len));
        }
        corners.insert(low);
    }
    if count == 0 {
        return Ok(Selection::Nothing);
    }
    let product = sets
        .iter()
        .try_fold(1_usize, |product, set| product.checked_mul(set.len()));
    let apart = |set: &BTreeSet<(u64, u64)>| {
        let pairs = set.iter().zip(set.iter().skip(1));
        pairs
            .into_iter()
            .all(|(a, b)| a.0.saturating_add(a.1) <= b.0)
    };
    if product != Some(count) || corners.len() != count || !sets.iter().all(apart) {
        return Err(Error::unsupported(
            format!("selection at byte {here}"),
            "boxes that form a grid",
            format!("{count} boxes of another form"),
        ));
    }
    let axes = sets
        .into_iter()
        .map(|set| Axis::Listed(set.into_iter().collect()))
        .collect();
    Ok(Selection::Product(axes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(number: u64, place: u64, len: u64) -> Run {
        Run { number, place, len }
    }

    #[test]
    fn places_of_a_regular_axis() {
        let axis = Axis::Regular {
            start: 3,
            stride: 5,
            count: 4,
            block: 2,
        };
        assert_eq!(axis.len(), 8);
        assert_eq!(axis.places(4, 10).unwrap(), [run(1, 4, 1), run(2, 8, 2)]);
        assert_eq!(axis.places(0, 3).unwrap(), []);
        assert_eq!(axis.places(18, 99).unwrap(), [run(6, 18, 2)]);
        assert_eq!(axis.numbered(1, 3).unwrap(), [run(1, 4, 1), run(2, 8, 2)]);
        assert_eq!(axis.blocks_within(0, 9), 0..2);
        let endless = Axis::Regular {
            start: 0,
            stride: 3,
            count: UNDEFINED,
            block: 1,
        };
        assert_eq!(endless.places(0, u64::MAX), None);
        assert_eq!(endless.numbered(0, u64::MAX), None);
    }

    #[test]
    fn blocks_without_a_gap_are_one_run() {
        let axis = Axis::Regular {
            start: 2,
            stride: 3,
            count: UNDEFINED,
            block: 3,
        };
        assert_eq!(axis.places(4, 1 << 40).unwrap(), [run(2, 4, (1 << 40) - 4)]);
        assert_eq!(axis.numbered(5, 100).unwrap(), [run(5, 7, 100)]);
    }

    #[test]
    fn places_of_a_list() {
        let axis = Axis::Listed(vec![(2, 3), (10, 2)]);
        assert_eq!(axis.places(4, 11).unwrap(), [run(2, 4, 1), run(3, 10, 1)]);
        assert_eq!(axis.numbered(2, 9).unwrap(), [run(2, 4, 1), run(3, 10, 2)]);
    }

    #[test]
    fn an_axis_without_limit_ends_with_the_dataset() {
        let endless = Axis::Regular {
            start: 1,
            stride: 4,
            count: UNDEFINED,
            block: 2,
        };
        assert!(endless.is_endless());
        assert_eq!(endless.within(10).len(), 4);
        assert_eq!(endless.within(11).len(), 6);
        assert_eq!(endless.within(0).len(), 0);
        assert_eq!(endless.block(2), Some(Axis::run(9, 2)));
    }
}
