//! Smoothed orientation maps as a stream: image rows go in, rows of places come out.
//!
//! Every row of the image becomes a row of orientation channels, each smoothed along the row by the
//! Gaussian of every ring; once enough rows are there, they are smoothed down the columns; once the rows
//! that a row of places looks at are there, they are given away. Rings of rows are all that is kept.
#![allow(
    clippy::inline_always,
    reason = "a function that is not inlined would be compiled without the wide instructions"
)]

use pulp::{Arch, Simd, WithSimd};

use super::Layout;
use crate::resample::MIN_COVERAGE;

/// Columns that are summed at a time: few enough for registers, so that each sum is written once.
const BLOCK: usize = 64;

/// The intensities, and where they were measured.
pub(super) struct Image<'a> {
    pub(super) shape: (usize, usize),
    pub(super) values: Vec<f32>,
    /// How much of each pixel was measured; `None` if all were.
    pub(super) coverage: Option<&'a [f32]>,
}

/// The smoothed maps of one width, a few rows of them.
pub(super) struct Map {
    /// The weight of the centre and of the pixels to one side.
    kernel: Vec<f32>,
    /// Rows smoothed along themselves.
    along: Ring,
    /// Rows smoothed both ways.
    both: Ring,
}

struct Ring {
    rows: Vec<f32>,
    length: usize,
    depth: usize,
}

impl Ring {
    fn new(depth: usize, length: usize) -> Self {
        Self {
            rows: vec![0.0; depth * length],
            length,
            depth,
        }
    }

    #[inline(always)]
    fn row(&self, row: usize) -> &[f32] {
        &self.rows[row % self.depth * self.length..][..self.length]
    }

    #[inline(always)]
    fn row_mut(&mut self, row: usize) -> &mut [f32] {
        &mut self.rows[row % self.depth * self.length..][..self.length]
    }
}

impl Map {
    /// For one ring of histograms: the width of its Gaussian, cut at four standard deviations.
    fn new(sigma_px: f64, reach: usize, lag: usize, length: usize) -> Self {
        let radius = radius_of(sigma_px);
        let weight = |offset: usize| (-0.5 * (offset as f64 / sigma_px).powi(2)).exp();
        let total: f64 = 1.0 + 2.0 * (1..=radius).map(weight).sum::<f64>();
        Self {
            kernel: (0..=radius)
                .map(|offset| (weight(offset) / total) as f32)
                .collect(),
            along: Ring::new(2 * radius + 1, length),
            both: Ring::new(lag + reach + 1 - radius, length),
        }
    }

    /// The smoothed channels of a row, one after the other.
    #[inline(always)]
    pub(super) fn row(&self, row: usize) -> &[f32] {
        self.both.row(row)
    }

    /// Takes the channels of an image row.
    #[inline(always)]
    fn take(&mut self, row: usize, channels: &[f32], width: usize, line: &mut Vec<f32>) {
        let radius = self.kernel.len() - 1;
        let out = self.along.row_mut(row).chunks_exact_mut(width);
        for (channel, out) in channels.chunks_exact(width).zip(out) {
            line.clear();
            line.extend(channel[..radius].iter().rev());
            line.extend(channel);
            line.extend(channel[width - radius..].iter().rev());
            for (block, out) in out.chunks_mut(BLOCK).enumerate() {
                let line = &line[block * BLOCK..];
                if let Some(out) = out.first_chunk_mut::<BLOCK>() {
                    let of = |start: usize| {
                        let values = line[start..].first_chunk::<BLOCK>();
                        values.expect("a whole block")
                    };
                    let mut sums = of(radius).map(|value| self.kernel[0] * value);
                    for (offset, &weight) in self.kernel.iter().enumerate().skip(1) {
                        let (left, right) = (of(radius - offset), of(radius + offset));
                        for index in 0..BLOCK {
                            sums[index] += weight * (left[index] + right[index]);
                        }
                    }
                    *out = sums;
                    continue;
                }
                for (index, value) in out.iter_mut().enumerate() {
                    let mut sum = self.kernel[0] * line[radius + index];
                    for (offset, &weight) in self.kernel.iter().enumerate().skip(1) {
                        let sides = line[radius - offset + index] + line[radius + offset + index];
                        sum += weight * sides;
                    }
                    *value = sum;
                }
            }
        }
    }

