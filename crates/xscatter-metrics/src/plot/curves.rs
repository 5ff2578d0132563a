//! Curves of classes and tags as SVG pictures, one line each.

use xscatter_core::{Error, ErrorKind, Result};

use super::chart::{Axis, Chart, Line, Place};
use crate::calibration::ReliabilityCurve;
use crate::curve::{PrecisionRecallCurve, RocCurve};
use crate::distributions::{normal_cdf, normal_quantile};

/// The normal deviate at the edge of a detection error trade-off: a rate of 0.1 %.
const DET_EDGE: f64 = 3.090232306167813;

/// True against false positive rates, with the area of each; the dashed line is chance.
///
/// # Errors
/// If there is no curve, or the drawing fails.
pub fn roc_svg(curves: &[RocCurve], title: &str) -> Result<String> {
    let line = |curve: &RocCurve| {
        let points = curve.points.iter();
        Line {
            name: curve.name.to_string(),
            value: share(curve.area),
            places: points
                .map(|point| (point.false_positive_rate, point.true_positive_rate))
                .collect(),
            circles: vec![],
        }
    };
    chart(
        (title, "area"),
        Axis::shares("False positive rate"),
        Axis::shares("True positive rate"),
        curves.iter().map(line).collect(),
        Some([(0.0, 0.0), (1.0, 1.0)]),
    )
}

/// Precision against recall in steps, with the average precision of each (the area below its steps).
///
/// # Errors
/// If there is no curve, or the drawing fails.
pub fn precision_recall_svg(curves: &[PrecisionRecallCurve], title: &str) -> Result<String> {
    let line = |curve: &PrecisionRecallCurve| {
        let mut places: Vec<Place> = Vec::new();
        let mut recall = 0.0;
        for point in &curve.points {
            places.push((recall, point.precision));
            places.push((point.recall, point.precision));
            recall = point.recall;
        }
        Line {
            name: curve.name.to_string(),
            value: share(curve.average_precision),
            places,
            circles: vec![],
        }
    };
    chart(
        (title, "AP"),
        Axis::shares("Recall"),
        Axis::shares("Precision"),
        curves.iter().map(line).collect(),
        None,
    )
}

/// False negative against false positive rates on the scales of normal deviates, with the rate at which
/// both are equal. Rates beyond 0.1 % and 99.9 % are drawn at the edge; the dashed line is where both are
/// equal.
///
/// # Errors
/// If there is no curve, or the drawing fails.
pub fn det_svg(curves: &[RocCurve], title: &str) -> Result<String> {
    let line = |curve: &RocCurve| {
        let det = curve.det();
        Line {
            name: curve.name.to_string(),
            value: format!("{:.1} %", 100.0 * equal_error_rate(&det)),
            places: det
                .iter()
                .map(|&(false_positive, false_negative)| {
                    (deviate(false_positive), deviate(false_negative))
                })
                .collect(),
            circles: vec![],
        }
    };
    let axis = |title| {
        let shares = [0.001, 0.01, 0.05, 0.2, 0.5, 0.8, 0.95, 0.99, 0.999];
        let tick = |share: f64| {
            (
                deviate(share),
                format!("{} %", (1000.0 * share).round() / 10.0),
            )
        };
        Axis {
            title,
            ticks: shares.map(tick).to_vec(),
        }
    };
    chart(
        (title, "EER"),
        axis("False positive rate"),
        axis("False negative rate"),
        curves.iter().map(line).collect(),
        Some([(0.0, 0.0), (1.0, 1.0)]),
    )
}

/// Observed shares against predicted probabilities; the area of a circle grows with the samples in its
/// bin, the value is the mean distance from the diagonal (the calibration error of these bins).
///
/// # Errors
/// If there is no curve, or the drawing fails.
pub fn reliability_svg(curves: &[ReliabilityCurve], title: &str) -> Result<String> {
    let line = |curve: &ReliabilityCurve| {
        let total: f64 = curve.points.iter().map(|point| point.weight).sum();
        let distance = curve.points.iter().fold(0.0, |sum, point| {
            sum + point.weight * (point.observed - point.predicted).abs()
        });
        let place =
            |point: &crate::calibration::ReliabilityPoint| (point.predicted, point.observed);
        Line {
            name: curve.name.to_string(),
            value: share(distance / total),
            places: curve.points.iter().map(place).collect(),
            circles: curve
                .points
                .iter()
                .map(|point| {
                    let radius = 2.0 + 7.0 * (point.weight / total).sqrt();
                    (place(point), radius.round() as i32)
                })
                .collect(),
        }
    };
    chart(
        (title, "error"),
        Axis::shares("Predicted probability"),
        Axis::shares("Observed share"),
        curves.iter().map(line).collect(),
        Some([(0.0, 0.0), (1.0, 1.0)]),
    )
}

