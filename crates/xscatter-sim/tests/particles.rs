//! What must hold for every particle, whatever its sizes.

use approx::assert_relative_eq;
use proptest::prelude::*;
use xscatter_sim::form_factor::{
    Alignment, Ensemble, EnsembleConfig, Oriented, OrientedConfig, Shape, Spread,
};

fn any_shape() -> impl Strategy<Value = Shape> {
    let length = || 0.5..40.0;
    prop_oneof![
        length().prop_map(|radius_nm| Shape::Sphere { radius_nm }),
        (length(), 0.0..5.0, -2.0..2.0, 0.2..2.0).prop_map(|(core, shell_nm, c, s)| {
            Shape::CoreShell {
                core_radius_nm: core,
                shell_nm,
                core_contrast: c,
                shell_contrast: s,
            }
        }),
        (length(), length()).prop_map(|(polar_nm, equatorial_nm)| Shape::Ellipsoid {
            polar_nm,
            equatorial_nm,
        }),
        (length(), length()).prop_map(|(radius_nm, length_nm)| Shape::Cylinder {
            radius_nm,
            length_nm,
        }),
        (length(), length(), 0.0..5.0, -2.0..2.0, 0.2..2.0).prop_map(
            |(core_radius_nm, core_length_nm, shell_nm, core_contrast, shell_contrast)| {
                Shape::CoreShellCylinder {
                    core_radius_nm,
                    core_length_nm,
                    shell_nm,
                    core_contrast,
                    shell_contrast,
                }
            }
        ),
        (length(), length(), length()).prop_map(|(a_nm, b_nm, c_nm)| Shape::Prism {
            a_nm,
            b_nm,
            c_nm,
        }),
    ]
}

fn oriented(shape: Shape, theta_rad: f64, phi_rad: f64, psi_rad: f64) -> Oriented {
    Oriented::new(OrientedConfig {
        shape,
        theta_rad,
        phi_rad,
        psi_rad,
        ..OrientedConfig::default()
    })
    .expect("the sizes are positive")
}

fn pattern(particles: &Oriented, qx: &[f64], qy: &[f64]) -> Vec<f64> {
    let mut out = vec![f64::NAN; qx.len()];
    particles
        .intensity_into(qx, qy, &mut out)
        .expect("the slices have one length");
    out
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// F(0) is what the particle contains, and no intensity is larger.
    #[test]
    fn nothing_scatters_more_than_at_zero(
        shape in any_shape(),
        q in prop::array::uniform3(-3.0..3.0),
    ) {
        if !matches!(shape, Shape::CoreShell { .. } | Shape::CoreShellCylinder { .. }) {
            let volume = shape.volume_nm3();
            prop_assert!((shape.amplitude([0.0; 3]) / volume - 1.0).abs() < 1e-12);
            prop_assert!(shape.amplitude(q).abs() <= volume * (1.0 + 1e-12));
        }
        prop_assert!((shape.intensity(0.0) * shape.volume_nm3()
            - shape.amplitude([0.0; 3]).powi(2)).abs() <= 1e-9 * shape.amplitude([0.0; 3]).powi(2)
            + 1e-12 * shape.volume_nm3().powi(2));
    }

    /// ⟨F⟩² ≤ ⟨F²⟩.
    #[test]
    fn beta_is_a_part(shape in any_shape(), q in 0.0..4.0) {
        let ensemble = Ensemble::new(EnsembleConfig { shape, spreads: vec![] }).unwrap();
        let beta = ensemble.beta(q);
        prop_assert!((0.0..=1.0 + 1e-9).contains(&beta), "{beta}");
    }

    /// The pattern is the amplitude squared, batch is one by one, and I(q) = I(−q).
    #[test]
    fn a_pattern_is_its_points(
        shape in any_shape(),
        angles in prop::array::uniform3(-4.0..4.0),
        q in prop::collection::vec((-3.0..3.0, -3.0..3.0), 1..200),
    ) {
        let [theta, phi, psi] = angles;
        let particles = oriented(shape, theta, phi, psi);
        let (qx, qy): (Vec<f64>, Vec<f64>) = q.iter().copied().unzip();
        let found = pattern(&particles, &qx, &qy);
        let minus = |v: &[f64]| v.iter().map(|x: &f64| -*x).collect::<Vec<f64>>();
        let (minus_x, minus_y) = (minus(&qx), minus(&qy));
        prop_assert_eq!(&found, &pattern(&particles, &minus_x, &minus_y));
        let largest = shape.amplitude([0.0; 3]).abs().max(shape.volume_nm3());
        for (i, &(x, y)) in q.iter().enumerate() {
            prop_assert_eq!(found[i], pattern(&particles, &[x], &[y])[0]);
            let axis = [theta.sin() * phi.cos(), theta.sin() * phi.sin(), theta.cos()];
            let second = [
                -phi.sin() * psi.cos() - psi.sin() * phi.cos() * theta.cos(),
                phi.cos() * psi.cos() - psi.sin() * phi.sin() * theta.cos(),
            ];
            let first = [
                phi.cos() * psi.cos() * theta.cos() - phi.sin() * psi.sin(),
                phi.sin() * psi.cos() * theta.cos() + phi.cos() * psi.sin(),
            ];
            let along = |v: &[f64]| v[0] * x + v[1] * y;
            let amplitude = shape.amplitude([along(&first), along(&second), along(&axis)]);
            let expected = amplitude * amplitude / shape.volume_nm3();
            let scale = largest * largest / shape.volume_nm3();
            prop_assert!((found[i] - expected).abs() < 1e-12 * scale, "{} {expected}", found[i]);
        }
    }

    /// Turning the particle about the beam turns the pattern.
    #[test]
    fn the_pattern_turns_with_the_particle(shape in any_shape(), theta in 0.0..3.0, phi in -3.0..3.0) {
        let still = oriented(shape, theta, 0.0, 0.4);
        let turned = oriented(shape, theta, phi, 0.4);
        let (x, y) = (0.31, -0.17);
        let (sine, cosine) = f64::sin_cos(phi);
        let a = pattern(&still, &[x], &[y])[0];
        let b = pattern(&turned, &[cosine * x - sine * y], &[sine * x + cosine * y])[0];
        prop_assert!((a - b).abs() <= 1e-9 * a.abs().max(1e-9 * shape.intensity(0.0)));
    }
}

