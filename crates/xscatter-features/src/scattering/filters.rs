//! Morlet wavelets and Gaussians in the Fourier domain, and the low-pass as a product of matrices.

use std::f64::consts::{PI, TAU};

use num_complex::{Complex32, Complex64};
use pulp::Arch;
use rustfft::FftPlanner;

use crate::fourier2::{Fourier2, Scratch};

/// A real filter on spectra of one resolution, column by column.
pub(super) type Filter = Vec<f32>;

/// The deviation of the Gaussian of scale `j`, in pixels of the image.
fn sigma_px(j: usize) -> f64 {
    0.8 * (j as f64).exp2()
}

/// What turns the spectrum of one resolution into images of another.
#[derive(Debug, Clone)]
pub(super) struct Scale {
    /// The wavelet of each direction.
    pub(super) waves: Vec<Filter>,
    /// A round Gaussian as wide as the wavelets, for the weights of valid pixels.
    pub(super) envelope: Filter,
}

/// All filters of a transform.
#[derive(Debug, Clone)]
pub(super) struct Bank {
    /// The shapes at each resolution, halved each time.
    pub(super) shapes: Vec<(usize, usize)>,
    pub(super) transforms: Vec<Fourier2>,
    /// By the resolution of the source and the scale.
    scales: Vec<Vec<Option<Scale>>>,
    pub(super) low_pass: Vec<LowPass>,
}

impl Bank {
    /// For padded images of a shape that `2^scales` divides.
    pub(super) fn new(padded: (usize, usize), scales: usize, directions: usize) -> Self {
        let shapes: Vec<(usize, usize)> = (0..scales)
            .map(|resolution| (padded.0 >> resolution, padded.1 >> resolution))
            .collect();
        let transforms = shapes.iter().map(|&shape| Fourier2::new(shape)).collect();
        let mut by_source: Vec<Vec<Option<Scale>>> = vec![vec![None; scales]; scales];
        for j in 0..scales {
            let full: Vec<Vec<f64>> = (0..directions)
                .map(|k| morlet(padded, j, k, directions))
                .collect();
            let round = gaussian(padded, sigma_px(j));
            // The first order starts from the image, the second one from every finer scale.
            let sources = by_source.iter_mut().zip(&shapes);
            for (by_scale, &shape) in sources.take(j.max(1)) {
                let norm = 1.0 / (shape.0 * shape.1) as f64;
                let at_source = |filter: &Vec<f64>| -> Filter {
                    let kept = truncated(filter, padded, shape);
                    // What is rounding would only make subnormal numbers.
                    let value = |value: &f64| {
                        if value.abs() < 1e-14 {
                            0.0
                        } else {
                            value * norm
                        }
                    };
                    kept.iter().map(|kept| value(kept) as f32).collect()
                };
                by_scale[j] = Some(Scale {
                    waves: full.iter().map(at_source).collect(),
                    envelope: at_source(&round),
                });
            }
        }
        let low_pass = shapes
            .iter()
            .map(|&shape| LowPass::new(padded, shape, scales))
            .collect();
        Self {
            shapes,
            transforms,
            scales: by_source,
            low_pass,
        }
    }

    /// The filters of a scale for spectra of a resolution.
    pub(super) fn scale(&self, source: usize, j: usize) -> &Scale {
        let scale = self.scales[source][j].as_ref();
        scale.expect("second orders go to coarser scales, first ones start from the image")
    }

    /// A filtered image at the resolution of its scale.
    pub(super) fn filtered(
        &self,
        (spectrum, source): (&[Complex32], usize),
        (filter, target): (&Filter, usize),
        out: &mut Vec<Complex32>,
        scratch: &mut Scratch,
    ) {
        let (rows, columns) = self.shapes[source];
        let (rows_out, columns_out) = self.shapes[target];
        out.clear();
        out.resize(rows_out * columns_out, Complex32::ZERO);
        Arch::new().dispatch(|| {
            for column in 0..columns {
                let out = &mut out[column % columns_out * rows_out..][..rows_out];
                let from = column * rows..(column + 1) * rows;
                let parts = spectrum[from.clone()].chunks_exact(rows_out);
                for (spectrum, filter) in parts.zip(filter[from].chunks_exact(rows_out)) {
                    // Subsampling an image adds up its aliased frequencies.
                    for ((out, value), &weight) in out.iter_mut().zip(spectrum).zip(filter) {
                        out.re += value.re * weight;
                        out.im += value.im * weight;
                    }
                }
            }
        });
        self.transforms[target].inverse(out, scratch);
    }
}

/// Samples about the origin, repeated in both directions, as a spectrum column by column.
fn spectrum_of(
    (rows, columns): (usize, usize),
    reach: usize,
    at: impl Fn(f64, f64) -> Complex64,
) -> Vec<f64> {
    let mut image = vec![Complex64::ZERO; rows * columns];
    let reach = reach as isize;
    for row in -reach..=reach {
        for column in -reach..=reach {
            let place = row.rem_euclid(rows as isize) as usize * columns
                + column.rem_euclid(columns as isize) as usize;
            image[place] += at(row as f64, column as f64);
        }
    }
    let mut planner = FftPlanner::new();
    planner.plan_fft_forward(columns).process(&mut image);
    let mut transposed: Vec<Complex64> = (0..columns)
        .flat_map(|column| (0..rows).map(move |row| row * columns + column))
        .map(|index| image[index])
        .collect();
    planner.plan_fft_forward(rows).process(&mut transposed);
    // The samples at opposite places are conjugate: the imaginary part is rounding.
    transposed.iter().map(|value| value.re).collect()
}

