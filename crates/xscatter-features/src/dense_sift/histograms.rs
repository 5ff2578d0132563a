//! Orientation histograms of cells, dense: two one-dimensional filters over eight channels.
//!
//! The weight of a pixel in a cell, its trilinear share times the window, is a product of a factor of
//! its row and one of its column, whatever the window. So a row of the image is filtered to the four
//! columns of cells of every place at once, and the rows of the window are summed afterwards. Only as many
//! filtered rows are kept as a window has.
#![allow(
    clippy::inline_always,
    reason = "a function that is not inlined would be compiled without the wide instructions"
)]

use pulp::{Arch, Simd, WithSimd};

use super::smooth::Smoothed;

/// Cells on a side of a descriptor.
pub(super) const CELLS: usize = 4;
/// Orientations of a histogram.
pub(super) const ORIENTATIONS: usize = 8;
/// Numbers of a descriptor.
pub(super) const COMPONENTS: usize = CELLS * CELLS * ORIENTATIONS;

/// `4/π · atan(t)/t` in powers of `t²` for `0 ≤ t ≤ 1`: a Chebyshev expansion, good to 2e-7.
const OCTANT: [f32; 9] = [
    1.273_239_5,
    -0.424_409_42,
    0.254_544_4,
    -0.180_771_98,
    0.135_197_3,
    -0.094_943_63,
    0.053_651_29,
    -0.020_029_65,
    0.003_522_141_6,
];

/// One-dimensional weights of the four cells about the centre of a descriptor.
pub(super) struct Windows {
    cells: [Taps; CELLS],
    /// How many pixels the window reaches to either side.
    reach: usize,
}

struct Taps {
    /// The offset of the first pixel.
    start: isize,
    weights: Vec<f32>,
}

impl Windows {
    /// Triangles of half-width `cell_px` about the centres of the cells, times what `window` says of a
    /// cell and an offset, in pixels.
    pub(super) fn new(cell_px: usize, window: impl Fn(usize, f64) -> f64) -> Self {
        let reach = (5 * cell_px).div_ceil(2) - 1;
        let size = cell_px as f64;
        let cells = std::array::from_fn(|cell| {
            let centre = size * (cell as f64 - 1.5);
            let inside = |offset: &isize| (*offset as f64 - centre).abs() < size;
            let offsets = -(reach as isize)..=reach as isize;
            let offsets: Vec<isize> = offsets.filter(inside).collect();
            let weight = |&offset: &isize| {
                let offset = offset as f64;
                ((1.0 - (offset - centre).abs() / size) * window(cell, offset)) as f32
            };
            Taps {
                start: offsets[0],
                weights: offsets.iter().map(weight).collect(),
            }
        });
        Self { cells, reach }
    }

    /// The weights that lie on pixels of a line whose gradient exists, for a descriptor at `centre`.
    fn within(&self, centre: usize, length: usize) -> [f32; CELLS] {
        std::array::from_fn(|cell| {
            let Taps { start, weights } = &self.cells[cell];
            let first = centre as isize + start;
            let counted = weights.iter().enumerate().filter(|(tap, _)| {
                let place = first + *tap as isize;
                place >= 1 && place + 1 < length as isize
            });
            counted.map(|(_, weight)| weight).sum()
        })
    }
}

/// Where descriptors lie along an axis.
pub(super) struct Places {
    pub(super) first: usize,
    pub(super) step: usize,
    pub(super) number: usize,
}

impl Places {
    /// Every place whose cells lie within a line of `length` pixels.
    pub(super) fn new(length: usize, cell_px: usize, step: usize) -> Self {
        let first = 2 * cell_px;
        let room = length.checked_sub(2 * first + 1);
        Self {
            first,
            step,
            number: room.map_or(0, |room| room / step + 1),
        }
    }

    pub(super) fn at(&self, index: usize) -> usize {
        self.first + index * self.step
    }
}

/// One row of places after the other.
pub(super) trait Visit {
    /// Number and histograms of a row of places, and for each place the measured part of its weight.
    fn visit(&mut self, row: usize, histograms: &mut [f32], measured: &[f32]);
}

/// Gives the histograms of all places, one row of places after the other.
pub(super) fn each_row(
    image: &Smoothed,
    windows: &Windows,
    rows: &Places,
    columns: &Places,
    visit: &mut impl Visit,
) {
    if rows.number == 0 || columns.number == 0 {
        return;
    }
    Arch::new().dispatch(Stream {
        image,
        windows,
        rows,
        columns,
        visit,
    });
}