/// A powder is the sum of all orientations: of a Maier-Saupe law without strength.
#[test]
fn all_orientations_together_are_the_powder() {
    for shape in [
        Shape::Ellipsoid {
            polar_nm: 2.0,
            equatorial_nm: 7.0,
        },
        Shape::Cylinder {
            radius_nm: 2.0,
            length_nm: 12.0,
        },
        Shape::Prism {
            a_nm: 3.0,
            b_nm: 5.0,
            c_nm: 9.0,
        },
    ] {
        let all = Oriented::new(OrientedConfig {
            shape,
            theta_rad: 0.7,
            phi_rad: 0.3,
            alignment: Alignment::MaierSaupe {
                strength: 0.0,
                points: 24,
            },
            ..OrientedConfig::default()
        })
        .unwrap();
        let q = [0.05, 0.4, 0.9];
        let found = pattern(&all, &q, &[0.0; 3]);
        for (q, found) in q.into_iter().zip(found) {
            assert_relative_eq!(found, shape.intensity(q), max_relative = 1e-9);
        }
    }
}

/// A strong law of Maier and Saupe is one orientation, a strongly negative one lies across.
#[test]
fn alignment_sharpens_the_streak() {
    let ratio = |strength| {
        let rods = Oriented::new(OrientedConfig {
            alignment: Alignment::MaierSaupe {
                strength,
                points: 60,
            },
            ..OrientedConfig::default()
        })
        .unwrap();
        let found = pattern(&rods, &[0.3, 0.0], &[0.0, 0.3]);
        found[1] / found[0]
    };
    assert_relative_eq!(ratio(0.0), 1.0, max_relative = 1e-6);
    assert!(ratio(2.0) > 2.0 && ratio(20.0) > ratio(2.0));
    assert!(ratio(-5.0) < 0.5);
}

#[test]
fn impossible_orientations_name_their_parameter() {
    let message = |change: fn(&mut OrientedConfig)| {
        let mut config = OrientedConfig::default();
        change(&mut config);
        Oriented::new(config).unwrap_err().to_string()
    };
    assert!(message(|c| c.theta_rad = f64::NAN).starts_with("theta_rad"));
    assert!(message(|c| c.shape = Shape::cube(-1.0)).starts_with("a_nm"));
    let unknown = message(|c| c.spreads = vec![Spread::gaussian("a_nm", 0.1)]);
    assert!(unknown.starts_with("a_nm"), "{unknown}");
    let skewed = message(|c| c.spreads = vec![Spread::schulz("phi_rad", 0.1)]);
    assert!(skewed.contains("phi_rad"), "{skewed}");
    let twice = message(|c| c.spreads = vec![Spread::gaussian("psi_rad", 0.1); 2]);
    assert!(twice.contains("psi_rad"), "{twice}");
    let both = message(|c| {
        c.alignment = Alignment::MaierSaupe {
            strength: 1.0,
            points: 5,
        };
        c.spreads = vec![Spread::gaussian("theta_rad", 0.1)];
    });
    assert!(both.contains("theta_rad"), "{both}");
    let between = message(|c| {
        c.alignment = Alignment::MaierSaupe {
            strength: -1e6,
            points: 2,
        };
    });
    assert!(between.contains("points"), "{between}");
    let wide = message(|c| c.spreads = vec![Spread::gaussian("radius_nm", 1e300)]);
    assert!(wide.contains("radius_nm"), "{wide}");
    let rods = oriented(OrientedConfig::default().shape, 0.0, 0.0, 0.0);
    let error = rods
        .intensity_into(&[0.0], &[0.0, 1.0], &mut [0.0])
        .unwrap_err();
    assert!(error.to_string().contains("1, 2 and 1"), "{error}");
}

/// The same bits on one thread and on two.
#[test]
fn nothing_depends_on_threads() {
    let ensemble = Ensemble::new(EnsembleConfig {
        shape: Shape::Cylinder {
            radius_nm: 3.0,
            length_nm: 25.0,
        },
        spreads: vec![Spread::gaussian("length_nm", 0.2)],
    })
    .unwrap();
    let q: Vec<f64> = (0..64).map(|i| 0.03 * f64::from(i)).collect();
    let rods = Oriented::new(OrientedConfig {
        spreads: vec![Spread::gaussian("phi_rad", 0.2)],
        ..OrientedConfig::default()
    })
    .unwrap();
    let qx: Vec<f64> = (0..10_000).map(|i| 1e-4 * f64::from(i)).collect();
    let qy: Vec<f64> = qx.iter().map(|q| 0.5 - q).collect();
    let on = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
        pool.unwrap()
            .install(|| (ensemble.intensities(&q), pattern(&rods, &qx, &qy)))
    };
    assert_eq!(on(1), on(2));
}
