//! sin x/x, 2 J₁(x)/x and 3 (sin x − x cos x)/x³ of many arguments at once.
//!
//! Use them inside [`vectorised`] loops; for a single argument there are the functions of
//! [`form_factor`](crate::form_factor). Arguments come in strips of [`STRIP`] numbers, and every
//! function is arithmetic without branches, so that the compiler turns a strip into vector
//! instructions of whatever width the processor has. No step needs a fused multiply-add: the bits of
//! a result are the same on every processor.
//!
//! ```text
//! sin, cos    Cody and Waite's reduction to |r| ≤ π/4, then the polynomials of fdlibm
//! sin alone   the same to |r| ≤ π/2, then a Chebyshev expansion
//! 2 J₁(x)/x   |x| ≤ 10: a Chebyshev expansion in x²
//!             |x| > 10: 2 [P(s − c) + Q(s + c)/x]/(x √(πx)), P and Q Chebyshev expansions in 1/x²
//! ```
//!
//! The Chebyshev coefficients are computed with 60 digits (`tools/golden/sim_vector_functions.py`).
//! Against the closed forms the absolute error is below 1e-15, that of the sphere below 4e-15, for
//! arguments up to 1e6. Arguments are lengths, so 0 or more; `NaN` and infinity give `NaN`. Cost: 1 to 3
//! ns each.
//!
//! The crate `pulp` compiles the strips for AVX2 and AVX-512 and chooses at run time, without `unsafe`
//! on this side.
#![allow(
    clippy::inline_always,
    reason = "a function that is not inlined would be compiled without the wide instructions"
)]
#![allow(
    clippy::needless_range_loop,
    reason = "several strips are walked in step"
)]

use std::f64::consts::{FRAC_1_PI, FRAC_2_PI, LOG2_E};

use pulp::{Arch, Simd, WithSimd};

/// How many numbers are treated together: eight AVX-512 registers.
pub(crate) const STRIP: usize = 64;

/// Numbers that are treated together.
pub(crate) type Strip = [f64; STRIP];

/// Work that gains from wide instructions; everything it calls must be inlined into it.
pub(crate) trait Work {
    fn run(self);
}

struct Vectorised<W>(W);

impl<W: Work> WithSimd for Vectorised<W> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        self.0.run();
    }
}

/// Runs `work` as compiled for the widest instructions that this processor has.
pub(crate) fn vectorised(work: impl Work) {
    Arch::new().dispatch(Vectorised(work));
}

/// Adding it leaves an integer in the lowest bits, rounded to nearest.
const ROUND: f64 = 6_755_399_441_055_744.0;

/// π/2 in three parts of 33 bits each.
const HALF_PI: [f64; 3] = [
    1.570_796_326_734_125_6,
    6.077_100_506_303_966e-11,
    2.022_266_248_711_166_5e-21,
];

const SIN: [f64; 6] = [
    -1.666_666_666_666_663_2e-1,
    8.333_333_333_322_49e-3,
    -1.984_126_982_985_795e-4,
    2.755_731_370_707_007e-6,
    -2.505_076_025_340_686_3e-8,
    1.589_690_995_211_55e-10,
];

/// (sin r − r)/r³ in powers of r², for |r| ≤ π/2: a Chebyshev expansion.
const SIN_TO_HALF_PI: [f64; 8] = [
    -0.166_666_666_666_666_66,
    0.008_333_333_333_333_316,
    -0.000_198_412_698_412_549_7,
    2.755_731_921_916_152_7e-6,
    -2.505_210_761_674_331e-8,
    1.605_897_729_413_131_2e-10,
    -7.643_969_659_151_149e-13,
    2.731_436_257_139_134e-15,
];

const COS: [f64; 6] = [
    4.166_666_666_666_66e-2,
    -1.388_888_888_887_411e-3,
    2.480_158_728_947_673e-5,
    -2.755_731_435_139_066_3e-7,
    2.087_572_321_298_175e-9,
    -1.135_964_755_778_819_5e-11,
];

