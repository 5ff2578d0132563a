//! Analyses of curves against SciPy, sasmodels and counting by hand; the file states versions, script and
//! tolerance.

use std::collections::BTreeMap;

use approx::assert_relative_eq;
use serde::Deserialize;
use xscatter_features::correlation::{CorrelationModel, correlation_length};
use xscatter_features::guinier::{GuinierConfig, guinier};
use xscatter_features::lattices::Phase;
use xscatter_features::peaks::prominence::maxima;
use xscatter_features::peaks::shape::{PseudoVoigt, fit};
use xscatter_features::porod::{PorodConfig, porod_constant, power_law};
use xscatter_features::{Curve, Measured};
use xscatter_testkit::golden::{self, Golden};

#[derive(Deserialize)]
struct Cases {
    maxima: Vec<MaximaCase>,
    peak_fits: Vec<FitCase>,
    laws: Laws,
    spheres: Vec<SphereCase>,
    reflections: BTreeMap<Phase, Vec<f64>>,
}

#[derive(Deserialize)]
struct MaximaCase {
    sequence: [usize; 3],
    index: Vec<usize>,
    prominence: Vec<f64>,
    left_base: Vec<usize>,
    right_base: Vec<usize>,
    left_half: Vec<f64>,
    right_half: Vec<f64>,
}

#[derive(Deserialize)]
struct FitCase {
    x: Vec<f64>,
    y: Vec<f64>,
    sigma: Vec<f64>,
    starts: Vec<[f64; 4]>,
    peaks: Vec<PeakCase>,
    reduced_chi_square: f64,
}

#[derive(Deserialize)]
struct PeakCase {
    values: [f64; 5],
    sigma: [f64; 5],
}

#[derive(Deserialize)]
struct Laws {
    guinier: GuinierCase,
    porod: PorodCase,
    lengths: Vec<LengthCase>,
}

#[derive(Deserialize)]
struct GuinierCase {
    q: Vec<f64>,
    y: Vec<f64>,
    sigma: Vec<f64>,
    points: usize,
    values: [f64; 5],
}

#[derive(Deserialize)]
struct PorodCase {
    q: Vec<f64>,
    y: Vec<f64>,
    sigma: Vec<f64>,
    power: [f64; 6],
    constant: [f64; 5],
}

#[derive(Deserialize)]
struct LengthCase {
    model: CorrelationModel,
    q: Vec<f64>,
    y: Vec<f64>,
    sigma: Vec<f64>,
    values: [f64; 7],
}

#[derive(Deserialize)]
struct SphereCase {
    radius_nm: f64,
    q: Vec<f64>,
    y: Vec<f64>,
    rg_nm: f64,
}

fn load() -> Golden<Cases> {
    let path = format!("{}/tests/golden/curves.json", env!("CARGO_MANIFEST_DIR"));
    golden::load(path).expect("the golden file loads")
}

/// Uncertainties of the reference come from differences.
const SIGMA_TOLERANCE: f64 = 1e-5;

fn assert_measured(found: Measured, value: f64, sigma: f64, tolerance: f64) {
    assert_relative_eq!(found.value, value, max_relative = tolerance);
    assert_relative_eq!(
        found.sigma.expect("a fit has uncertainties"),
        sigma,
        max_relative = SIGMA_TOLERANCE
    );
}

#[test]
fn maxima_and_prominences_are_those_of_scipy() {
    for case in load().cases.maxima {
        let [count, factor, modulus] = case.sequence;
        let values: Vec<f64> = (0..count)
            .map(|at| ((at * factor + at * at * 3) % modulus / 2) as f64)
            .collect();
        let found = maxima(&values);
        assert_eq!(found.len(), case.index.len());
        for (at, maximum) in found.iter().enumerate() {
            assert_eq!(maximum.index, case.index[at]);
            assert_eq!(maximum.prominence, case.prominence[at]);
            let bases = (case.left_base[at], case.right_base[at]);
            assert_eq!((maximum.left_base, maximum.right_base), bases);
            let (left, right) = maximum.half_height(&values);
            assert_relative_eq!(left, case.left_half[at], max_relative = 1e-12);
            assert_relative_eq!(right, case.right_half[at], max_relative = 1e-12);
        }
    }
}

