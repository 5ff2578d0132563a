//! Where the marks of an axis stand and how their numbers read.
//!
//! Linear axes are marked at 1, 2 or 5 times a power of ten, logarithmic ones at the powers of ten, or
//! closer where an axis covers less than two of them.

/// A mark: its value and, unless it is a small one, its number.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Tick {
    pub(crate) value: f64,
    pub(crate) label: Option<String>,
}

/// Marks of a linear axis, about `count` of them; none if the range is empty or not finite.
pub(crate) fn linear(low: f64, high: f64, count: usize) -> Vec<Tick> {
    let span = high - low;
    if span <= 0.0 || !span.is_finite() || count == 0 {
        return Vec::new();
    }
    let rough = span / count as f64;
    let power = 10_f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0]
        .map(|factor| factor * power)
        .into_iter()
        .find(|&step| step >= rough * 0.999)
        .unwrap_or(10.0 * power);
    let (first, last) = ((low / step).ceil() as i64, (high / step).floor() as i64);
    let decimals = (-step.log10().floor()).max(0.0) as usize;
    let large = low.abs().max(high.abs());
    let plain = large < 1e6 && decimals <= 5;
    (first..=last)
        .map(|index| {
            // `+ 0.0` makes -0 a 0.
            let value = index as f64 * step + 0.0;
            let label = if plain {
                format!("{value:.decimals$}")
            } else {
                number(value)
            };
            Tick {
                value,
                label: Some(label),
            }
        })
        .collect()
}

/// Marks of a logarithmic axis between two positive values.
pub(crate) fn logarithmic(low: f64, high: f64) -> Vec<Tick> {
    if !(low > 0.0 && high > low && high.is_finite()) {
        return Vec::new();
    }
    let decades = (high / low).log10();
    let within = |value: f64| value >= low * (1.0 - 1e-9) && value <= high * (1.0 + 1e-9);
    let powers = low.log10().floor() as i32..=high.log10().ceil() as i32;
    let marked = |factors: &[f64]| -> Vec<Tick> {
        let every = (decades / 8.0).ceil().max(1.0) as i32;
        let mut ticks = Vec::new();
        for power in powers.clone() {
            for factor in 1..=9 {
                let value = f64::from(factor) * 10_f64.powi(power);
                let labelled = factors.contains(&f64::from(factor)) && power % every == 0;
                let shown = factor == 1 || every == 1;
                if within(value) && shown {
                    ticks.push(Tick {
                        value,
                        label: labelled.then(|| number(value)),
                    });
                }
            }
        }
        ticks
    };
    let labels = |ticks: &[Tick]| ticks.iter().filter(|tick| tick.label.is_some()).count();
    for factors in [&[1.0][..], &[1.0, 3.0], &[1.0, 2.0, 5.0]] {
        let ticks = marked(factors);
        if labels(&ticks) >= 3 {
            return ticks;
        }
    }
    linear(low, high, 5)
}

/// A number in few characters: plain where that is short, else with a power of ten.
pub(crate) fn number(value: f64) -> String {
    let size = value.abs();
    if value == 0.0 {
        return "0".into();
    }
    if !(1e-3..1e6).contains(&size) {
        let text = format!("{value:.3e}");
        let (digits, power) = text.split_once('e').unwrap_or((&text, "0"));
        return format!("{}e{power}", trimmed(digits));
    }
    let decimals = (4.0 - size.log10().floor()).clamp(0.0, 7.0) as usize;
    trimmed(&format!("{value:.decimals$}")).to_owned()
}

/// A decimal number without zeros at its end.
fn trimmed(text: &str) -> &str {
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.')
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(ticks: &[Tick]) -> Vec<&str> {
        ticks
            .iter()
            .filter_map(|tick| tick.label.as_deref())
            .collect()
    }

    #[test]
    fn linear_marks_are_round_numbers_inside_the_range() {
        assert_eq!(
            labels(&linear(-1.0, 11.0, 6)),
            ["0", "2", "4", "6", "8", "10"]
        );
        assert_eq!(labels(&linear(0.0, 0.013, 4)), ["0.000", "0.005", "0.010"]);
        assert_eq!(labels(&linear(0.0, 3e7, 3)), ["0", "1e7", "2e7", "3e7"]);
        assert!(linear(1.0, 1.0, 5).is_empty() && linear(0.0, f64::NAN, 5).is_empty());
    }

    #[test]
    fn logarithmic_marks_are_powers_of_ten_or_closer() {
        assert_eq!(labels(&logarithmic(1.0, 2e3)), ["1", "10", "100", "1000"]);
        assert_eq!(labels(&logarithmic(0.9, 40.0)), ["1", "3", "10", "30"]);
        assert_eq!(labels(&logarithmic(1.0, 10.0)), ["1", "3", "10"]);
        assert_eq!(labels(&logarithmic(100.0, 103.0)).len(), 4);
        let wide = logarithmic(1e-10, 1e12);
        assert!(labels(&wide).len() < 10, "{wide:?}");
        assert!(logarithmic(0.0, 1.0).is_empty());
    }

    #[test]
    fn numbers_are_short_and_right() {
        for (value, text) in [
            (0.0, "0"),
            (1.0, "1"),
            (12345.6, "12346"),
            (-0.25, "-0.25"),
            (1e6, "1e6"),
            (123456789.0, "1.235e8"),
            (2.5e-7, "2.5e-7"),
            (0.012345, "0.012345"),
        ] {
            assert_eq!(number(value), text);
        }
    }
}
