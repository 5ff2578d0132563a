//! A catalogue of area detectors: shape, pixel pitch, modules and the gaps between them.
//!
//! Use it to give a frame the gap mask and the pixel size that its file does not state, to resolve
//! the detector that a PONI file names, and to simulate. It does not hold distortion tables,
//! calibrated module positions or per-pixel masks: a real detector has bad pixels of its own, which
//! come with its files.
//!
//! A detector is a grid of equal modules with equal gaps. Cadmium telluride sensors have a seam of
//! insensitive columns in the middle of each module besides. The gap mask flags both as
//! [`PixelFlags::GAP`].
//!
//! Source: shapes, pitches, modules, gaps and names as pyFAI 2026.9.0 has them; counter depths and
//! markers are nominal values of the makers, and a file's own header goes before them.

use ndarray::Array2;
use xscatter_core::{Mask, PixelFlags};

/// A model of an area detector.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Detector {
    /// The usual name: `Pilatus 300k`.
    pub name: &'static str,
    /// Other names that files use; case, spaces, `_` and `-` do not matter.
    pub aliases: &'static [&'static str],
    /// Rows and columns of the image.
    pub shape: (usize, usize),
    /// Pixel pitch along the rows' axis (slow, y).
    pub pixel1_m: f64,
    /// Pixel pitch along the columns' axis (fast, x).
    pub pixel2_m: f64,
    /// Rows and columns of one module; those of the image where there is only one.
    pub module: (usize, usize),
    /// Rows and columns between two modules.
    pub gap: (usize, usize),
    /// Insensitive columns in the middle of each module, between two sensor tiles.
    pub seam_columns: usize,
    /// Bits of one pixel's counter.
    pub bits: u8,
    /// The largest count that a pixel can hold.
    pub max_count: u32,
    /// What the detector's files hold where there is no sensor; `None` if nothing in particular.
    pub gap_marker: Option<i64>,
    /// What the detector's files hold in a pixel known to be bad.
    pub bad_marker: Option<i64>,
}

impl Detector {
    /// The detector of that name or alias, whatever the case; spaces, `_` and `-` are ignored.
    ///
    /// ```
    /// use xscatter_geometry::Detector;
    ///
    /// let detector = Detector::by_name("eiger2_4M").expect("in the catalogue");
    /// assert_eq!(detector.shape, (2162, 2068));
    /// assert!(Detector::by_name("no such detector").is_none());
    /// ```
    pub fn by_name(name: &str) -> Option<&'static Self> {
        let name = squeezed(name);
        CATALOGUE.iter().find(|detector| {
            std::iter::once(&detector.name)
                .chain(detector.aliases)
                .any(|known| squeezed(known) == name)
        })
    }

    /// Whether there is no sensor at this pixel: between modules or in a module's seam.
    pub fn is_gap(&self, row: usize, column: usize) -> bool {
        let row = row % (self.module.0 + self.gap.0);
        let column = column % (self.module.1 + self.gap.1);
        let seam = self.module.1.saturating_sub(self.seam_columns) / 2;
        row >= self.module.0
            || column >= self.module.1
            || (seam..seam + self.seam_columns).contains(&column)
    }

    /// The mask that flags the pixels without sensor as [`PixelFlags::GAP`].
    pub fn gap_mask(&self) -> Mask {
        Mask::new(Array2::from_shape_fn(self.shape, |(row, column)| {
            if self.is_gap(row, column) {
                PixelFlags::GAP
            } else {
                PixelFlags::VALID
            }
        }))
    }
}

/// All detectors that are known by name.
pub fn catalogue() -> &'static [Detector] {
    CATALOGUE
}

fn squeezed(name: &str) -> String {
    name.chars()
        .filter(|c| !matches!(c, ' ' | '_' | '-'))
        .map(|c| c.to_ascii_lowercase())
        .collect()
}

/// 172 µm, 20-bit counters; gaps −1, bad pixels −2 in signed 32-bit files.
const fn pilatus(
    name: &'static str,
    aliases: &'static [&'static str],
    shape: (usize, usize),
    seam_columns: usize,
) -> Detector {
    Detector {
        name,
        aliases,
        shape,
        pixel1_m: 172e-6,
        pixel2_m: 172e-6,
        module: (195, 487),
        gap: (17, 7),
        seam_columns,
        bits: 20,
        max_count: (1 << 20) - 1,
        gap_marker: Some(-1),
        bad_marker: Some(-2),
    }
}

/// 150 µm; markers as the other detectors of the maker with unsigned 32-bit files.
const fn pilatus4(name: &'static str, shape: (usize, usize), seam_columns: usize) -> Detector {
    Detector {
        pixel1_m: 150e-6,
        pixel2_m: 150e-6,
        ..eiger(name, shape, (255, 513), (20, 7), seam_columns)
    }
}

