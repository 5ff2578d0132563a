//! The points on a circle about a pixel, and the intensities there.
//!
//! Point `p` of `P` lies at the angle `2πp/P` from growing columns towards falling rows. Its intensity is
//! bilinear between the four pixels around it, in double precision and in the very order of
//! scikit-image 0.26: where a neighbour equals its centre, rounding decides a bit, and the bits are to be
//! those of the reference. What that order allows is shared: the blend along a row depends on the column
//! offset alone, so that points above and below the centre, and neighbouring rows, use it together.

#![allow(
    clippy::inline_always,
    reason = "a function that is not inlined would be compiled without the wide instructions"
)]
#![allow(
    clippy::needless_range_loop,
    reason = "several vectors are walked in step"
)]

use std::ops::Range;

use ndarray::ArrayView2;
use pulp::{Arch, Simd, WithSimd};

use crate::intensity::IntensityTransform;
use crate::resample::Resampled;

use super::LbpError;

/// The most points: the patterns stay short enough to be counted.
pub const MAX_POINTS: u32 = 24;

/// Vectors that are treated together.
const GROUP: usize = 4;

/// Rows are as long as whole groups of vectors of any processor.
const STRIP: usize = 8 * GROUP;

/// Bits of `2⁵² + code` end with the code.
const CODE_ZERO: f64 = 4_503_599_627_370_496.0;

/// Points at equal angles on a circle about a pixel.
#[derive(Debug, Clone, PartialEq)]
pub struct Neighbourhood {
    radius_px: f64,
    points: Vec<Point>,
    /// Where the points lie in columns, without repetition; the first is the centre.
    columns: Vec<f64>,
    /// Rows, columns of the pixels that enter a code, the centre included.
    touched: Vec<(isize, isize)>,
    /// How far the touched pixels reach in any direction.
    reach: usize,
}

/// One point of the circle.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Point {
    /// Downwards from the centre.
    row: f64,
    /// To the right: an index into [`Neighbourhood::columns`].
    column: usize,
}

impl Neighbourhood {
    /// `points` points at `radius_px`.
    ///
    /// # Errors
    /// [`LbpError`] unless there are 2 to [`MAX_POINTS`] points and the radius is 0.5 to 64 pixels.
    pub fn new(points: u32, radius_px: f64) -> Result<Self, LbpError> {
        if !(2..=MAX_POINTS).contains(&points) {
            return Err(LbpError::Points(points));
        }
        if !(0.5..=64.0).contains(&radius_px) {
            return Err(LbpError::Radius(radius_px));
        }
        // The reference keeps the radius in single precision and rounds coordinates to five decimals.
        let radius = f64::from(radius_px as f32);
        let rounded = |x: f64| (x * 1e5).round_ties_even() / 1e5;
        let mut columns = vec![0.0];
        let mut circle = Vec::new();
        let mut touched = vec![(0, 0)];
        for point in 0..points {
            let angle = 2.0 * std::f64::consts::PI * f64::from(point) / f64::from(points);
            let row = rounded(-radius * libm::sin(angle));
            let column = rounded(radius * libm::cos(angle));
            for down in [row.floor(), row.ceil()] {
                for right in [column.floor(), column.ceil()] {
                    let place = (down as isize, right as isize);
                    if !touched.contains(&place) {
                        touched.push(place);
                    }
                }
            }
            let known = columns.iter().position(|&known: &f64| known == column);
            let index = known.unwrap_or_else(|| {
                columns.push(column);
                columns.len() - 1
            });
            circle.push(Point { row, column: index });
        }
        let reach = touched
            .iter()
            .map(|(down, right)| down.unsigned_abs().max(right.unsigned_abs()))
            .fold(0, usize::max);
        Ok(Self {
            radius_px,
            points: circle,
            columns,
            touched,
            reach,
        })
    }

    /// How many points there are.
    pub fn points(&self) -> u32 {
        self.points.len() as u32
    }

    /// Their distance from the centre.
    pub fn radius_px(&self) -> f64 {
        self.radius_px
    }

