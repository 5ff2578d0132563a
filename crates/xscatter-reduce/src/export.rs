//! Profiles as text, in the layout of pyFAI's `.dat` files.
//!
//! Lines that begin with `#` say what was done and name the columns; then one line a bin with the
//! radial centre, the intensity and, with an error model, sigma. A bin without a valid pixel is
//! `nan`, where pyFAI writes 0, which cannot be told from a measured 0.

use std::io::Write;

use xscatter_core::{Error, Result};

use crate::profile::Profile;

/// Writes a profile; each comment becomes one or more lines of the header.
///
/// ```
/// # use xscatter_core::{Frame, Geometry, PixelPosition};
/// # use xscatter_reduce::{AzimuthalIntegrator, IntegrateConfig, write_dat};
/// # let centre = PixelPosition { row: 8.0, column: 8.0 };
/// # let geometry = Geometry::transmission(1.0, centre, 1e-4, 1e-10);
/// # let config = IntegrateConfig { bins: 4, ..IntegrateConfig::default() };
/// let integrator = AzimuthalIntegrator::new(&geometry, (16, 16), config)?;
/// # let frame = Frame::new(ndarray::Array2::from_elem((16, 16), 3.0));
/// let mut text = Vec::new();
/// write_dat(&mut text, &integrator.integrate(&frame)?, &[integrator.describe()])?;
/// assert!(text.starts_with(b"# "));
/// # Ok::<(), xscatter_core::Error>(())
/// ```
///
/// # Errors
/// If `out` cannot be written.
pub fn write_dat(out: &mut impl Write, profile: &Profile, comments: &[String]) -> Result<()> {
    let write = |out: &mut dyn Write| -> std::io::Result<()> {
        for line in comments.iter().flat_map(|comment| comment.lines()) {
            writeln!(out, "# {line}")?;
        }
        write!(out, "# {:>16} {:>18}", profile.unit.name(), "I")?;
        if profile.sigma.is_some() {
            write!(out, " {:>18}", "sigma")?;
        }
        writeln!(out)?;
        for bin in 0..profile.len() {
            let (centre, intensity) = (profile.centres[bin], profile.intensity[bin]);
            write!(out, "{} {}", field(centre), field(intensity))?;
            if let Some(sigma) = &profile.sigma {
                write!(out, " {}", field(sigma[bin]))?;
            }
            writeln!(out)?;
        }
        Ok(())
    };
    write(out).map_err(Error::from)
}

/// Ten digits, right-aligned; `nan` in the spelling that Python and C read.
fn field(value: f64) -> String {
    if value.is_nan() {
        return format!("{:>18}", "nan");
    }
    format!("{value:>18.9e}")
}

#[cfg(test)]
mod tests {
    use xscatter_geometry::RadialUnit;

    use super::*;

    #[test]
    fn an_empty_bin_is_not_a_zero() {
        let profile = Profile {
            unit: RadialUnit::TwoThetaDeg,
            centres: vec![0.5, 1.5],
            intensity: vec![0.0, f64::NAN],
            sigma: Some(vec![0.25, f64::NAN]),
            norm: vec![2.0, 0.0],
            count: vec![2.0, 0.0],
        };
        let mut text = Vec::new();
        write_dat(&mut text, &profile, &["two\nlines".to_owned()]).unwrap();
        let text = String::from_utf8(text).unwrap();
        let lines: Vec<Vec<&str>> = text
            .lines()
            .map(|l| l.split_whitespace().collect())
            .collect();
        assert_eq!(lines[0], ["#", "two"]);
        assert_eq!(lines[1], ["#", "lines"]);
        assert_eq!(lines[2], ["#", "2th_deg", "I", "sigma"]);
        assert_eq!(
            lines[3],
            ["5.000000000e-1", "0.000000000e0", "2.500000000e-1"]
        );
        assert_eq!(lines[4], ["1.500000000e0", "nan", "nan"]);
    }
}