/// 75 µm, summed to 32 bits in the detector; gaps are all bits set, bad pixels one less.
const fn eiger(
    name: &'static str,
    shape: (usize, usize),
    module: (usize, usize),
    gap: (usize, usize),
    seam_columns: usize,
) -> Detector {
    Detector {
        name,
        aliases: &[],
        shape,
        pixel1_m: 75e-6,
        pixel2_m: 75e-6,
        module,
        gap,
        seam_columns,
        bits: 32,
        max_count: u32::MAX - 2,
        gap_marker: Some(u32::MAX as i64),
        bad_marker: Some(u32::MAX as i64 - 1),
    }
}

const fn eiger1(name: &'static str, shape: (usize, usize)) -> Detector {
    eiger(name, shape, (514, 1030), (37, 10), 0)
}

const fn eiger2(name: &'static str, shape: (usize, usize)) -> Detector {
    eiger(name, shape, (512, 1028), (38, 12), 0)
}

const fn eiger2_cdte(name: &'static str, shape: (usize, usize)) -> Detector {
    eiger(name, shape, (512, 1028), (38, 12), 2)
}

/// 55 µm pixels of chips of 256 × 256, 24-bit counters; Medipix3 chips.
const fn lambda(name: &'static str, shape: (usize, usize)) -> Detector {
    Detector {
        name,
        aliases: &[],
        shape,
        pixel1_m: 55e-6,
        pixel2_m: 55e-6,
        module: (256, 256),
        gap: (4, 4),
        seam_columns: 0,
        bits: 24,
        max_count: (1 << 24) - 1,
        gap_marker: None,
        bad_marker: None,
    }
}

/// One sheet of pixels without gaps, 16-bit files: cameras and flat panels.
const fn sheet(
    name: &'static str,
    aliases: &'static [&'static str],
    shape: (usize, usize),
    pixel_m: f64,
) -> Detector {
    Detector {
        name,
        aliases,
        shape,
        pixel1_m: pixel_m,
        pixel2_m: pixel_m,
        module: shape,
        gap: (0, 0),
        seam_columns: 0,
        bits: 16,
        max_count: u16::MAX as u32,
        gap_marker: None,
        bad_marker: None,
    }
}

