//! Uncertainties of ring features are those of Poisson counts, and a beamstop with gaps changes values within
//! them.

use std::f64::consts::PI;

use ndarray::Array2;
use xscatter_core::seed::derive;
use xscatter_core::{Frame, FrameInfo, Geometry, Mask, PixelPosition};
use xscatter_features::polar::QAxis;
use xscatter_features::{
    Curve, Harmonics, HarmonicsConfig, Measured, Orientation, OrientationConfig, ProfileConfig,
    RingStatistic, RingStatistics, RingStatisticsConfig,
};

const SIDE: usize = 120;
const CENTRE: f64 = 60.0;

/// A Poisson number by inversion.
fn poisson(mean: f64, seed: u64) -> f32 {
    let uniform = (derive(seed, 1) >> 11) as f64 / (1u64 << 53) as f64;
    let (mut term, mut below, mut count) = ((-mean).exp(), 0.0, 0.0f64);
    while below + term < uniform && count < 1000.0 {
        below += term;
        count += 1.0;
        term *= mean / count;
    }
    count as f32
}

/// Ruland's kernel of period 2 about `director` on a ring of radius 40 and on its background.
fn ring(eta: f64, director: f64, seed: u64) -> Frame {
    let counts = Array2::from_shape_fn((SIDE, SIDE), |(row, column)| {
        let (y, x) = (row as f64 + 0.5 - CENTRE, column as f64 + 0.5 - CENTRE);
        let around = (y.atan2(x) - director).cos().powi(2);
        let kernel = (1.0 - eta * eta) / ((1.0 + eta).powi(2) - 4.0 * eta * around);
        let radial = 3.0 + 12.0 * (-(y.hypot(x) - 40.0).powi(2) / 32.0).exp();
        poisson(radial * kernel, derive(seed, (row * SIDE + column) as u64))
    });
    let centre = PixelPosition {
        row: CENTRE,
        column: CENTRE,
    };
    let geometry = Geometry::transmission(1.0, centre, 172e-6, 1e-10);
    Frame::new(counts).with_info(FrameInfo {
        geometry: Some(geometry.into()),
        ..Default::default()
    })
}

/// A round beamstop with an arm, and the gaps of a detector of modules.
fn with_gaps(frame: &Frame) -> Frame {
    let bad = Array2::from_shape_fn((SIDE, SIDE), |(row, column)| {
        let (y, x) = (row as f64 + 0.5 - CENTRE, column as f64 + 0.5 - CENTRE);
        let stop = y.hypot(x) < 10.0 || (x.abs() < 3.0 && y > 0.0);
        stop || row % 50 < 4 || column % 45 < 3
    });
    frame
        .clone()
        .with_mask(Mask::from_bad(bad.view()))
        .expect("the shapes agree")
}

/// The deviations from what is true, in uncertainties: they must have a spread of about 1.
fn check_spread(deviations: &[f64], what: &str) {
    let n = deviations.len() as f64;
    let square = deviations.iter().map(|z| z * z).sum::<f64>() / n;
    let mean = deviations.iter().sum::<f64>() / n;
    // Four standard errors of a mean square.
    let margin = 4.0 * (2.0 / n).sqrt();
    let fits = (square - 1.0).abs() < margin;
    assert!(fits, "{what}: mean {mean}, mean square {square} of {n}");
}

fn in_sigmas(found: Measured, truth: f64) -> f64 {
    (found.value - truth) / found.sigma.expect("an uncertainty is defined")
}

#[test]
fn uncertainties_of_orientation_are_those_of_the_noise_with_and_without_gaps() {
    let orientation = Orientation::new(OrientationConfig::default()).unwrap();
    let (eta, director) = (0.4, 1.1);
    for masked in [false, true] {
        let (mut orders, mut angles) = (Vec::new(), Vec::new());
        for seed in 0..60 {
            let frame = ring(eta, director, seed);
            let frame = if masked { with_gaps(&frame) } else { frame };
            let bands = orientation.bands(&frame).unwrap();
            let strongest = bands[0].clone().unwrap();
            orders.push(in_sigmas(strongest.fourier.unwrap(), eta));
            angles.push(in_sigmas(strongest.director_rad.unwrap(), director));
        }
        check_spread(&orders, &format!("order parameter, gaps {masked}"));
        check_spread(&angles, &format!("director, gaps {masked}"));
    }
}

