//! What stands between sample and detector: beamstops with their arms, flight tubes, holders.
//!
//! An obstacle is a shape in pixels with a soft edge and a transmission of its own: a beamstop may
//! leak, a wafer may be half transparent. Overlapping obstacles multiply. A few arithmetic operations
//! a pixel and obstacle.

/// The outline of an obstacle; places in pixels (row, column), directions as unit vectors
/// (rows, columns).
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Outline {
    /// A disk.
    Disk {
        /// Its centre.
        centre: (f32, f32),
        /// Its radius.
        radius_px: f32,
    },
    /// A strip that begins at a place and runs on in one direction.
    Arm {
        /// Where it begins.
        from: (f32, f32),
        /// Where it runs.
        towards: (f32, f32),
        /// Half its width.
        half_width_px: f32,
    },
    /// A wedge that opens from its tip.
    Wedge {
        /// Its tip.
        tip: (f32, f32),
        /// The direction of its axis.
        towards: (f32, f32),
        /// Tangent of half its opening.
        slope: f32,
    },
    /// Everything outside a circle: the end of a flight tube, the rim of a camera.
    Rim {
        /// Its centre.
        centre: (f32, f32),
        /// Its radius.
        radius_px: f32,
    },
    /// Everything outside a rectangle: a window, a frame, a slit left in the beam.
    Window {
        /// Its centre.
        centre: (f32, f32),
        /// The direction of its first side.
        towards: (f32, f32),
        /// Half the length of the first and of the second side.
        half_sides_px: (f32, f32),
    },
    /// Everything beyond a straight edge.
    HalfPlane {
        /// A place on the edge.
        on: (f32, f32),
        /// The direction into the obstacle.
        towards: (f32, f32),
    },
}

/// An obstacle.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Obstacle {
    /// Its outline.
    pub outline: Outline,
    /// Over how many pixels its edge fades.
    pub edge_px: f32,
    /// What it lets through, 0 to 1.
    pub transmission: f32,
}

impl Outline {
    /// How far inside the outline a place is, in pixels (of a wedge: across its axis); negative outside.
    pub fn depth_px(&self, row: f32, column: f32) -> f32 {
        match *self {
            Self::Disk { centre, radius_px } => {
                radius_px - ((row - centre.0).powi(2) + (column - centre.1).powi(2)).sqrt()
            }
            Self::Rim { centre, radius_px } => {
                ((row - centre.0).powi(2) + (column - centre.1).powi(2)).sqrt() - radius_px
            }
            Self::Arm {
                from,
                towards,
                half_width_px,
            } => {
                let (along, across) = turned(row - from.0, column - from.1, towards);
                (half_width_px - across.abs()).min(along)
            }
            Self::Wedge {
                tip,
                towards,
                slope,
            } => {
                let (along, across) = turned(row - tip.0, column - tip.1, towards);
                along * slope - across.abs()
            }
            Self::Window {
                centre,
                towards,
                half_sides_px,
            } => {
                let (along, across) = turned(row - centre.0, column - centre.1, towards);
                (along.abs() - half_sides_px.0).max(across.abs() - half_sides_px.1)
            }
            Self::HalfPlane { on, towards } => turned(row - on.0, column - on.1, towards).0,
        }
    }
}

/// Components along and across a direction.
fn turned(rows: f32, columns: f32, towards: (f32, f32)) -> (f32, f32) {
    (
        rows * towards.0 + columns * towards.1,
        rows * towards.1 - columns * towards.0,
    )
}

impl Obstacle {
    /// What reaches a place through this obstacle, `transmission` to 1.
    ///
    /// ```
    /// use xscatter_sim::obstacle::{Obstacle, Outline};
    ///
    /// let outline = Outline::Disk { centre: (50.0, 60.0), radius_px: 8.0 };
    /// let beamstop = Obstacle { outline, edge_px: 1.0, transmission: 0.01 };
    /// assert_eq!(beamstop.transmitted(50.0, 60.0), 0.01);
    /// assert_eq!(beamstop.transmitted(50.0, 90.0), 1.0);
    /// ```
    pub fn transmitted(&self, row: f32, column: f32) -> f32 {
        self.faded(
            self.outline.depth_px(row, column),
            1.0 / self.edge_px.max(0.1),
        )
    }