/// How far a Gaussian reaches before it is below 1e-14.
fn reach(sigma_px: f64) -> usize {
    (8.0 * sigma_px).ceil() as usize
}

fn gaussian(shape: (usize, usize), sigma_px: f64) -> Vec<f64> {
    let spectrum = spectrum_of(shape, reach(sigma_px), |row, column| {
        let square = (row * row + column * column) / (sigma_px * sigma_px);
        Complex64::new((-0.5 * square).exp(), 0.0)
    });
    // The integral is 1e-5 off the sum of samples at the finest scale; that sum must be 1, so that a mask
    // without bad pixels changes nothing.
    let sum = spectrum[0];
    spectrum.iter().map(|value| value / sum).collect()
}

fn morlet(shape: (usize, usize), j: usize, direction: usize, directions: usize) -> Vec<f64> {
    let sigma = sigma_px(j);
    let slant = 4.0 / directions as f64;
    let wave_number = 0.75 * PI / (j as f64).exp2();
    // Where kymatio starts to count: ⌊L/2 − 1⌋ steps before the direction of growing rows.
    let first = (directions as f64 / 2.0 - 1.0).trunc();
    let (sin, cos) = ((first - direction as f64) * PI / directions as f64).sin_cos();
    let norm = slant / (TAU * sigma * sigma);
    let at = |row: f64, column: f64, wave_number: f64| {
        let (along, across) = (row * cos + column * sin, column * cos - row * sin);
        let square = (along * along + slant * slant * across * across) / (sigma * sigma);
        Complex64::from_polar(norm * (-0.5 * square).exp(), wave_number * along)
    };
    let reach = reach(sigma.max(sigma / slant));
    let wave = spectrum_of(shape, reach, |row, column| at(row, column, wave_number));
    let envelope = spectrum_of(shape, reach, |row, column| at(row, column, 0.0));
    // The first value of a spectrum is the sum.
    let mean = wave[0] / envelope[0];
    let parts = wave.iter().zip(&envelope);
    parts
        .map(|(wave, envelope)| wave - mean * envelope)
        .collect()
}

/// Which frequency of a line becomes frequency `index` of one with fewer: the low ones stay.
fn kept(index: usize, from: usize, to: usize) -> usize {
    if index < to / 2 {
        index
    } else {
        index + from - to
    }
}

fn truncated(filter: &[f64], from: (usize, usize), to: (usize, usize)) -> Vec<f64> {
    let columns = (0..to.1).map(|column| kept(column, from.1, to.1));
    columns
        .flat_map(|column| (0..to.0).map(move |row| (column, kept(row, from.0, to.0))))
        .map(|(column, row)| filter[column * from.0 + row])
        .collect()
}

/// One output of a sum along a line: the places that take part, and their weights.
type Weights = Vec<(usize, f32)>;

/// A Gaussian low-pass, thinned out and cut to the unpadded image: a small matrix along each axis.
#[derive(Debug, Clone)]
pub(super) struct LowPass {
    columns: usize,
    down: Vec<Weights>,
    along: Vec<Weights>,
}

impl LowPass {
    fn new(padded: (usize, usize), shape: (usize, usize), scales: usize) -> Self {
        Self {
            columns: shape.1,
            down: low_pass_matrix(padded.0, shape.0, scales),
            along: low_pass_matrix(padded.1, shape.1, scales),
        }
    }

    /// Rows and columns of what comes out.
    pub(super) fn shape(&self) -> (usize, usize) {
        (self.down.len(), self.along.len())
    }

    pub(super) fn apply(&self, image: &[f32]) -> Vec<f32> {
        let mut out = Vec::with_capacity(self.down.len() * self.along.len());
        let mut line = vec![0.0f32; self.columns];
        for weights in &self.down {
            line.fill(0.0);
            Arch::new().dispatch(|| {
                for &(row, weight) in weights {
                    let row = &image[row * self.columns..][..self.columns];
                    for (sum, value) in line.iter_mut().zip(row) {
                        *sum += weight * value;
                    }
                }
            });
            out.extend(self.along.iter().map(|weights| {
                let parts = weights
                    .iter()
                    .map(|&(column, weight)| weight * line[column]);
                parts.sum::<f32>()
            }));
        }
        out
    }
}

fn low_pass_matrix(padded: usize, length: usize, scales: usize) -> Vec<Weights> {
    let sigma = sigma_px(scales - 1);
    let mut line = vec![Complex64::ZERO; padded];
    let reach = reach(sigma) as isize;
    for place in -reach..=reach {
        let height = (-0.5 * (place as f64 / sigma).powi(2)).exp();
        line[place.rem_euclid(padded as isize) as usize] += height;
    }
    let mut planner = FftPlanner::new();
    planner.plan_fft_forward(padded).process(&mut line);
    let sum = line[0].re;
    let mut kernel: Vec<Complex64> = (0..length)
        .map(|index| line[kept(index, padded, length)].re / (sum * length as f64))
        .map(Complex64::from)
        .collect();
    planner.plan_fft_inverse(length).process(&mut kernel);
    // Of the thinned-out line the first and the last value are padding.
    let outputs = padded >> scales;
    let stride = length / outputs;
    (1..outputs - 1)
        .map(|output| {
            let weight = |place: usize| {
                let offset = (output * stride + length - place) % length;
                (place, kernel[offset].re as f32)
            };
            let all = (0..length).map(weight);
            all.filter(|(_, weight)| weight.abs() > 1e-10).collect()
        })
        .collect()
}