    /// Smooths down the columns to a row; the image has `height` rows.
    #[inline(always)]
    fn finish(&mut self, row: usize, height: usize) {
        let Self {
            kernel,
            along,
            both,
        } = self;
        let length = along.length;
        let out = both.row_mut(row);
        for (block, out) in out.chunks_mut(BLOCK).enumerate() {
            let start = block * BLOCK;
            if out.len() == BLOCK {
                let of = |row: usize| {
                    let row = &along.row(row)[start..][..BLOCK];
                    row.first_chunk::<BLOCK>().expect("a whole block")
                };
                let mut sums = of(row).map(|value| kernel[0] * value);
                for (offset, &weight) in kernel.iter().enumerate().skip(1) {
                    let (above, below) = beside(row, offset, height);
                    let (above, below) = (of(above), of(below));
                    for index in 0..BLOCK {
                        sums[index] += weight * (above[index] + below[index]);
                    }
                }
                out.copy_from_slice(&sums);
                continue;
            }
            for (index, value) in out.iter_mut().enumerate() {
                let of = |row: usize| along.rows[row % along.depth * length + start + index];
                let mut sum = kernel[0] * of(row);
                for (offset, &weight) in kernel.iter().enumerate().skip(1) {
                    let (above, below) = beside(row, offset, height);
                    sum += weight * (of(above) + of(below));
                }
                *value = sum;
            }
        }
    }
}

/// How far a Gaussian reaches to either side.
fn radius_of(sigma_px: f64) -> usize {
    (4.0 * sigma_px + 0.5) as usize
}

/// The rows `offset` above and below a row of an image that is mirrored about its edges.
#[inline(always)]
fn beside(row: usize, offset: usize, height: usize) -> (usize, usize) {
    let above = if offset <= row {
        row - offset
    } else {
        offset - row - 1
    };
    let below = row + offset;
    let below = if below < height {
        below
    } else {
        2 * height - 1 - below
    };
    (above, below)
}

/// Takes one row of places after the other.
pub(super) trait Visit {
    /// The number of the row of places and its maps, one for each ring.
    fn visit(&mut self, row: usize, maps: &[Map]);
}

/// Gives the maps around all places, one row of places after the other.
pub(super) fn each_row(image: &Image<'_>, layout: &Layout, visit: &mut impl Visit) {
    Arch::new().dispatch(Stream {
        image,
        layout,
        visit,
    });
}

struct Stream<'a, V> {
    image: &'a Image<'a>,
    layout: &'a Layout,
    visit: &'a mut V,
}

impl<V: Visit> WithSimd for Stream<'_, V> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        stream(self.image, self.layout, self.visit);
    }
}

#[inline(always)]
fn stream(image: &Image<'_>, layout: &Layout, visit: &mut impl Visit) {
    let (height, width) = image.shape;
    let length = layout.channels(image.coverage.is_some()) * width;
    let reaches: Vec<usize> = layout.row_reaches();
    let radii: Vec<usize> = layout.sigmas_px.iter().map(|&s| radius_of(s)).collect();
    // A row of places can be given away so many image rows after its own.
    let lag = reaches.iter().zip(&radii).map(|(a, b)| a + b).max();
    let lag = lag.unwrap_or(0);
    let rings = layout.sigmas_px.iter().zip(&reaches);
    let mut maps: Vec<Map> = rings
        .map(|(&sigma_px, &reach)| Map::new(sigma_px, reach, lag, length))
        .collect();
    let mut channels = vec![0.0; length];
    let mut line = Vec::new();
    let mut next = 0;
    // Beyond the last row there is nothing to take, but rows to finish.
    for row in 0..height + lag {
        if row < height {
            orientations(image, row, layout, &mut channels);
        }
        for (map, &radius) in maps.iter_mut().zip(&radii) {
            if row < height {
                map.take(row, &channels, width, &mut line);
            }
            if row >= radius && row - radius < height {
                map.finish(row - radius, height);
            }
        }
        while next < layout.rows.number && layout.rows.at(next) + lag <= row {
            visit.visit(next, &maps);
            next += 1;
        }
    }
}

