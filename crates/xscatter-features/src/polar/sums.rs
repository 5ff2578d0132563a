//! The sums of counts in rings and sectors, and what they say of the azimuth alone.

/// What was counted in each cell of a [`PolarTable`](super::PolarTable).
#[derive(Debug, Clone, PartialEq)]
pub struct CellSums {
    sectors: usize,
    sums: Vec<f64>,
    valid: Vec<u32>,
}

impl CellSums {
    /// From the sum of counts and the number of valid pixels in the sectors of each ring, ring by ring.
    ///
    /// # Panics
    /// If the numbers are not those of whole rings.
    pub fn new(sectors: usize, sums: Vec<f64>, valid: Vec<u32>) -> Self {
        assert!(
            sectors > 0 && sums.len() == valid.len() && sums.len().is_multiple_of(sectors),
            "expected {sectors} sectors a ring, got {} sums and {} numbers of pixels",
            sums.len(),
            valid.len()
        );
        Self {
            sectors,
            sums,
            valid,
        }
    }

    /// How many rings.
    pub fn rings(&self) -> usize {
        self.sums.len() / self.sectors
    }

    /// How many sectors.
    pub fn sectors(&self) -> usize {
        self.sectors
    }

    /// The sums of the counts in the sectors of a ring.
    ///
    /// # Panics
    /// If there is no such ring.
    pub fn sums(&self, ring: usize) -> &[f64] {
        &self.sums[ring * self.sectors..][..self.sectors]
    }

    /// The numbers of valid pixels in the sectors of a ring.
    ///
    /// # Panics
    /// If there is no such ring.
    pub fn valid(&self, ring: usize) -> &[u32] {
        &self.valid[ring * self.sectors..][..self.sectors]
    }

    /// The mean count of a cell; `None` without a valid pixel.
    ///
    /// # Panics
    /// If there is no such cell.
    pub fn mean(&self, ring: usize, sector: usize) -> Option<f64> {
        let (sum, valid) = (self.sums(ring)[sector], self.valid(ring)[sector]);
        (valid > 0).then(|| sum / f64::from(valid))
    }

    /// The sum of the counts of a ring.
    ///
    /// # Panics
    /// If there is no such ring.
    pub fn ring_sum(&self, ring: usize) -> f64 {
        self.sums(ring).iter().sum()
    }

    /// How many valid pixels a ring has.
    ///
    /// # Panics
    /// If there is no such ring.
    pub fn ring_valid(&self, ring: usize) -> u32 {
        self.valid(ring).iter().sum()
    }

    /// Rings `first` to `last` as one, of the azimuth alone: for every sector the sum of its counts, and the
    /// number of pixels that would have them if the intensity did not depend on q.
    ///
    /// Where a detector ends or has a gap, sectors see different q. With `I(q, χ) = R(q) g(χ)` sector s has
    /// the weight `Σ_k n_ks R_k`, not `Σ_k n_ks`; R and g are found by turns (the maximum of the likelihood of
    /// Poisson counts), and the weights are scaled to the number of pixels of the band.
    ///
    /// # Panics
    /// If there are no such rings.
    pub fn azimuthal(&self, first: usize, last: usize) -> (Vec<f64>, Vec<f64>) {
        let rings = || first..=last;
        let per_sector = |of_ring: &dyn Fn(usize, usize) -> f64| -> Vec<f64> {
            let sum = |sector| rings().map(|ring| of_ring(ring, sector)).sum();
            (0..self.sectors).map(sum).collect()
        };
        let sums = per_sector(&|ring, sector| self.sums(ring)[sector]);
        let mut around = vec![1.0; self.sectors];
        let mut weights = Vec::new();
        for _ in 0..TURNS {
            let radial: Vec<f64> = rings()
                .map(|ring| {
                    let parts = self.valid(ring).iter().zip(&around);
                    let expected: f64 = parts.map(|(&n, g)| f64::from(n) * g).sum();
                    quotient(self.ring_sum(ring), expected)
                })
                .collect();
            weights = per_sector(&|ring, sector| {
                f64::from(self.valid(ring)[sector]) * radial[ring - first]
            });
            let parts = sums.iter().zip(&weights);
            around = parts.map(|(&sum, &weight)| quotient(sum, weight)).collect();
        }
        let total: f64 = weights.iter().sum();
        let pixels = per_sector(&|ring, sector| f64::from(self.valid(ring)[sector]));
        if total <= 0.0 {
            // Without counts there is nothing to weigh by.
            return (sums, pixels);
        }
        let scale = pixels.iter().sum::<f64>() / total;
        for weight in &mut weights {
            *weight *= scale;
        }
        (sums, weights)
    }
}

/// How often the dependences on q and on χ are found from each other; they settle within a few.
const TURNS: usize = 10;

/// Of how many rings the azimuthal extractors make a band.
pub(crate) const RINGS_A_BAND: usize = 8;

/// A non-negative quotient; 0 where nothing is divided by nothing.
fn quotient(a: f64, b: f64) -> f64 {
    if b > 0.0 { (a / b).max(0.0) } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::polar::{PolarTable, QAxis};
    use ndarray::Array2;
    use xscatter_core::{Frame, Geometry, Mask, PixelPosition};
    use xscatter_geometry::PixelMap;

    fn map(shape: (usize, usize), row: f64, column: f64) -> PixelMap {
        let centre = PixelPosition { row, column };
        let geometry = Geometry::transmission(1.0, centre, 172e-6, 1e-10);
        PixelMap::new(&geometry, shape).unwrap()
    }

    #[test]
    fn a_band_that_leaves_the_detector_has_the_azimuth_of_its_rings() {
        // I = R(q) g(χ) with the beam near a corner, and every fifth column masked.
        let map = map((40, 50), 7.0, 12.0);
        let table = PolarTable::new(&map, &QAxis::linear(30), 24).unwrap();
        let around = |sector: usize| 2.0 + table.chi_rad(sector).cos();
        let counts = Array2::from_shape_fn((40, 50), |(row, column)| {
            let (ring, sector) = table.cell(row, column).unwrap();
            (around(sector) * 1000.0 / (1.0 + ring as f64)) as f32
        });
        let bad = Array2::from_shape_fn((40, 50), |(_, column)| column % 5 == 0);
        let frame = Frame::new(counts)
            .with_mask(Mask::from_bad(bad.view()))
            .unwrap();
        let cells = table.sums(&frame).unwrap();
        let (sums, weights) = cells.azimuthal(0, 29);
        let found: Vec<f64> = sums.iter().zip(&weights).map(|(s, w)| s / w).collect();
        for sector in 1..24 {
            let ratio = found[sector] / found[0];
            let expected = around(sector) / around(0);
            assert!(
                (ratio / expected - 1.0).abs() < 0.02,
                "{sector}: {ratio} {expected}"
            );
        }
        // One ring is as it stands.
        let (sums, weights) = cells.azimuthal(12, 12);
        assert_eq!(sums, cells.sums(12));
        for (weight, &n) in weights.iter().zip(cells.valid(12)) {
            assert!((weight - f64::from(n)).abs() < 1e-9);
        }
    }

    #[test]
    fn a_dark_band_is_weighted_by_its_pixels() {
        let cells = CellSums::new(2, vec![0.0; 4], vec![1, 2, 3, 4]);
        assert_eq!(cells.azimuthal(0, 1), (vec![0.0; 2], vec![4.0, 6.0]));
    }
}
