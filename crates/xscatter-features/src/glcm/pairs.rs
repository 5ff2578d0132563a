//! Counting pairs of grey levels.
//!
//! Levels lie, a band of rows at a time, in one strip of memory with a margin of a level of its own after every row, so that an
//! offset is a shift and no pair needs a test for the border or the mask. Where few levels leave room, a
//! pixel is counted with several of its neighbours at once: one increment of a joint table in place of
//! one for every offset. Pairs are the sums of the table.
#![allow(
    clippy::inline_always,
    reason = "a function that is not inlined would be compiled without the wide instructions"
)]

use ndarray::Array2;
use pulp::{Arch, Simd, WithSimd};

/// Neighbouring pixels go to tables of their own: in smooth regions, the increments of one would wait for
/// each other.
const LANES: usize = 2;

/// The largest joint table: with its lanes, half of a second-level cache.
const JOINT: usize = 1 << 16;

/// How many pixels are encoded before they are counted.
const STRIP: usize = 1024;

/// How many cells of a band are counted before the next is filled: they stay in the cache.
const BAND: usize = 1 << 16;

/// An offset between pixels of the image as a shift downwards in the strip.
struct Shift {
    by: usize,
    /// Its place in the list asked for.
    place: usize,
    /// Whether pairs are counted in the other order.
    turned: bool,
}

/// The matrices of some offsets (rows and columns) in an image of grey levels; `fill` writes the levels of a
/// row, top to bottom, those of masked pixels being `levels`.
pub(crate) fn count(
    shape: (usize, usize),
    levels: u16,
    offsets: &[(isize, isize)],
    mut fill: impl FnMut(usize, &mut [u16]),
) -> Vec<Array2<u32>> {
    let side = usize::from(levels) + 1;
    let mut matrices = vec![Array2::zeros((side - 1, side - 1)); offsets.len()];
    let (rows, columns) = shape;
    let within = offsets
        .iter()
        .enumerate()
        .filter(|(_, (down, right))| down.unsigned_abs() < rows && right.unsigned_abs() < columns);
    let margin = within.clone().map(|(_, (_, right))| right.unsigned_abs());
    let below = within.clone().map(|(_, (down, _))| down.unsigned_abs());
    let below = below.max().unwrap_or(0);
    let stride = columns + margin.max().unwrap_or(0);
    let shifts: Vec<Shift> = within
        .map(|(place, &(down, right))| Shift {
            by: (down * stride as isize + right).unsigned_abs(),
            place,
            turned: (down, right) < (0, 0),
        })
        .collect();
    if shifts.is_empty() {
        return matrices;
    }
    // As many neighbours as a table has room for; it is not worth more than the pixels that it saves.
    let room = JOINT.min(rows * columns / 4);
    let mut together = 1;
    while side.pow(together as u32 + 2) <= room {
        together += 1;
    }
    let groups = || shifts.chunks(together);
    let mut tables: Vec<Vec<[u32; LANES]>> = groups()
        .map(|shifts| vec![[0; LANES]; side.pow(shifts.len() as u32 + 1)])
        .collect();
    let band = (BAND / stride).max(below).clamp(1, rows);
    // The rows of a band, those below that pair with them, and the margin of the last of these.
    let mut cells = vec![levels; (band + below + 1) * stride];
    let mut filled = 0;
    for start in (0..rows).step_by(band) {
        if start > 0 {
            cells.copy_within(band * stride..(band + below) * stride, 0);
        }
        for row in filled..(start + band + below) {
            let cells = &mut cells[(row - start) * stride..][..columns];
            if row < rows {
                fill(row, cells);
            } else {
                cells.fill(levels);
            }
        }
        filled = start + band + below;
        for (shifts, table) in groups().zip(&mut tables) {
            Arch::new().dispatch(Count {
                cells: &cells,
                pixels: band.min(rows - start) * stride,
                side: side as u32,
                shifts,
                table,
            });
        }
    }
    for (shifts, table) in groups().zip(&tables) {
        pairs_of(shifts, table, side, &mut matrices);
    }
    matrices
}

/// Adds the pairs in a joint table of pixels and some neighbours to their matrices.
fn pairs_of(shifts: &[Shift], table: &[[u32; LANES]], side: usize, matrices: &mut [Array2<u32>]) {
    let levels = side - 1;
    for (code, lanes) in table.iter().enumerate() {
        let times = lanes.iter().sum::<u32>();
        if times == 0 {
            continue;
        }
        let first = code / side.pow(shifts.len() as u32);
        if first == levels {
            break;
        }
        let mut rest = code;
        for shift in shifts.iter().rev() {
            let second = rest % side;
            rest /= side;
            if second < levels {
                let cell = if shift.turned {
                    (second, first)
                } else {
                    (first, second)
                };
                matrices[shift.place][cell] += times;
            }
        }
    }
}

struct Count<'a> {
    cells: &'a [u16],
    pixels: usize,
    side: u32,
    shifts: &'a [Shift],
    table: &'a mut [[u32; LANES]],
}

impl WithSimd for Count<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self {
            cells,
            pixels,
            side,
            ..
        } = self;
        let mut codes = [0u32; STRIP];
        for start in (0..pixels).step_by(STRIP) {
            let length = STRIP.min(pixels - start);
            let codes = &mut codes[..length];
            let at = |shift: usize| &cells[start + shift..][..length];
            match self.shifts {
                [one] => {
                    for ((code, &a), &b) in codes.iter_mut().zip(at(0)).zip(at(one.by)) {
                        *code = u32::from(a) * side + u32::from(b);
                    }
                }
                [one, two, rest @ ..] => {
                    let neighbours = at(one.by).iter().zip(at(two.by));
                    for ((code, &a), (&b, &c)) in codes.iter_mut().zip(at(0)).zip(neighbours) {
                        *code = (u32::from(a) * side + u32::from(b)) * side + u32::from(c);
                    }
                    for shift in rest {
                        for (code, &next) in codes.iter_mut().zip(at(shift.by)) {
                            *code = *code * side + u32::from(next);
                        }
                    }
                }
                [] => return,
            }
            let (groups, rest) = codes.as_chunks::<LANES>();
            for group in groups {
                for (lane, &code) in group.iter().enumerate() {
                    self.table[code as usize][lane] += 1;
                }
            }
            for &code in rest {
                self.table[code as usize][0] += 1;
            }
        }
    }
}