struct Stream<'a, V> {
    image: &'a Smoothed,
    windows: &'a Windows,
    rows: &'a Places,
    columns: &'a Places,
    visit: &'a mut V,
}

impl<V: Visit> WithSimd for Stream<'_, V> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        stream(
            self.image,
            self.windows,
            self.rows,
            self.columns,
            self.visit,
        );
    }
}

#[inline(always)]
fn stream(
    image: &Smoothed,
    windows: &Windows,
    rows: &Places,
    columns: &Places,
    visit: &mut impl Visit,
) {
    const SLOT: usize = CELLS * ORIENTATIONS;
    let (height, width) = image.shape;
    let depth = 2 * windows.reach + 1;
    // The window may reach over the borders; nothing is there.
    let pad = windows.reach;
    let mut channels = vec![0.0; (width + 2 * pad) * ORIENTATIONS];
    let mut filtered = vec![0.0; depth * columns.number * SLOT];
    let mut histograms = vec![0.0; columns.number * COMPONENTS];
    let mut gradient = Gradient::new(width);
    let mut gaps = image.counts.as_ref().map(|counts| Gaps {
        counts,
        line: vec![0.0; width + 2 * pad],
        filtered: vec![0.0; depth * columns.number * CELLS],
        shares: vec![0.0; columns.number * CELLS * CELLS],
        across: (0..columns.number)
            .map(|place| windows.within(columns.at(place), width))
            .collect(),
    });
    let mut measured = vec![1.0; columns.number];
    let mut next = 0;
    for row in 1..height - 1 {
        gradient.channels(image, row, &mut channels[pad * ORIENTATIONS..]);
        let slot = row % depth;
        let length = columns.number * SLOT;
        across::<ORIENTATIONS>(
            &channels,
            windows,
            columns,
            &mut filtered[slot * length..][..length],
        );
        if let Some(gaps) = &mut gaps {
            gaps.add(row, slot, width, windows, columns);
        }
        while next < rows.number && (rows.at(next) + windows.reach <= row || row + 2 == height) {
            let window = Rows {
                centre: rows.at(next),
                height,
                depth,
            };
            down::<SLOT>(&filtered, windows, &window, &mut histograms);
            if let Some(gaps) = &mut gaps {
                down::<CELLS>(&gaps.filtered, windows, &window, &mut gaps.shares);
                gaps.fill(
                    windows.within(window.centre, height),
                    &mut histograms,
                    &mut measured,
                );
            }
            visit.visit(next, &mut histograms, &measured);
            next += 1;
        }
    }
}

/// What there is to know of masked pixels.
struct Gaps<'a> {
    counts: &'a [f32],
    line: Vec<f32>,
    filtered: Vec<f32>,
    /// For each place and cell the weight on pixels that count.
    shares: Vec<f32>,
    /// For each place and column of cells the weight on pixels of the image.
    across: Vec<[f32; CELLS]>,
}

impl Gaps<'_> {
    #[inline(always)]
    fn add(&mut self, row: usize, slot: usize, width: usize, windows: &Windows, columns: &Places) {
        let pad = windows.reach;
        let inner = 1..width - 1;
        self.line[pad..][inner.clone()].copy_from_slice(&self.counts[row * width..][inner]);
        let length = columns.number * CELLS;
        let out = &mut self.filtered[slot * length..][..length];
        across::<1>(&self.line, windows, columns, out);
    }

    /// Divides each histogram by the measured share of its weight (a quarter at least), and says what share
    /// of each descriptor was measured.
    #[inline(always)]
    fn fill(&self, down: [f32; CELLS], histograms: &mut [f32], measured: &mut [f32]) {
        let shares = self.shares.chunks_exact(CELLS * CELLS);
        let places = histograms.chunks_exact_mut(COMPONENTS).zip(shares);
        for ((place, across), measured) in places.zip(&self.across).zip(measured) {
            let (histograms, shares) = place;
            let (mut counted, mut total) = (0.0, 0.0);
            let cells = histograms.chunks_exact_mut(ORIENTATIONS).zip(shares);
            for (cell, (histogram, &share)) in cells.enumerate() {
                let full = down[cell / CELLS] * across[cell % CELLS];
                counted += share;
                total += full;
                let factor = full / share.max(0.25 * full);
                for value in histogram {
                    *value *= factor;
                }
            }
            *measured = counted / total;
        }
    }
}

/// Buffers for the gradients of a row.
struct Gradient {
    magnitude: Vec<f32>,
    /// The direction, counted in orientations from growing columns towards smaller rows.
    place: Vec<f32>,
}