/// ln 2 in two parts, the first of 32 bits.
const LN_2_PARTS: [f64; 2] = [6.931_471_803_691_238e-1, 1.908_214_929_270_587_7e-10];

/// (eʳ − 1 − r)/r² in powers of r.
const EXP: [f64; 12] = [
    1.0 / 2.0,
    1.0 / 6.0,
    1.0 / 24.0,
    1.0 / 120.0,
    1.0 / 720.0,
    1.0 / 5_040.0,
    1.0 / 40_320.0,
    1.0 / 362_880.0,
    1.0 / 3_628_800.0,
    1.0 / 39_916_800.0,
    1.0 / 479_001_600.0,
    1.0 / 6_227_020_800.0,
];

/// 3 (sin x − x cos x)/x³ in powers of x².
const SPHERE: [f64; 8] = [
    1.0,
    -1.0 / 10.0,
    1.0 / 280.0,
    -1.0 / 15_120.0,
    1.0 / 1_330_560.0,
    -1.0 / 172_972_800.0,
    1.0 / 31_135_104_000.0,
    -1.0 / 7_410_154_752_000.0,
];

/// Where the closed form of the sphere loses no more than the series.
pub(crate) const SPHERE_SERIES: f64 = 0.5;

/// 2 J₁(x)/x in powers of x²/50 − 1, for x ≤ 10.
const JINC_NEAR: [f64; 17] = [
    0.004_688_665_118_306_783_5,
    0.294_966_514_223_982_73,
    -0.324_270_671_213_399_9,
    -0.290_242_900_086_576_1,
    0.628_024_849_267_189_7,
    -0.446_623_036_712_911_15,
    0.184_946_016_185_078_17,
    -0.052_022_493_354_915_53,
    0.010_739_900_455_423_597,
    -0.001_708_217_577_764_804_7,
    0.000_216_564_740_218_595,
    -2.244_911_308_653_888_7e-5,
    1.941_081_819_525_298_2e-6,
    -1.422_674_530_212_952_7e-7,
    8.958_556_078_056_009e-9,
    -4.943_894_179_547_35e-10,
    2.369_360_447_141_060_7e-11,
];

/// The in-phase part of the asymptotic J₁ in powers of 200/x² − 1.
const JINC_P: [f64; 10] = [
    1.000_582_413_219_106_6,
    0.000_578_965_879_466_897_6,
    -3.373_797_679_895_395_5e-6,
    7.038_270_629_136_596e-8,
    -2.943_007_951_420_949_4e-9,
    1.955_166_335_259_117e-10,
    -1.814_222_615_099_742e-11,
    2.173_059_951_014_227e-12,
    -3.505_734_989_046_600_4e-13,
    6.301_308_253_817_665e-14,
];

/// The other part, times x.
const JINC_Q: [f64; 11] = [
    0.374_494_010_304_520_4,
    -0.000_499_503_897_515_974_9,
    6.278_708_500_106_837e-6,
    -1.954_561_936_884_895e-7,
    1.066_367_492_108_648_9e-8,
    -8.612_658_772_589_981e-10,
    9.316_915_899_114_948e-11,
    -1.257_526_205_124_698_5e-11,
    2.034_071_145_717_95e-12,
    -4.496_689_144_039_571_4e-13,
    1.008_704_746_722_410_3e-13,
];

const JINC_NEAR_LIMIT: f64 = 10.0;

/// Beyond, the reduction of the angle would leave its interval.
const LIMIT: f64 = 1e12;

#[inline(always)]
fn polynomial<const N: usize>(coefficients: &[f64; N], x: f64) -> f64 {
    let mut sum = coefficients[N - 1];
    let mut i = N - 1;
    while i > 0 {
        i -= 1;
        sum = sum * x + coefficients[i];
    }
    sum
}