static CATALOGUE: &[Detector] = &[
    pilatus("Pilatus 100k", &[], (195, 487), 0),
    pilatus("Pilatus 200k", &[], (407, 487), 0),
    pilatus("Pilatus 300k", &[], (619, 487), 0),
    pilatus("Pilatus 300kw", &[], (195, 1475), 0),
    pilatus("Pilatus 900k", &[], (619, 1475), 0),
    pilatus("Pilatus 1M", &[], (1043, 981), 0),
    pilatus("Pilatus 2M", &[], (1679, 1475), 0),
    pilatus("Pilatus 6M", &[], (2527, 2463), 0),
    pilatus("Pilatus CdTe 300k", &["Pilatus 300k CdTe"], (619, 487), 3),
    pilatus("Pilatus CdTe 1M", &["Pilatus 1M CdTe"], (1043, 981), 3),
    pilatus("Pilatus CdTe 2M", &["Pilatus 2M CdTe"], (1679, 1475), 3),
    pilatus4("Pilatus4 260k", (530, 513), 0),
    pilatus4("Pilatus4 1M", (1080, 1033), 0),
    pilatus4("Pilatus4 2M", (1630, 1553), 0),
    pilatus4("Pilatus4 4M", (2180, 2073), 0),
    pilatus4("Pilatus4 CdTe 1M", (1080, 1033), 1),
    pilatus4("Pilatus4 CdTe 2M", (1630, 1553), 1),
    pilatus4("Pilatus4 CdTe 4M", (2180, 2073), 1),
    eiger1("Eiger 500k", (514, 1030)),
    eiger1("Eiger 1M", (1065, 1030)),
    eiger1("Eiger 4M", (2167, 2070)),
    eiger1("Eiger 9M", (3269, 3110)),
    eiger1("Eiger 16M", (4371, 4150)),
    eiger2("Eiger2 250k", (512, 512)),
    eiger2("Eiger2 500k", (512, 1028)),
    eiger2("Eiger2 1M", (1062, 1028)),
    eiger2("Eiger2 1M-W", (512, 2068)),
    eiger2("Eiger2 2M-W", (512, 4148)),
    eiger2("Eiger2 4M", (2162, 2068)),
    eiger2("Eiger2 9M", (3262, 3108)),
    eiger2("Eiger2 16M", (4362, 4148)),
    eiger2_cdte("Eiger2 CdTe 500k", (512, 1028)),
    eiger2_cdte("Eiger2 CdTe 1M", (1062, 1028)),
    eiger2_cdte("Eiger2 CdTe 1M-W", (512, 2068)),
    eiger2_cdte("Eiger2 CdTe 2M-W", (512, 4148)),
    eiger2_cdte("Eiger2 CdTe 4M", (2162, 2068)),
    eiger2_cdte("Eiger2 CdTe 9M", (3262, 3108)),
    eiger2_cdte("Eiger2 CdTe 16M", (4362, 4148)),
    lambda("Lambda 60k", (256, 256)),
    lambda("Lambda 250k", (516, 516)),
    lambda("Lambda 750k", (516, 1556)),
    lambda("Lambda 2M", (1556, 1556)),
    sheet(
        "Perkin",
        &["Perkin Elmer", "Perkin detector"],
        (2048, 2048),
        200e-6,
    ),
    sheet(
        "Pixium 4700",
        &["Pixium", "Pixium 4700 detector", "Thales Electronics"],
        (1910, 2480),
        308e-6,
    ),
    sheet(
        "Rayonix LX170",
        &["Rayonix LX170-HS"],
        (1920, 3840),
        44.2708e-6,
    ),
    sheet(
        "Rayonix MX170",
        &["Rayonix MX170-HS"],
        (3840, 3840),
        44.2708e-6,
    ),
    sheet("Rayonix MX225", &["MAR 225"], (6144, 6144), 73.242e-6),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Gap fractions of the masks of pyFAI 2026.9.0.
    #[test]
    fn gap_fractions_are_those_of_pyfai() {
        for (name, expected) in [
            ("Pilatus 100k", 0.0),
            ("Pilatus 200k", 0.04177),
            ("Pilatus 300k", 0.05493),
            ("Pilatus 300kw", 0.00949),
            ("Pilatus 900k", 0.06390),
            ("Pilatus 1M", 0.07187),
            ("Pilatus 2M", 0.07969),
            ("Pilatus 6M", 0.08453),
            ("PilatusCdTe300k", 0.06075),
            ("PilatusCdTe1M", 0.07758),
            ("Pilatus4_1M", 0.06196),
            ("Pilatus4_CdTe_1M", 0.06378),
            ("Eiger 500k", 0.0),
            ("Eiger1M", 0.03474),
            ("Eiger4M", 0.05581),
            ("Eiger 9M", 0.06266),
            ("Eiger 16M", 0.06605),
            ("Eiger2_250k", 0.0),
            ("Eiger2 500k", 0.0),
            ("Eiger2_1M", 0.03578),
            ("Eiger2_1MW", 0.00580),
            ("Eiger2_2MW", 0.00868),
            ("Eiger2_4M", 0.05823),
            ("Eiger2_9M", 0.06552),
            ("Eiger2_16M", 0.06913),
            ("Eiger2CdTe_500k", 0.00195),
            ("Eiger2CdTe_1M", 0.03766),
            ("Eiger2CdTe_1MW", 0.00774),
            ("Eiger2CdTe_4M", 0.06006),
            ("Eiger2CdTe_16M", 0.07094),
            ("Lambda 250k", 0.01544),
            ("Lambda 750k", 0.02051),
            ("Lambda2M", 0.02554),
            ("Perkin", 0.0),
        ] {
            let detector = Detector::by_name(name).unwrap();
            let mask = detector.gap_mask();
            let fraction =
                mask.invalid_count() as f64 / (detector.shape.0 * detector.shape.1) as f64;
            assert!(
                (fraction - expected).abs() < 5e-6,
                "{name}: {fraction}, expected {expected}"
            );
        }
    }

    #[test]
    fn every_name_and_alias_finds_its_own_detector() {
        let mut names = BTreeSet::new();
        for detector in catalogue() {
            for name in std::iter::once(&detector.name).chain(detector.aliases) {
                assert!(names.insert(squeezed(name)), "{name} is there twice");
                assert_eq!(Detector::by_name(&name.to_uppercase()), Some(detector));
            }
        }
    }

    #[test]
    fn every_shape_is_a_grid_of_modules() {
        for detector in catalogue() {
            let whole = |pixels: usize, module: usize, gap: usize| {
                pixels <= module || (pixels + gap).is_multiple_of(module + gap)
            };
            assert!(
                whole(detector.shape.0, detector.module.0, detector.gap.0)
                    && whole(detector.shape.1, detector.module.1, detector.gap.1),
                "{}",
                detector.name
            );
        }
    }

    #[test]
    fn the_gap_begins_after_the_last_row_of_the_first_module() {
        let detector = Detector::by_name("Pilatus 300k").unwrap();
        assert!(!detector.is_gap(194, 0) && detector.is_gap(195, 0));
        assert!(detector.is_gap(211, 486) && !detector.is_gap(212, 486));
    }
}
