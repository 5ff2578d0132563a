//! Colours of counts and of masked pixels.
//!
//! The maps are perceptually uniform (inferno, viridis, magma of matplotlib) or grey. The four colours
//! of masked pixels keep their distance from every colour of every map (CIE 1976 ΔE above 20), so that
//! a masked pixel is never taken for a count.

use xscatter::PixelFlags;

use super::canvas::Rgb;

/// So many colours are taken from a map: with text and mask they fit the palette of a PNG.
const LEVELS: usize = 240;

/// Where positive counts begin on the map if counts of 0 and below have its first colour.
const FLOOR: f64 = 0.12;

/// Which colours counts get.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Map {
    /// Black, purple, orange, pale yellow.
    Inferno,
    /// Purple, green, yellow.
    Viridis,
    /// Black, purple, pink, cream.
    Magma,
    /// Black to white.
    Grey,
}

impl Map {
    /// The name that the option takes.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Inferno => "inferno",
            Self::Viridis => "viridis",
            Self::Magma => "magma",
            Self::Grey => "grey",
        }
    }

    fn at(self, position: f64) -> Rgb {
        let gradient = match self {
            Self::Inferno => colorous::INFERNO,
            Self::Viridis => colorous::VIRIDIS,
            Self::Magma => colorous::MAGMA,
            Self::Grey => {
                let level = (position * 255.0).round() as u8;
                return [level; 3];
            }
        };
        let colour = gradient.eval_continuous(position);
        [colour.r, colour.g, colour.b]
    }
}

/// The colours of a map, ready for use.
#[derive(Debug)]
pub(crate) struct Palette {
    levels: Vec<Rgb>,
    floor: Rgb,
}

impl Palette {
    /// The colours of a map; with `floor` its first colour is kept for counts of 0 and below, and the
    /// others begin well apart from it.
    pub(crate) fn new(map: Map, floor: bool) -> Self {
        let start = if floor { FLOOR } else { 0.0 };
        let level = |index: usize| {
            let share = index as f64 / (LEVELS - 1) as f64;
            map.at(start + (1.0 - start) * share)
        };
        Self {
            levels: (0..LEVELS).map(level).collect(),
            floor: map.at(0.0),
        }
    }

    /// The colour at a position between 0 and 1; `None` is a count without a logarithm.
    pub(crate) fn colour(&self, position: Option<f64>) -> Rgb {
        match position {
            None => self.floor,
            Some(position) => {
                let index = (position.clamp(0.0, 1.0) * (LEVELS - 1) as f64).round();
                self.levels[index as usize]
            }
        }
    }
}

/// Why a pixel is masked, with the colour and the word for it; in the order in which one of several
/// reasons is chosen.
pub(crate) const MASKED: [(PixelFlags, Rgb, &str); 4] = [
    (PixelFlags::OVERFLOW, [255, 0, 200], "overflow"),
    (PixelFlags::GAP, [18, 84, 62], "gap"),
    (PixelFlags::BAD, [0, 200, 255], "bad"),
    (PixelFlags::USER, [40, 90, 220], "masked"),
];

/// Which of the reasons counts for a masked pixel: its place in [`MASKED`].
pub(crate) fn reason(flags: PixelFlags) -> usize {
    MASKED
        .iter()
        .position(|(flag, _, _)| flags.contains(*flag))
        .unwrap_or(MASKED.len() - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// CIE L*a*b* of an sRGB colour (D65).
    fn lab(colour: Rgb) -> [f64; 3] {
        let linear = colour.map(|part| {
            let part = f64::from(part) / 255.0;
            if part <= 0.04045 {
                part / 12.92
            } else {
                ((part + 0.055) / 1.055).powf(2.4)
            }
        });
        let row = |a: f64, b: f64, c: f64| a * linear[0] + b * linear[1] + c * linear[2];
        let xyz = [
            row(0.4124, 0.3576, 0.1805) / 0.9505,
            row(0.2126, 0.7152, 0.0722),
            row(0.0193, 0.1192, 0.9505) / 1.089,
        ];
        let [x, y, z] = xyz.map(|value| {
            if value > 0.008856 {
                value.cbrt()
            } else {
                7.787 * value + 16.0 / 116.0
            }
        });
        [116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)]
    }

    fn distance(a: Rgb, b: Rgb) -> f64 {
        let (a, b) = (lab(a), lab(b));
        (0..3).map(|i| (a[i] - b[i]).powi(2)).sum::<f64>().sqrt()
    }

    const MAPS: [Map; 4] = [Map::Inferno, Map::Viridis, Map::Magma, Map::Grey];

    #[test]
    fn masked_pixels_have_colours_that_no_count_has() {
        for (_, colour, name) in MASKED {
            for map in MAPS {
                for level in Palette::new(map, false).levels {
                    let found = distance(colour, level);
                    assert!(found > 20.0, "{name} {map:?} {level:?}: {found}");
                }
            }
            for (_, other, _) in MASKED.iter().filter(|(_, other, _)| *other != colour) {
                assert!(distance(colour, *other) > 30.0, "{name}");
            }
        }
    }

    #[test]
    fn lightness_grows_along_every_map() {
        for map in MAPS {
            let levels = Palette::new(map, false).levels;
            for pair in levels.windows(8) {
                assert!(lab(pair[7])[0] > lab(pair[0])[0], "{map:?}");
            }
        }
    }

    #[test]
    fn a_count_without_logarithm_is_told_from_the_smallest_count() {
        for map in MAPS {
            let palette = Palette::new(map, true);
            assert!(distance(palette.colour(None), palette.colour(Some(0.0))) > 8.0);
        }
    }

    #[test]
    fn one_reason_is_chosen_of_several() {
        let both = PixelFlags::GAP.union(PixelFlags::USER);
        assert_eq!(MASKED[reason(both)].2, "gap");
        assert_eq!(MASKED[reason(PixelFlags::USER)].2, "masked");
    }
}