/// `|∇I| exp(κ cos(θ − θ_o))` of a row for every orientation, and then which gradients count.
#[inline(always)]
fn orientations(image: &Image<'_>, row: usize, layout: &Layout, out: &mut [f32]) {
    let (height, width) = image.shape;
    let below = if row + 1 < height { row + 1 } else { row };
    let (channels, counts) = out.split_at_mut(layout.directions.len() * width);
    if let Some(coverage) = image.coverage {
        let (here, below) = (line(coverage, row, width), line(coverage, below, width));
        let right = here[1..].iter().chain(here.last());
        let places = here.iter().zip(right).zip(below);
        for (count, ((value, right), below)) in counts.iter_mut().zip(places) {
            *count = f32::from(u8::from(value.min(*right).min(*below) >= MIN_COVERAGE));
        }
    }
    let (here, below) = (
        line(&image.values, row, width),
        line(&image.values, below, width),
    );
    let last = width - 1;
    for (out, &(cos, sin)) in channels.chunks_exact_mut(width).zip(&layout.directions) {
        let places = here[..last].iter().zip(&here[1..]).zip(&below[..last]);
        for (out, ((&value, &right), &below)) in out[..last].iter_mut().zip(places) {
            *out = contribution(right - value, below - value, cos, sin, layout.sharpness);
        }
        let down = below[last] - here[last];
        out[last] = contribution(0.0, down, cos, sin, layout.sharpness);
        if image.coverage.is_some() {
            for (out, count) in out.iter_mut().zip(&*counts) {
                *out *= count;
            }
        }
    }
}

/// What a gradient gives to an orientation.
#[inline(always)]
fn contribution(x: f32, y: f32, cos: f32, sin: f32, sharpness: f32) -> f32 {
    let length = (x * x + y * y).sqrt();
    let cosine = (x * cos + y * sin) / length.max(f32::MIN_POSITIVE);
    length * exp(sharpness * cosine)
}

#[inline(always)]
fn line(values: &[f32], row: usize, width: usize) -> &[f32] {
    &values[row * width..][..width]
}

/// eˣ for |x| ≤ 80, good to 2e-7: a power of two times a Taylor polynomial within ±ln 2/2.
#[inline(always)]
fn exp(x: f32) -> f32 {
    // Adding it leaves an integer in the lowest bits, rounded to nearest.
    const ROUND: f32 = 12_582_912.0;
    let rounded = x * std::f32::consts::LOG2_E + ROUND;
    let power = rounded - ROUND;
    let rest = (x - power * 0.693_359_4) - power * -2.121_944_4e-4;
    let mut series = 1.0 / 720.0;
    for coefficient in [1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0, 1.0] {
        series = series * rest + coefficient;
    }
    let exponent = rounded.to_bits().wrapping_sub(ROUND.to_bits());
    series * f32::from_bits(exponent.wrapping_add(127) << 23)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exponential_is_good_to_single_precision() {
        for step in -8000..=8000 {
            let x = step as f32 / 100.0;
            let expected = f64::from(x).exp();
            approx::assert_relative_eq!(f64::from(exp(x)), expected, max_relative = 5e-7);
        }
    }

    #[test]
    fn rows_beyond_the_edge_are_mirrored() {
        assert_eq!(beside(1, 3, 10), (1, 4));
        assert_eq!(beside(0, 1, 10), (0, 1));
        assert_eq!(beside(9, 2, 10), (7, 8));
    }
}