fn chart(
    (title, value): (&str, &'static str),
    x: Axis,
    y: Axis,
    lines: Vec<Line>,
    reference: Option<[Place; 2]>,
) -> Result<String> {
    if lines.is_empty() {
        return Err(Error::new(
            ErrorKind::DegenerateData,
            "expected at least one curve, got none",
        ));
    }
    let chart = Chart {
        title,
        value,
        x,
        y,
        lines,
        reference,
    };
    chart.svg()
}

/// Three digits, which do not claim 1 or 0 for what is nearly so.
fn share(value: f64) -> String {
    if value > 0.9995 && value < 1.0 {
        ">0.999".into()
    } else if value < 0.0005 && value > 0.0 {
        "<0.001".into()
    } else {
        format!("{value:.3}")
    }
}

/// The place of a rate on a normal scale from 0.1 % to 99.9 %.
fn deviate(rate: f64) -> f64 {
    let edge = normal_cdf(-DET_EDGE);
    let deviate = normal_quantile(rate.clamp(edge, 1.0 - edge));
    f64::midpoint(deviate / DET_EDGE, 1.0)
}

/// Where false positives become as frequent as false negatives, between two cuts on a straight line.
fn equal_error_rate(det: &[(f64, f64)]) -> f64 {
    for pair in det.windows(2) {
        let (before, after) = (pair[0].1 - pair[0].0, pair[1].1 - pair[1].0);
        if before >= 0.0 && after <= 0.0 {
            let share = if before == after {
                0.0
            } else {
                before / (before - after)
            };
            return pair[0].0 + share * (pair[1].0 - pair[0].0);
        }
    }
    // The first cut misses all and the last takes all.
    0.5
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calibration::Binning;
    use approx::assert_relative_eq;
    use ndarray::{Array2, array};
    use xscatter_core::{Classes, Target};

    fn curves() -> (Vec<RocCurve>, Vec<PrecisionRecallCurve>) {
        let names = vec!["SAXS & co".into(), "WAXS".into()];
        let truth = Target::Classes(Classes::new(names, vec![0, 1, 0, 1, 1]).unwrap());
        let scores = array![[0.9, 0.1], [0.4, 0.6], [0.3, 0.7], [0.2, 0.8], [0.1, 0.9]];
        let all = |output| RocCurve::new(&truth, scores.view(), output, None).unwrap();
        let precision =
            |output| PrecisionRecallCurve::new(&truth, scores.view(), output, None).unwrap();
        (vec![all(0), all(1)], vec![precision(0), precision(1)])
    }

    #[test]
    fn every_picture_holds_names_values_and_axes() {
        let (roc, precision) = curves();
        for (svg, texts) in [
            (
                roc_svg(&roc, "Hold-out").unwrap(),
                ["0.833", "True positive rate"],
            ),
            (
                det_svg(&roc, "Hold-out").unwrap(),
                [" %", "False negative rate"],
            ),
            (
                precision_recall_svg(&precision, "Hold-out").unwrap(),
                ["0.833", "Recall"],
            ),
        ] {
            for text in ["SAXS &amp; co", "WAXS", "Hold-out"].iter().chain(&texts) {
                assert!(svg.contains(text), "{text} is missing");
            }
            assert!(svg.trim_end().ends_with("</svg>"));
        }
        assert!(roc_svg(&[], "").is_err());
    }

    #[test]
    fn bins_with_more_samples_have_larger_circles() {
        let names = vec!["no".into(), "yes".into()];
        let labels: Vec<u32> = (0..100).map(|row| u32::from(row % 10 == 0)).collect();
        let truth = Target::Classes(Classes::new(names, labels).unwrap());
        let scores = Array2::from_shape_fn((100, 2), |(row, class)| {
            let yes = if row < 90 { 0.1 } else { 0.9 };
            if class == 1 { yes } else { 1.0 - yes }
        });
        let curve = ReliabilityCurve::new(&truth, scores.view(), 1, 10, Binning::Uniform).unwrap();
        let svg = reliability_svg(&[curve], "Calibration").unwrap();
        assert!(svg.contains("r=\"9\"") && svg.contains("r=\"4\""));
    }

    #[test]
    fn errors_are_equal_between_two_cuts() {
        assert_relative_eq!(equal_error_rate(&[(0.0, 1.0), (0.1, 0.3), (0.3, 0.1)]), 0.2);
        assert_relative_eq!(equal_error_rate(&[(0.0, 1.0), (0.0, 0.0), (1.0, 0.0)]), 0.0);
        assert_eq!(share(0.99999), ">0.999");
        assert_relative_eq!(deviate(0.5), 0.5);
        assert_relative_eq!(deviate(0.0), 0.0, epsilon = 1e-12);
    }
}
