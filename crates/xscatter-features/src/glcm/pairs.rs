//! Counting pairs of grey levels.
//!
//! The levels lie in one strip of memory with a margin of a level of its own after every row, so that an
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

/// Grey levels with a margin.
pub(crate) struct Margined {
    cells: Vec<u16>,
    shape: (usize, usize),
    stride: usize,
    /// The number of levels, and the level of margins and masked pixels.
    levels: u16,
    /// The offsets that lead from one pixel to another, downwards; with the place in the list asked for and
    /// whether they were turned round.
    shifts: Vec<Shift>,
    offsets: usize,
}

struct Shift {
    by: usize,
    place: usize,
    turned: bool,
}

impl Margined {
    /// With a margin for these offsets (rows and columns); `fill` writes the levels of a row.
    pub(crate) fn new(
        shape: (usize, usize),
        levels: u16,
        offsets: &[(isize, isize)],
        mut fill: impl FnMut(usize, &mut [u16]),
    ) -> Self {
        let (rows, columns) = shape;
        let within = offsets.iter().enumerate().filter(|(_, (down, right))| {
            down.unsigned_abs() < rows && right.unsigned_abs() < columns
        });
        let margin = within.clone().map(|(_, (_, right))| right.unsigned_abs());
        let stride = columns + margin.max().unwrap_or(0);
        let shifts: Vec<Shift> = within
            .map(|(place, &(down, right))| {
                // Pairs in the other order are counted as their transpose.
                let turned = (down, right) < (0, 0);
                let by = down * stride as isize + right;
                Shift {
                    by: by.unsigned_abs(),
                    place,
                    turned,
                }
            })
            .collect();
        let reach = shifts.iter().map(|shift| shift.by).max().unwrap_or(0);
        let mut cells = vec![levels; rows * stride + reach];
        if columns > 0 {
            for (row, cells) in cells.chunks_exact_mut(stride).take(rows).enumerate() {
                fill(row, &mut cells[..columns]);
            }
        }
        Self {
            cells,
            shape,
            stride,
            levels,
            shifts,
            offsets: offsets.len(),
        }
    }

    /// The matrices of the offsets.
    pub(crate) fn count(&self) -> Vec<Array2<u32>> {
        let levels = usize::from(self.levels);
        let mut matrices = vec![Array2::zeros((levels, levels)); self.offsets];
        let pixels = self.shape.0 * self.shape.1;
        let side = levels + 1;
        // As many neighbours as a table has room for; it is not worth more than the pixels that it saves.
        let room = JOINT.min(pixels / 4);
        let mut together = 1;
        while side.pow(together as u32 + 2) <= room {
            together += 1;
        }
        for shifts in self.shifts.chunks(together) {
            self.count_jointly(shifts, &mut matrices);
        }
        matrices
    }

    fn count_jointly(&self, shifts: &[Shift], matrices: &mut [Array2<u32>]) {
        let levels = usize::from(self.levels);
        let side = levels + 1;
        let mut table = vec![[0u32; LANES]; side.pow(shifts.len() as u32 + 1)];
        Arch::new().dispatch(Count {
            image: self,
            shifts,
            table: &mut table,
        });
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
}

struct Count<'a> {
    image: &'a Margined,
    shifts: &'a [Shift],
    table: &'a mut [[u32; LANES]],
}

impl WithSimd for Count<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Margined {
            cells,
            shape,
            stride,
            levels,
            ..
        } = self.image;
        let side = u32::from(*levels) + 1;
        let pixels = shape.0 * stride;
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
