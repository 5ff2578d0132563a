//! A direction in the plane, and its angle without a call of the library.

use std::f32::consts::{FRAC_PI_2, PI};

/// A direction as a unit vector; its angle is in −π to π.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Direction {
    pub(crate) cosine: f32,
    pub(crate) sine: f32,
}

impl Direction {
    pub(crate) fn new(cosine: f32, sine: f32) -> Self {
        Self { cosine, sine }
    }

    /// To 1e-5 rad, after Abramowitz and Stegun 4.4.47; without a branch, so that rows of it are fast.
    #[inline]
    pub(crate) fn angle_rad(self) -> f32 {
        let (x, y) = (self.cosine.abs(), self.sine.abs());
        let tangent = x.min(y) / x.max(y).max(f32::MIN_POSITIVE);
        let square = tangent * tangent;
        let octant = tangent
            * (0.999_866
                + square
                    * (-0.330_299_5
                        + square * (0.180_141 + square * (-0.085_133 + square * 0.020_835_1))));
        let quadrant = if y > x { FRAC_PI_2 - octant } else { octant };
        let half = if self.cosine < 0.0 {
            PI - quadrant
        } else {
            quadrant
        };
        half.copysign(self.sine)
    }

    /// Of a vector that need not have unit length; along the axis if it has none.
    pub(crate) fn of(x: f32, y: f32) -> Self {
        let length = (x * x + y * y).sqrt();
        if length > 0.0 {
            Self::new(x / length, y / length)
        } else {
            Self::new(1.0, 0.0)
        }
    }

    /// Components along and across an axis given by its own cosine and sine.
    #[inline]
    pub(crate) fn turned(self, axis: (f32, f32)) -> (f32, f32) {
        (
            self.cosine * axis.0 + self.sine * axis.1,
            self.sine * axis.0 - self.cosine * axis.1,
        )
    }
}

/// The cosine and the sine of an angle.
pub(crate) fn axis(angle_rad: f64) -> (f32, f32) {
    (angle_rad.cos() as f32, angle_rad.sin() as f32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_angle_is_that_of_the_library_to_1e_5() {
        for step in -3000..=3000 {
            let chi = f64::from(step) / 3000.0 * std::f64::consts::PI;
            let (cosine, sine) = axis(chi);
            let angle = Direction::new(cosine, sine).angle_rad();
            assert!((angle - sine.atan2(cosine)).abs() < 1.2e-5, "{chi}");
        }
        assert!(Direction::new(0.0, 0.0).angle_rad().is_finite());
    }
}