/// eˣ − 1 for x of 0 or less.
#[inline(always)]
pub(crate) fn exp_m1(x: f64) -> f64 {
    // Beyond, eˣ is 0 as far as 1 can tell; and 2ⁿ stays a normal number.
    let x = if x < -50.0 { -50.0 } else { x };
    let rounded = x * LOG2_E + ROUND;
    let n = rounded - ROUND;
    let r = (x - n * LN_2_PARTS[0]) - n * LN_2_PARTS[1];
    // eʳ − 1 for |r| up to ½ ln 2.
    let less = r + r * r * polynomial(&EXP, r);
    let scale = f64::from_bits(rounded.to_bits().wrapping_add(1023) << 52);
    scale * less + (scale - 1.0)
}

/// Sine for |x| below [`LIMIT`]: without the cosine, one polynomial over |r| ≤ π/2 is less work.
#[inline(always)]
pub(crate) fn sine(x: f64) -> f64 {
    let rounded = x * FRAC_1_PI + ROUND;
    let half_turn = rounded.to_bits();
    let n = 2.0 * (rounded - ROUND);
    let r = ((x - n * HALF_PI[0]) - n * HALF_PI[1]) - n * HALF_PI[2];
    let y = r * r;
    let sine = r + r * y * polynomial(&SIN_TO_HALF_PI, y);
    f64::from_bits(sine.to_bits() ^ ((half_turn & 1) << 63))
}

/// Sine and cosine for |x| below [`LIMIT`].
#[inline(always)]
fn sin_cos(x: f64) -> (f64, f64) {
    let rounded = x * FRAC_2_PI + ROUND;
    let quarter = rounded.to_bits();
    let n = rounded - ROUND;
    let r = ((x - n * HALF_PI[0]) - n * HALF_PI[1]) - n * HALF_PI[2];
    let y = r * r;
    let sine = r + r * y * polynomial(&SIN, y);
    let cosine = (1.0 - 0.5 * y) + y * y * polynomial(&COS, y);
    // In odd quarters they change places; then the signs.
    let (sine, cosine) = (sine.to_bits(), cosine.to_bits());
    let odd = (sine ^ cosine) & 0_u64.wrapping_sub(quarter & 1);
    let sine = sine ^ odd ^ ((quarter & 2) << 62);
    let cosine = cosine ^ odd ^ ((quarter.wrapping_add(1) & 2) << 62);
    (f64::from_bits(sine), f64::from_bits(cosine))
}

/// The smallest and the largest of numbers that are 0 or more; `NaN` counts as the largest.
#[inline(always)]
fn range(x: &Strip) -> (f64, f64) {
    // The bits of such numbers have their order, and integers are compared in vectors.
    let (mut lowest, mut highest) = ([i64::MAX; 8], [0_i64; 8]);
    for chunk in x.as_chunks::<8>().0 {
        for lane in 0..8 {
            let bits = chunk[lane].to_bits() as i64;
            lowest[lane] = if bits < lowest[lane] {
                bits
            } else {
                lowest[lane]
            };
            highest[lane] = if bits > highest[lane] {
                bits
            } else {
                highest[lane]
            };
        }
    }
    let lowest = lowest.iter().fold(i64::MAX, |a, &b| a.min(b));
    let highest = highest.iter().fold(0, |a, &b| a.max(b));
    (
        f64::from_bits(lowest as u64),
        f64::from_bits(highest as u64),
    )
}

/// Whether an argument is too large for [`sin_cos`], or not a number.
#[inline(always)]
fn is_beyond(highest: f64) -> bool {
    highest.is_nan() || highest >= LIMIT
}

/// Each x becomes f(x), one at a time: arguments for which no fast way is right.
#[cold]
#[inline(never)]
fn one_by_one(x: &mut Strip, f: fn(f64) -> f64) {
    for x in x {
        *x = f(*x);
    }
}

