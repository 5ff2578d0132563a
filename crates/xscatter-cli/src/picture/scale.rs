//! From a count to a place on the colour bar.
//!
//! | scale | place of a count c between the limits a and b | counts it cannot place |
//! |---|---|---|
//! | log | (ln c − ln a) / (ln b − ln a) | c ≤ 0: they get a colour of their own |
//! | sqrt | (√c − √a) / (√b − √a), negative counts as 0 | none |
//! | linear | (c − a) / (b − a) | none |
//!
//! Counts beyond a limit get the colour of the limit. Without limits given, these are two percentiles
//! (0.1 and 99.9 unless others are asked for) of the valid counts above 0 for log and sqrt and of all
//! valid counts for linear, so that a hot pixel does not darken the picture. A frame without a count
//! above 0 is drawn linearly. Masked pixels never enter. Cost: two selections, linear in the pixels.

use super::ticks::{self, Tick};

/// How counts are spread over the colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Scale {
    /// Logarithmic: several orders of magnitude at once.
    Log,
    /// Square root: equal steps of counting noise.
    Sqrt,
    /// Linear.
    Linear,
}

impl Scale {
    /// The name that the option takes.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Log => "log",
            Self::Sqrt => "sqrt",
            Self::Linear => "linear",
        }
    }
}

/// Where the colours begin and end.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Limits {
    /// At these percentiles of the valid counts.
    Percentiles(f64, f64),
    /// At these counts.
    Counts(f64, f64),
}

/// A scale with its limits for one picture.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Mapping {
    pub(crate) scale: Scale,
    pub(crate) low: f64,
    pub(crate) high: f64,
    /// How many valid counts have no logarithm; 0 for the other scales.
    pub(crate) floored: usize,
    /// Whether some of them are below 0.
    pub(crate) negative: bool,
    /// What a person should know about the choice.
    pub(crate) note: Option<&'static str>,
}

impl Mapping {
    /// The mapping for these valid counts, in any order.
    pub(crate) fn new(counts: &mut Vec<f32>, scale: Scale, limits: Limits) -> Self {
        let all = counts.len();
        let positive = counts.iter().filter(|&&count| count > 0.0).count();
        let negative = counts.iter().any(|&count| count < 0.0);
        let (scale, note) = match scale {
            _ if all == 0 => (Scale::Linear, Some("no valid pixel")),
            Scale::Log | Scale::Sqrt if positive == 0 => {
                (Scale::Linear, Some("no count above 0: drawn linearly"))
            }
            scale => (scale, None),
        };
        if scale != Scale::Linear {
            counts.retain(|&count| count > 0.0);
        }
        let (low, high) = match limits {
            Limits::Counts(low, high) => (low, high),
            Limits::Percentiles(low, high) => (percentile(counts, low), percentile(counts, high)),
        };
        // A logarithm needs a positive lower limit, whatever was asked for.
        let low = if scale == Scale::Log && low <= 0.0 {
            percentile(counts, 0.0)
        } else {
            low
        };
        // A single value is bright: counts of 1 among zeros shall be seen.
        let (low, high) = match scale {
            _ if high > low => (low, high),
            Scale::Log => (low / 10.0, low),
            Scale::Sqrt | Scale::Linear if low > 0.0 => (0.0, low),
            Scale::Sqrt | Scale::Linear => (low, low + 1.0),
        };
        Self {
            scale,
            low,
            high,
            floored: if scale == Scale::Log {
                all - positive
            } else {
                0
            },
            negative,
            note,
        }
    }

    /// Between 0 and 1; `None` for a count without a logarithm.
    pub(crate) fn position(&self, count: f64) -> Option<f64> {
        let curve = |value: f64| match self.scale {
            Scale::Log => value.ln(),
            Scale::Sqrt => value.max(0.0).sqrt(),
            Scale::Linear => value,
        };
        if self.scale == Scale::Log && count <= 0.0 {
            return None;
        }
        let (low, high) = (curve(self.low), curve(self.high));
        Some(((curve(count) - low) / (high - low)).clamp(0.0, 1.0))
    }

    /// The marks of the colour bar.
    pub(crate) fn ticks(&self) -> Vec<Tick> {
        match self.scale {
            Scale::Log => ticks::logarithmic(self.low, self.high),
            Scale::Sqrt | Scale::Linear => ticks::linear(self.low, self.high, 6),
        }
    }
}

/// The value below which `percent` of the counts lie, nearest rank; 0 if there is none.
fn percentile(counts: &mut [f32], percent: f64) -> f64 {
    if counts.is_empty() {
        return 0.0;
    }
    let last = counts.len() - 1;
    let rank = ((percent / 100.0).clamp(0.0, 1.0) * last as f64).round() as usize;
    let (_, value, _) = counts.select_nth_unstable_by(rank, f32::total_cmp);
    f64::from(*value)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROBUST: Limits = Limits::Percentiles(0.1, 99.9);

    #[test]
    fn one_hot_pixel_does_not_darken_the_picture() {
        let mut counts: Vec<f32> = (1..=10_000).map(|count| count as f32).collect();
        counts[17] = 1e9;
        let mapping = Mapping::new(&mut counts, Scale::Log, ROBUST);
        assert!((mapping.low - 11.0).abs() < 2.0 && (mapping.high - 9991.0).abs() < 2.0);
        assert_eq!(mapping.position(1e9), Some(1.0));
        assert_eq!(mapping.position(1e-3), Some(0.0));
        let middle = (mapping.low * mapping.high).sqrt();
        assert!((mapping.position(middle).unwrap() - 0.5).abs() < 1e-12);
    }

    #[test]
    fn zero_and_negative_counts_have_no_place_on_a_logarithmic_bar() {
        let mapping = Mapping::new(&mut vec![0.0, -3.0, 5.0, 50.0], Scale::Log, ROBUST);
        assert_eq!((mapping.low, mapping.high, mapping.floored), (5.0, 50.0, 2));
        assert_eq!(mapping.position(0.0), None);
        assert_eq!(mapping.position(-3.0), None);
        let linear = Mapping::new(&mut vec![0.0, -3.0, 5.0, 50.0], Scale::Linear, ROBUST);
        assert_eq!((linear.low, linear.floored), (-3.0, 0));
        assert_eq!(linear.position(-3.0), Some(0.0));
    }

    #[test]
    fn frames_without_counts_are_drawn_linearly_and_say_so() {
        let zeros = Mapping::new(&mut vec![0.0; 4], Scale::Log, ROBUST);
        assert_eq!(
            (zeros.scale, zeros.low, zeros.high),
            (Scale::Linear, 0.0, 1.0)
        );
        assert!(zeros.note.unwrap().contains("above 0"));
        let nothing = Mapping::new(&mut Vec::new(), Scale::Log, ROBUST);
        assert_eq!(nothing.note, Some("no valid pixel"));
        assert_eq!(nothing.position(0.5), Some(0.5));
    }

    #[test]
    fn a_constant_frame_has_a_range() {
        let mapping = Mapping::new(&mut vec![7.0; 9], Scale::Log, ROBUST);
        assert_eq!((mapping.low, mapping.high), (7.0 / 10.0, 7.0));
        assert_eq!(mapping.position(7.0), Some(1.0));
        let given = Mapping::new(&mut vec![7.0; 9], Scale::Log, Limits::Counts(0.0, 100.0));
        assert_eq!((given.low, given.high), (7.0, 100.0));
    }
}