    /// The columns of a row whose neighbourhoods lie in an image of this shape.
    pub(super) fn inside(&self, (rows, columns): (usize, usize), row: usize) -> Range<usize> {
        let shifted = |&(down, _): &(isize, isize)| row.checked_add_signed(down);
        let fits = |place: Option<usize>| place.is_some_and(|place| place < rows);
        if !self.touched.iter().map(shifted).all(fits) {
            return 0..0;
        }
        let right = self.touched.iter().map(|&(_, right)| right);
        let first = right.clone().min().map_or(0, isize::unsigned_abs);
        let beyond = right.max().map_or(0, isize::unsigned_abs);
        let last = columns.saturating_sub(beyond);
        if first < last { first..last } else { 0..0 }
    }

    /// Which of the columns `inside` a row have a neighbourhood of `valid` pixels.
    pub(super) fn complete(
        &self,
        valid: ArrayView2<'_, bool>,
        row: usize,
        inside: Range<usize>,
        complete: &mut [bool],
    ) {
        let complete = &mut complete[inside.clone()];
        complete.fill(true);
        for &(down, right) in self.touched.iter().filter(|_| !inside.is_empty()) {
            let line = valid.row(row.saturating_add_signed(down));
            let line = line.to_slice().expect("made row-major");
            let first = inside.start.saturating_add_signed(right);
            for (complete, &valid) in complete.iter_mut().zip(&line[first..]) {
                *complete &= valid;
            }
        }
    }
}

/// What is read at the points.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Tone {
    /// What is done to the counts first.
    pub transform: IntensityTransform,
    /// How many standard deviations of its Poisson noise the centre is raised.
    pub threshold: f64,
    /// Pixels of the frame in a pixel of the image.
    pub pixels: f64,
}

impl Tone {
    /// The standard deviation of a transformed mean count.
    fn noise(&self, count: f64) -> f64 {
        let least = 1.0 / self.pixels;
        let slope = match self.transform {
            IntensityTransform::Raw => 1.0,
            IntensityTransform::Log1p => 1.0 / (1.0 + count.max(0.0)),
            IntensityTransform::Asinh { scale } => 1.0 / count.hypot(scale),
            IntensityTransform::Anscombe => 1.0 / (count.max(0.0) + 0.375).sqrt(),
        };
        slope * (count.max(least) / self.pixels).sqrt()
    }

    fn of_row(&self, counts: &[f32], line: &mut [f64]) {
        if self.transform == IntensityTransform::Raw {
            Arch::new().dispatch(Widen { counts, line });
        } else {
            for (value, &count) in line.iter_mut().zip(counts) {
                *value = self.transform.apply(f64::from(count));
            }
        }
    }
}

/// What is made of the points of a pixel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    /// `2⁵²` and the code, which [`code`] takes out: bit `p` is set where point `p` is not below the
    /// (raised) centre.
    Codes,
    /// The variance over the points, 0 or more.
    Variances,
}

/// The blended rows around the row at hand, for every column offset.
struct Rows {
    /// Columns, rounded up to whole strips.
    width: usize,
    /// Rows that are kept at a time.
    depth: usize,
    /// `depth` rows for each column offset.
    values: Vec<f64>,
}

impl Rows {
    fn row(&self, column: usize, source: isize) -> &[f64] {
        let slot = source.rem_euclid(self.depth as isize) as usize;
        let start = (column * self.depth + slot) * self.width;
        &self.values[start..start + self.width]
    }

    fn row_mut(&mut self, column: usize, source: isize) -> &mut [f64] {
        let slot = source.rem_euclid(self.depth as isize) as usize;
        let start = (column * self.depth + slot) * self.width;
        &mut self.values[start..start + self.width]
    }
}