#[inline(always)]
pub(crate) fn sphere_near(x: f64) -> f64 {
    polynomial(&SPHERE, x * x)
}

#[inline(always)]
fn sphere_far(x: f64) -> f64 {
    let (sine, cosine) = sin_cos(x);
    3.0 * (sine - x * cosine) / (x * x * x)
}

/// x becomes 3 (sin x − x cos x)/x³.
#[inline(always)]
pub(crate) fn sphere(x: &mut Strip) {
    let (lowest, highest) = range(x);
    if highest < SPHERE_SERIES {
        for x in x {
            *x = sphere_near(*x);
        }
    } else if is_beyond(highest) {
        one_by_one(x, super::sphere_amplitude);
    } else if lowest >= SPHERE_SERIES {
        for x in x {
            *x = sphere_far(*x);
        }
    } else {
        for x in x {
            let (near, far) = (sphere_near(*x), sphere_far(*x));
            *x = if *x < SPHERE_SERIES { near } else { far };
        }
    }
}

#[inline(always)]
fn jinc_near(x: f64) -> f64 {
    polynomial(&JINC_NEAR, x * x * 0.02 - 1.0)
}

#[inline(always)]
fn jinc_far(x: f64) -> f64 {
    let (sine, cosine) = sin_cos(x);
    let inverse = 1.0 / x;
    let t = inverse * inverse * 200.0 - 1.0;
    let wave = polynomial(&JINC_P, t) * (sine - cosine)
        + polynomial(&JINC_Q, t) * inverse * (sine + cosine);
    2.0 * wave * inverse * (inverse * FRAC_1_PI).sqrt()
}

/// x becomes 2 J₁(x)/x.
#[inline(always)]
pub(crate) fn jinc(x: &mut Strip) {
    let (lowest, highest) = range(x);
    if highest <= JINC_NEAR_LIMIT {
        for x in x {
            *x = jinc_near(*x);
        }
    } else if is_beyond(highest) {
        one_by_one(x, super::jinc);
    } else if lowest > JINC_NEAR_LIMIT {
        for x in x {
            *x = jinc_far(*x);
        }
    } else {
        for x in x {
            let (near, far) = (jinc_near(*x), jinc_far(*x));
            *x = if *x <= JINC_NEAR_LIMIT { near } else { far };
        }
    }
}

/// Below, sin x/x is 1; and the product of three arguments stays above the smallest number.
const SINC_ONE: f64 = 1e-9;

/// Numerator and denominator of sin x/x, for |x| below [`LIMIT`].
#[inline(always)]
fn sinc_parts(x: f64) -> (f64, f64) {
    let sine = sine(x);
    let zero = x < SINC_ONE;
    (if zero { 1.0 } else { sine }, if zero { 1.0 } else { x })
}

/// x becomes sin x/x.
#[inline(always)]
pub(crate) fn sinc(x: &mut Strip) {
    if is_beyond(range(x).1) {
        one_by_one(x, super::sinc);
        return;
    }
    for x in x {
        let (numerator, denominator) = sinc_parts(*x);
        *x = numerator / denominator;
    }
}

