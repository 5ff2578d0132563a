//! I(q) as numbers: what the analyses of curves work on.

/// Intensity against the length of the scattering vector, with standard uncertainties; ascending in q.
///
/// Bins in which nothing was measured are left out, so every number is finite.
///
/// ```
/// use xscatter_features::Curve;
///
/// let curve = Curve::new(vec![0.1, 0.2, 0.4], vec![9.0, 4.0, 1.0], vec![3.0, 2.0, 1.0])?;
/// assert_eq!(curve.between(0.15, 0.5).intensity(), [4.0, 1.0]);
/// # Ok::<(), xscatter_features::CurveError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Curve {
    q_inv_nm: Vec<f64>,
    intensity: Vec<f64>,
    sigma: Vec<f64>,
}

/// Why numbers are no curve.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CurveError {
    /// Columns of different lengths.
    #[error(
        "expected as many intensities and uncertainties as q, {q}, got {intensity} and {sigma}"
    )]
    Lengths {
        /// How many q.
        q: usize,
        /// How many intensities.
        intensity: usize,
        /// How many uncertainties.
        sigma: usize,
    },
    /// A row that cannot be.
    #[error(
        "expected q above the one before, a finite intensity and an uncertainty of at least 0, found otherwise in row {0}"
    )]
    Row(usize),
}

impl Curve {
    /// The curve through these points.
    ///
    /// # Errors
    /// [`CurveError`] if q does not ascend from 0 or above, or a number is not finite or an uncertainty
    /// negative.
    pub fn new(
        q_inv_nm: Vec<f64>,
        intensity: Vec<f64>,
        sigma: Vec<f64>,
    ) -> Result<Self, CurveError> {
        if intensity.len() != q_inv_nm.len() || sigma.len() != q_inv_nm.len() {
            return Err(CurveError::Lengths {
                q: q_inv_nm.len(),
                intensity: intensity.len(),
                sigma: sigma.len(),
            });
        }
        let is_sound = |row: usize| {
            let after = row
                .checked_sub(1)
                .is_none_or(|before| q_inv_nm[before] < q_inv_nm[row]);
            after
                && (0.0..f64::INFINITY).contains(&q_inv_nm[row])
                && intensity[row].is_finite()
                && (0.0..f64::INFINITY).contains(&sigma[row])
        };
        if let Some(row) = (0..q_inv_nm.len()).find(|&row| !is_sound(row)) {
            return Err(CurveError::Row(row));
        }
        Ok(Self {
            q_inv_nm,
            intensity,
            sigma,
        })
    }

    /// Lengths of the scattering vector, ascending.
    pub fn q_inv_nm(&self) -> &[f64] {
        &self.q_inv_nm
    }

    /// The intensity at each q.
    pub fn intensity(&self) -> &[f64] {
        &self.intensity
    }

    /// The standard uncertainty of each intensity.
    pub fn sigma(&self) -> &[f64] {
        &self.sigma
    }

    /// The points with `min <= q <= max`.
    pub fn between(&self, min_inv_nm: f64, max_inv_nm: f64) -> Self {
        let start = self.q_inv_nm.partition_point(|&q| q < min_inv_nm);
        let end = self
            .q_inv_nm
            .partition_point(|&q| q <= max_inv_nm)
            .max(start);
        Self {
            q_inv_nm: self.q_inv_nm[start..end].to_vec(),
            intensity: self.intensity[start..end].to_vec(),
            sigma: self.sigma[start..end].to_vec(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_curve_is_refused() {
        let curve = |q: &[f64], i: &[f64], s: &[f64]| Curve::new(q.into(), i.into(), s.into());
        assert!(curve(&[0.0, 1.0], &[1.0, -1.0], &[0.0, 2.0]).is_ok());
        assert!(curve(&[], &[], &[]).is_ok());
        let lengths = CurveError::Lengths {
            q: 1,
            intensity: 1,
            sigma: 0,
        };
        assert_eq!(curve(&[1.0], &[1.0], &[]), Err(lengths));
        for (q, i, s) in [
            ([1.0, 1.0], [1.0, 1.0], [1.0, 1.0]),
            ([1.0, f64::NAN], [1.0, 1.0], [1.0, 1.0]),
            ([1.0, 2.0], [1.0, f64::INFINITY], [1.0, 1.0]),
            ([1.0, 2.0], [1.0, 1.0], [1.0, -1.0]),
        ] {
            assert_eq!(curve(&q, &i, &s), Err(CurveError::Row(1)));
        }
    }
}