/// Calls `visit` with the number of every row and what is wanted of its pixels; pixels off the image are 0.
pub(super) fn scan(
    image: &Resampled,
    neighbourhood: &Neighbourhood,
    tone: Tone,
    wanted: Wanted,
    mut visit: impl FnMut(usize, &[f64]),
) {
    let (rows, columns) = image.shape();
    let Neighbourhood { points, reach, .. } = neighbourhood;
    let (reach, width) = (*reach, columns.next_multiple_of(STRIP));
    let depth = 2 * reach + 1;
    let mut blended = Rows {
        width,
        depth,
        values: vec![0.0; neighbourhood.columns.len() * depth * width],
    };
    // The part of the right pixel in a blend along the row; it depends on the column by rounding.
    let shares: Vec<Vec<f64>> = neighbourhood
        .columns
        .iter()
        .map(|&offset| {
            let place = (0..width).map(|column| column as f64 + offset);
            place.map(|place| place - place.floor()).collect()
        })
        .collect();
    let mut line = vec![0.0; reach + width + reach];
    let (mut edge, mut out) = (vec![0.0; width], vec![0.0; width]);
    let counts = image.as_slice();
    let mut next = 0;
    for row in 0..rows {
        while next <= row + reach {
            if next < rows {
                let counts = &counts[next * columns..][..columns];
                tone.of_row(counts, &mut line[reach..][..columns]);
                for (index, (&offset, shares)) in
                    neighbourhood.columns.iter().zip(&shares).enumerate()
                {
                    let start = reach.saturating_add_signed(offset.floor() as isize);
                    let (left, out) = (
                        &line[start..][..width],
                        blended.row_mut(index, next as isize),
                    );
                    if offset.fract() == 0.0 {
                        out.copy_from_slice(left);
                    } else {
                        let right = &line[start + 1..][..width];
                        Arch::new().dispatch(Blend {
                            left,
                            right,
                            shares,
                            out,
                        });
                    }
                }
            } else {
                for index in 0..neighbourhood.columns.len() {
                    blended.row_mut(index, next as isize).fill(0.0);
                }
            }
            next += 1;
        }
        edge.copy_from_slice(blended.row(0, row as isize));
        if tone.threshold > 0.0 {
            let counts = &counts[row * columns..][..columns];
            for (edge, &count) in edge.iter_mut().zip(counts) {
                *edge += tone.threshold * tone.noise(f64::from(count));
            }
        }
        let sampled: Vec<Sampled> = points
            .iter()
            .enumerate()
            .map(|(bit, point)| {
                let place = row as f64 + point.row;
                let (top, bottom) = (place.floor(), place.ceil());
                let share = place - top;
                Sampled {
                    top: blended.row(point.column, top as isize),
                    bottom: blended.row(point.column, bottom as isize),
                    top_share: 1.0 - share,
                    bottom_share: share,
                    bit: f64::from(1u32 << bit),
                }
            })
            .collect();
        match wanted {
            Wanted::Codes => Arch::new().dispatch(Codes {
                points: &sampled,
                edge: &edge,
                out: &mut out,
            }),
            Wanted::Variances => Arch::new().dispatch(Variances {
                points: &sampled,
                centre: &edge,
                out: &mut out,
            }),
        }
        visit(row, &out[..columns]);
    }
}

/// One point of every pixel of a row.
struct Sampled<'a> {
    top: &'a [f64],
    bottom: &'a [f64],
    top_share: f64,
    bottom_share: f64,
    bit: f64,
}

/// The same in vectors.
struct Vectors<'a, S: Simd> {
    top: &'a [[S::f64s; GROUP]],
    bottom: &'a [[S::f64s; GROUP]],
    top_share: f64,
    bottom_share: f64,
    bit: f64,
}

impl<S: Simd> Vectors<'_, S> {
    /// The intensity at the point; products and sum are rounded one by one.
    #[inline(always)]
    fn at(&self, simd: S, place: usize) -> [S::f64s; GROUP] {
        let mut values = self.top[place];
        let bottom = &self.bottom[place];
        let (top_share, bottom_share) = (
            simd.splat_f64s(self.top_share),
            simd.splat_f64s(self.bottom_share),
        );
        for i in 0..GROUP {
            values[i] = simd.add_f64s(
                simd.mul_f64s(top_share, values[i]),
                simd.mul_f64s(bottom_share, bottom[i]),
            );
        }
        values
    }
}