impl Gradient {
    fn new(width: usize) -> Self {
        Self {
            magnitude: vec![0.0; width],
            place: vec![0.0; width],
        }
    }

    /// Shares each gradient of a row between the two orientations beside its direction.
    #[inline(always)]
    fn channels(&mut self, image: &Smoothed, row: usize, out: &mut [f32]) {
        let width = image.shape.1;
        let line = |row: usize| &image.values[row * width..][..width];
        let (above, here, below) = (line(row - 1), line(row), line(row + 1));
        let sides = here.iter().zip(&here[2..]);
        let ends = above[1..].iter().zip(&below[1..]);
        let buffers = self.magnitude[1..].iter_mut().zip(&mut self.place[1..]);
        for (((left, right), (above, below)), (magnitude, place)) in sides.zip(ends).zip(buffers) {
            let (x, y) = (right - left, above - below);
            let (wide, high) = (x.abs(), y.abs());
            let (long, short) = if high > wide {
                (high, wide)
            } else {
                (wide, high)
            };
            let t = short / long.max(f32::MIN_POSITIVE);
            let square = t * t;
            let mut series = 0.0;
            for coefficient in OCTANT.iter().rev() {
                series = series * square + coefficient;
            }
            let octant = t * series;
            let quadrant = if high > wide { 2.0 - octant } else { octant };
            let half = if x < 0.0 { 4.0 - quadrant } else { quadrant };
            *place = if y < 0.0 { 8.0 - half } else { half };
            *magnitude = (x * x + y * y).sqrt();
        }
        if let Some(counts) = &image.counts {
            for (magnitude, count) in self.magnitude.iter_mut().zip(&counts[row * width..]) {
                *magnitude *= count;
            }
        }
        let out = &mut out.as_chunks_mut::<ORIENTATIONS>().0[..width];
        let places = self.place.iter().zip(&self.magnitude);
        for (out, (&place, &magnitude)) in out.iter_mut().zip(places) {
            let lower = place as u32;
            let beyond = magnitude * (place - lower as f32);
            *out = [0.0; ORIENTATIONS];
            out[lower as usize % ORIENTATIONS] = magnitude - beyond;
            out[(lower as usize + 1) % ORIENTATIONS] = beyond;
        }
    }
}

/// Sums `N` numbers a pixel over the pixels of each column of cells of each place.
#[inline(always)]
fn across<const N: usize>(line: &[f32], windows: &Windows, columns: &Places, out: &mut [f32]) {
    let line = line.as_chunks::<N>().0;
    let places = out.chunks_exact_mut(CELLS * N).enumerate();
    for (place, out) in places {
        let centre = (columns.at(place) + windows.reach) as isize;
        for (taps, out) in windows.cells.iter().zip(out.chunks_exact_mut(N)) {
            let mut sum = [0.0; N];
            let pixels = &line[(centre + taps.start) as usize..];
            for (&weight, values) in taps.weights.iter().zip(pixels) {
                for (sum, value) in sum.iter_mut().zip(values) {
                    *sum += weight * value;
                }
            }
            out.copy_from_slice(&sum);
        }
    }
}

/// The rows of a window.
struct Rows {
    centre: usize,
    height: usize,
    depth: usize,
}

/// Sums the filtered rows of each row of cells: `N` numbers a place and row of cells.
#[inline(always)]
fn down<const N: usize>(filtered: &[f32], windows: &Windows, rows: &Rows, out: &mut [f32]) {
    let filtered = filtered.as_chunks::<N>().0;
    let columns = filtered.len() / rows.depth;
    for (cell, taps) in windows.cells.iter().enumerate() {
        let first = rows.centre as isize + taps.start;
        // Gradients exist between the first row and the last.
        let skipped = (1 - first).max(0) as usize;
        let kept = (rows.height as isize - 1 - first).max(0) as usize;
        let weights = &taps.weights[skipped..kept.min(taps.weights.len())];
        let first = (first + skipped as isize) as usize;
        for column in 0..columns {
            let mut sum = [0.0; N];
            let mut slot = first % rows.depth;
            for &weight in weights {
                let values = &filtered[slot * columns + column];
                for (sum, value) in sum.iter_mut().zip(values) {
                    *sum += weight * value;
                }
                slot = if slot + 1 == rows.depth { 0 } else { slot + 1 };
            }
            out[(column * CELLS + cell) * N..][..N].copy_from_slice(&sum);
        }
    }
}