    /// Multiplies a row of pixels by what reaches their centres.
    pub(crate) fn shade_row(&self, row: usize, line: &mut [f32]) {
        let row = row as f32 + 0.5;
        let per_px = 1.0 / self.edge_px.max(0.1);
        if let Outline::Disk { centre, radius_px } = self.outline
            && (row - centre.0).abs() > radius_px + self.edge_px.max(0.1)
        {
            return;
        }
        for (column, value) in line.iter_mut().enumerate() {
            *value *= self.faded(self.outline.depth_px(row, column as f32 + 0.5), per_px);
        }
    }

    fn faded(&self, depth: f32, per_px: f32) -> f32 {
        let inside = (0.5 + depth * per_px).clamp(0.0, 1.0);
        self.transmission * inside + (1.0 - inside)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arm_runs_one_way_only() {
        let arm = Outline::Arm {
            from: (10.0, 10.0),
            towards: (1.0, 0.0),
            half_width_px: 3.0,
        };
        assert!(arm.depth_px(30.0, 11.0) > 0.0);
        assert!(arm.depth_px(0.0, 10.0) < 0.0);
        assert!(arm.depth_px(30.0, 14.0) < 0.0);
    }

    #[test]
    fn a_wedge_opens_from_its_tip() {
        let wedge = Outline::Wedge {
            tip: (0.0, 0.0),
            towards: (0.0, 1.0),
            slope: 0.2,
        };
        assert!(wedge.depth_px(0.0, 10.0) > 0.0);
        assert!(wedge.depth_px(10.0, 10.0) < 0.0 && wedge.depth_px(0.0, -1.0) < 0.0);
    }

    #[test]
    fn a_window_lets_through_what_is_inside() {
        let outline = Outline::Window {
            centre: (10.0, 20.0),
            towards: (1.0, 0.0),
            half_sides_px: (4.0, 8.0),
        };
        assert!(outline.depth_px(13.0, 27.0) < 0.0);
        assert!(outline.depth_px(15.0, 20.0) > 0.0 && outline.depth_px(10.0, 29.0) > 0.0);
    }

    #[test]
    fn a_row_is_shaded_as_its_pixels_are() {
        let outlines = [
            Outline::Disk {
                centre: (4.2, 9.0),
                radius_px: 3.3,
            },
            Outline::Arm {
                from: (4.0, 9.0),
                towards: (0.6, 0.8),
                half_width_px: 2.0,
            },
        ];
        for outline in outlines {
            let obstacle = Obstacle {
                outline,
                edge_px: 1.7,
                transmission: 0.1,
            };
            for row in 0..12 {
                let mut line = [2.0; 20];
                obstacle.shade_row(row, &mut line);
                for (column, &value) in line.iter().enumerate() {
                    let expected =
                        2.0 * obstacle.transmitted(row as f32 + 0.5, column as f32 + 0.5);
                    assert!((value - expected).abs() < 1e-6);
                }
            }
        }
    }

    #[test]
    fn an_edge_fades_and_a_rim_is_a_disk_inside_out() {
        let outline = Outline::Rim {
            centre: (0.0, 0.0),
            radius_px: 20.0,
        };
        let rim = Obstacle {
            outline,
            edge_px: 4.0,
            transmission: 0.0,
        };
        assert_eq!(rim.transmitted(0.0, 20.0), 0.5);
        assert_eq!(
            (rim.transmitted(0.0, 0.0), rim.transmitted(0.0, 30.0)),
            (1.0, 0.0)
        );
    }
}