/// The points that lie on rows, and those between rows.
#[inline(always)]
fn in_vectors<'a, S: Simd>(points: &[Sampled<'a>]) -> [Vec<Vectors<'a, S>>; 2] {
    let mut vectors = [Vec::new(), Vec::new()];
    for point in points {
        vectors[usize::from(point.bottom_share > 0.0)].push(Vectors {
            top: S::as_simd_f64s(point.top).0.as_chunks().0,
            bottom: S::as_simd_f64s(point.bottom).0.as_chunks().0,
            top_share: point.top_share,
            bottom_share: point.bottom_share,
            bit: point.bit,
        });
    }
    vectors
}

struct Widen<'a> {
    counts: &'a [f32],
    line: &'a mut [f64],
}

impl WithSimd for Widen<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        for (value, &count) in self.line.iter_mut().zip(self.counts) {
            *value = f64::from(count);
        }
    }
}

struct Blend<'a> {
    left: &'a [f64],
    right: &'a [f64],
    shares: &'a [f64],
    out: &'a mut [f64],
}

impl WithSimd for Blend<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let pixels = self.left.iter().zip(self.right).zip(self.shares);
        for (out, ((&left, &right), &share)) in self.out.iter_mut().zip(pixels) {
            *out = (1.0 - share) * left + share * right;
        }
    }
}

struct Codes<'a> {
    points: &'a [Sampled<'a>],
    edge: &'a [f64],
    out: &'a mut [f64],
}

impl WithSimd for Codes<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let [whole, between] = in_vectors::<S>(self.points);
        let (zero, no_bits) = (simd.splat_f64s(0.0), simd.splat_f64s(CODE_ZERO));
        let edges = S::as_simd_f64s(self.edge).0.as_chunks::<GROUP>().0;
        let out = S::as_mut_simd_f64s(self.out).0.as_chunks_mut().0;
        for (place, (edges, out)) in edges.iter().zip(out).enumerate() {
            let mut codes = [no_bits; GROUP];
            for point in &whole {
                let (values, bit) = (&point.top[place], simd.splat_f64s(point.bit));
                for i in 0..GROUP {
                    let set = simd.greater_than_or_equal_f64s(values[i], edges[i]);
                    codes[i] = simd.add_f64s(codes[i], simd.select_f64s(set, bit, zero));
                }
            }
            for point in &between {
                let (values, bit) = (point.at(simd, place), simd.splat_f64s(point.bit));
                for i in 0..GROUP {
                    let set = simd.greater_than_or_equal_f64s(values[i], edges[i]);
                    codes[i] = simd.add_f64s(codes[i], simd.select_f64s(set, bit, zero));
                }
            }
            *out = codes;
        }
    }
}

/// The code in what [`scan`] gives.
pub(super) fn code(value: f64) -> u32 {
    value.to_bits() as u32
}

struct Variances<'a> {
    points: &'a [Sampled<'a>],
    centre: &'a [f64],
    out: &'a mut [f64],
}

impl WithSimd for Variances<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let points = in_vectors::<S>(self.points);
        let zero = simd.splat_f64s(0.0);
        let per_point = simd.splat_f64s(1.0 / self.points.len() as f64);
        let centres = S::as_simd_f64s(self.centre).0.as_chunks::<GROUP>().0;
        let out = S::as_mut_simd_f64s(self.out).0.as_chunks_mut::<GROUP>().0;
        for (place, (centres, out)) in centres.iter().zip(out).enumerate() {
            // About the centre, so that little cancels.
            let (mut sum, mut squares) = ([zero; GROUP], [zero; GROUP]);
            for point in points.iter().flatten() {
                let values = point.at(simd, place);
                for i in 0..GROUP {
                    let off = simd.sub_f64s(values[i], centres[i]);
                    sum[i] = simd.add_f64s(sum[i], off);
                    squares[i] = simd.add_f64s(squares[i], simd.mul_f64s(off, off));
                }
            }
            for i in 0..GROUP {
                let mean = simd.mul_f64s(sum[i], per_point);
                let variance = simd.sub_f64s(
                    simd.mul_f64s(squares[i], per_point),
                    simd.mul_f64s(mean, mean),
                );
                let positive = simd.greater_than_or_equal_f64s(variance, zero);
                out[i] = simd.select_f64s(positive, variance, zero);
            }
        }
    }
}