/// x becomes sin x/x · sin y/y · sin z/z.
#[inline(always)]
pub(crate) fn sinc_product(x: &mut Strip, y: &Strip, z: &Strip) {
    if is_beyond(range(x).1) || is_beyond(range(y).1) || is_beyond(range(z).1) {
        for ((x, &y), &z) in x.iter_mut().zip(y).zip(z) {
            *x = super::sinc(*x) * super::sinc(y) * super::sinc(z);
        }
        return;
    }
    for i in 0..STRIP {
        let (a, b, c) = (sinc_parts(x[i]), sinc_parts(y[i]), sinc_parts(z[i]));
        x[i] = a.0 * b.0 * c.0 / (a.1 * b.1 * c.1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Apply<'a, F>(&'a mut Strip, F);

    impl<F: Fn(&mut Strip)> Work for Apply<'_, F> {
        #[inline(always)]
        fn run(self) {
            (self.1)(self.0);
        }
    }

    /// The largest deviation of `fast` from `plain` over strips that cover 0 to `end`.
    fn worst(end: f64, fast: impl Fn(&mut Strip) + Copy, plain: impl Fn(f64) -> f64) -> f64 {
        let mut worst = 0.0_f64;
        for strip in 0..300 {
            // Strips within one range of the argument, and strips across all ranges.
            let x: Strip = std::array::from_fn(|i| match strip % 3 {
                0 => end * i as f64 / 63.0 * f64::from(strip) / 300.0,
                1 => 20.0 * f64::from(strip) / 300.0 + 1e-3 * i as f64,
                _ => 10_f64.powf(-9.0 + (9.0 + end.log10()) * i as f64 / 63.0),
            });
            let mut found = x;
            vectorised(Apply(&mut found, fast));
            let mut portable = x;
            fast(&mut portable);
            assert_eq!(found, portable, "the bits depend on the processor");
            for (x, found) in x.iter().zip(found) {
                worst = worst.max((found - plain(*x)).abs());
            }
        }
        worst
    }

    #[test]
    fn strips_are_as_exact_as_single_arguments() {
        let bessel = |x: f64| if x == 0.0 { 1.0 } else { 2.0 * libm::j1(x) / x };
        let plain_sinc = |x: f64| if x == 0.0 { 1.0 } else { x.sin() / x };
        assert!(worst(100.0, sphere, crate::form_factor::sphere_amplitude) < 4e-15);
        assert!(worst(100.0, jinc, bessel) < 1e-15);
        assert!(worst(100.0, sinc, plain_sinc) < 1e-15);
        assert!(worst(1e6, sphere, crate::form_factor::sphere_amplitude) < 4e-15);
        assert!(worst(1e6, jinc, bessel) < 1e-15);
        assert!(worst(1e6, sinc, plain_sinc) < 1e-15);
    }

    #[test]
    fn products_are_products() {
        let x: Strip = std::array::from_fn(|i| 0.3 * i as f64);
        let y: Strip = std::array::from_fn(|i| 0.07 * i as f64);
        let z = [0.0; STRIP];
        let mut found = x;
        sinc_product(&mut found, &y, &z);
        for ((x, y), found) in x.iter().zip(y).zip(found) {
            assert!(
                (found - crate::form_factor::sinc(*x) * crate::form_factor::sinc(y)).abs() < 1e-12
            );
        }
    }

    #[test]
    fn sine_and_exponential_keep_their_relative_accuracy() {
        for i in 0..20_000 {
            let x = 10_f64.powf(-8.0 + 7e-4 * f64::from(i));
            let (sine, cosine) = sin_cos(x);
            assert!((sine - x.sin()).abs() <= 3e-16);
            assert!((super::sine(x) - x.sin()).abs() <= 3e-16);
            if x < 1e-3 {
                assert!((super::sine(x) / x.sin() - 1.0).abs() <= 3e-16);
            }
            assert!((cosine - x.cos()).abs() <= 3e-16);
            let less = exp_m1(-x);
            assert!((less / (-x).exp_m1() - 1.0).abs() < 1e-15, "{x}");
        }
    }

    #[test]
    fn extreme_arguments_are_not_numbers_or_small() {
        for f in [sphere, jinc, sinc] {
            let mut x = [1.0; STRIP];
            x[3] = f64::NAN;
            x[5] = 1e200;
            x[7] = 1e15;
            f(&mut x);
            assert!(x[3].is_nan());
            assert!(x[5].abs() < 1e-9 || x[5].is_nan());
            assert!(x[7].abs() < 1e-9);
            assert!((x[0] - 0.9).abs() < 0.1);
        }
    }
}