#[test]
fn peaks_and_their_uncertainties_are_those_of_curve_fit() {
    let golden = load();
    let tolerance = golden.provenance.tolerance;
    for case in golden.cases.peak_fits {
        let starts: Vec<PseudoVoigt> = case
            .starts
            .iter()
            .map(|&[position, fwhm, height, lorentzian_share]| PseudoVoigt {
                position,
                fwhm,
                height,
                lorentzian_share,
            })
            .collect();
        let found = fit(&case.x, &case.y, &case.sigma, &starts).unwrap();
        assert_relative_eq!(
            found.reduced_chi_square,
            case.reduced_chi_square,
            max_relative = tolerance
        );
        for (found, expected) in found.peaks.iter().zip(&case.peaks) {
            let measured = [
                found.position,
                found.fwhm,
                found.height,
                found.lorentzian_share,
                found.area,
            ];
            for (at, measured) in measured.into_iter().enumerate() {
                assert_measured(measured, expected.values[at], expected.sigma[at], tolerance);
            }
        }
    }
}

#[test]
fn guinier_porod_and_correlation_lengths_are_those_of_curve_fit() {
    let golden = load();
    let tolerance = golden.provenance.tolerance;
    let case = golden.cases.laws.guinier;
    let curve = Curve::new(case.q, case.y, case.sigma).unwrap();
    let config = GuinierConfig {
        relative_error: 0.0,
        ..Default::default()
    };
    let found = guinier(&curve, &config).unwrap();
    let [rg, i0, rg_sigma, i0_sigma, reduced] = case.values;
    assert_eq!(found.points, case.points);
    assert_measured(found.rg_nm, rg, rg_sigma, tolerance);
    assert_measured(found.i0, i0, i0_sigma, tolerance);
    assert_relative_eq!(found.reduced_chi_square, reduced, max_relative = tolerance);

    let case = golden.cases.laws.porod;
    let curve = Curve::new(case.q, case.y, case.sigma).unwrap();
    let config = PorodConfig {
        relative_error: 0.0,
        ..Default::default()
    };
    let found = power_law(&curve, &config).unwrap();
    let [
        exponent,
        exponent_sigma,
        prefactor,
        background,
        background_sigma,
        reduced,
    ] = case.power;
    assert_measured(found.exponent, exponent, exponent_sigma, tolerance);
    assert_relative_eq!(found.prefactor.value, prefactor, max_relative = tolerance);
    assert_measured(found.background, background, background_sigma, tolerance);
    assert_relative_eq!(found.reduced_chi_square, reduced, max_relative = tolerance);
    let found = porod_constant(&curve, &config).unwrap();
    let [
        prefactor,
        prefactor_sigma,
        background,
        background_sigma,
        reduced,
    ] = case.constant;
    assert_measured(found.prefactor, prefactor, prefactor_sigma, tolerance);
    assert_measured(found.background, background, background_sigma, tolerance);
    assert_relative_eq!(found.reduced_chi_square, reduced, max_relative = tolerance);

    for case in golden.cases.laws.lengths {
        let curve = Curve::new(case.q, case.y, case.sigma).unwrap();
        let found = correlation_length(&curve, case.model, 0.0).unwrap();
        let [
            length,
            length_sigma,
            i0,
            i0_sigma,
            background,
            background_sigma,
            reduced,
        ] = case.values;
        assert_measured(found.length_nm, length, length_sigma, tolerance);
        assert_measured(found.i0, i0, i0_sigma, tolerance);
        assert_measured(found.background, background, background_sigma, tolerance);
        assert_relative_eq!(found.reduced_chi_square, reduced, max_relative = tolerance);
    }
}

/// Guinier's law up to q Rg = 1.3 underestimates a sphere by about 2 %, the less the shorter the range.
#[test]
fn spheres_of_sasmodels_have_their_radius_of_gyration() {
    for case in load().cases.spheres {
        assert_relative_eq!(
            case.rg_nm,
            0.6f64.sqrt() * case.radius_nm,
            max_relative = 1e-12
        );
        let sigma = case.y.iter().map(|y| 0.01 * y).collect();
        let curve = Curve::new(case.q, case.y, sigma).unwrap();
        for (max_q_rg, error) in [(1.3, 0.025), (0.6, 0.005)] {
            let config = GuinierConfig {
                max_q_rg,
                relative_error: 0.0,
                ..Default::default()
            };
            let found = guinier(&curve, &config).unwrap();
            assert_relative_eq!(found.rg_nm.value, case.rg_nm, max_relative = error);
        }
    }
}

#[test]
fn reflections_are_those_that_the_structure_allows() {
    let reflections = load().cases.reflections;
    assert_eq!(reflections.len(), Phase::ALL.len());
    for (phase, expected) in reflections {
        let found: Vec<f64> = phase.reflections(expected.len()).collect();
        for (found, expected) in found.iter().zip(&expected) {
            assert_relative_eq!(found, expected, max_relative = 1e-9);
        }
    }
}