#[test]
fn gaps_change_values_within_their_uncertainty() {
    let frame = ring(0.3, 0.4, 7);
    let masked = with_gaps(&frame);
    // The gaps share most photons with the whole: the difference is less than the larger uncertainty.
    let within = |whole: Measured, gaps: Measured, what: &str| {
        let sigma = gaps.sigma.unwrap();
        let difference = (whole.value - gaps.value).abs();
        assert!(difference < 3.0 * sigma, "{what}: {whole:?}, {gaps:?}");
        assert!(
            sigma > 0.95 * whole.sigma.unwrap(),
            "{what}: {whole:?}, {gaps:?}"
        );
    };
    let axis = QAxis::linear(10).between(0.2, 0.6);
    let profile = ProfileConfig {
        axis,
        ..Default::default()
    };
    // Where a ring is oriented, gaps take more of its bright or of its dark parts.
    let even = ring(0.0, 0.0, 8);
    let [a, b] = [&even, &with_gaps(&even)].map(|frame| Curve::of(frame, &profile).unwrap());
    for k in 0..10 {
        let at = |curve: &Curve| Measured {
            value: curve.intensity()[k],
            sigma: Some(curve.sigma()[k]),
        };
        within(at(&a), at(&b), "profile");
    }
    let harmonics = Harmonics::new(HarmonicsConfig {
        axis,
        sectors: 90,
        orders: vec![1, 2, 3, 4],
        ..Default::default()
    })
    .unwrap();
    let [a, b] = [&frame, &masked].map(|frame| harmonics.bands(frame).unwrap());
    for (a, b) in a.iter().zip(&b) {
        let (a, b) = (a.series.clone().unwrap(), b.series.clone().unwrap());
        within(a.mean(), b.mean(), "mean of the series");
        within(
            a.amplitude(2).unwrap(),
            b.amplitude(2).unwrap(),
            "amplitude",
        );
    }
    let orientation = Orientation::new(OrientationConfig::default()).unwrap();
    let [a, b] =
        [&frame, &masked].map(|frame| orientation.bands(frame).unwrap()[0].clone().unwrap());
    within(a.hermans.unwrap(), b.hermans.unwrap(), "hermans");
    within(
        a.maier_saupe.unwrap().m,
        b.maier_saupe.unwrap().m,
        "maier-saupe",
    );
}

#[test]
fn poisson_rings_have_no_excess_and_grains_do() {
    let statistics = RingStatistics::new(RingStatisticsConfig {
        // Narrow rings far from the slopes of the profile.
        axis: QAxis::linear(4).between(0.1, 0.2),
        sectors: 60,
        ..Default::default()
    })
    .unwrap();
    let (mut excess, mut grains) = (Vec::new(), Vec::new());
    for seed in 0..40 {
        let frame = with_gaps(&ring(0.0, 0.0, 1000 + seed));
        for ring in statistics.rings(&frame).unwrap() {
            excess.push(in_sigmas(
                ring.get(RingStatistic::OverDispersion).unwrap(),
                0.0,
            ));
            grains.push(in_sigmas(ring.get(RingStatistic::Graininess).unwrap(), 0.0));
        }
    }
    for (deviations, what) in [(&excess, "over-dispersion"), (&grains, "graininess")] {
        let n = deviations.len() as f64;
        let mean = deviations.iter().sum::<f64>() / n;
        let square = deviations.iter().map(|z| z * z).sum::<f64>() / n;
        assert!(mean.abs() < 0.4, "{what}: {mean}");
        assert!((0.7..1.5).contains(&square), "{what}: {square}");
    }
    // Every third of 24 grains is lit.
    let mut grainy = ring(0.0, 0.0, 5);
    let columns = grainy.shape().1;
    for (index, count) in grainy.as_mut_slice().iter_mut().enumerate() {
        let (y, x) = (
            (index / columns) as f64 + 0.5 - CENTRE,
            (index % columns) as f64 + 0.5 - CENTRE,
        );
        let grain = ((y.atan2(x) / PI + 1.0) * 12.0) as usize;
        *count *= if grain.is_multiple_of(3) { 3.0 } else { 0.0 };
    }
    let found = statistics.rings(&grainy).unwrap();
    let grains = found[2].get(RingStatistic::Graininess).unwrap();
    assert!(grains.value > 3.0 * grains.sigma.unwrap(), "{grains:?}");
}
