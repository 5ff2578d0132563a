//! What the text of a header says about a frame.

use std::collections::BTreeMap;

/// The header of a file as it stands there.
pub(crate) type Header = BTreeMap<String, String>;

/// Longest value that is kept of a header.
const MAX_VALUE: usize = 4096;

/// A header value: trimmed of white space and NUL, long ones cut, control characters blanked.
pub(crate) fn value(text: &str) -> String {
    let text = text.trim_matches(|c: char| c.is_whitespace() || c == '\0');
    let mut value: String = text
        .chars()
        .take(MAX_VALUE)
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    if value.len() < text.len() {
        value.push('…');
    }
    value
}

/// The value of a key whose case does not matter.
pub(crate) fn find<'a>(header: &'a Header, key: &str) -> Option<&'a str> {
    if let Some(value) = header.get(key) {
        return Some(value);
    }
    header
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(key))
        .map(|(_, value)| value.as_str())
}

/// The finite numbers of a value, units and brackets left out: `(2.5, 3) pixels` holds two.
pub(crate) fn numbers(value: &str) -> Vec<f64> {
    value
        .split(|c: char| c.is_whitespace() || matches!(c, ',' | '(' | ')' | '_' | '=' | '[' | ']'))
        .filter(|token| token.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c)))
        .filter_map(|token| token.parse().ok())
        .filter(|number: &f64| number.is_finite())
        .collect()
}

/// The first number of a value.
pub(crate) fn number(value: &str) -> Option<f64> {
    numbers(value).into_iter().next()
}

/// How many metres one unit of length is; `None` for a text that is none.
pub(crate) fn metres(unit: &str) -> Option<f64> {
    Some(match unit.trim() {
        "m" | "metre" | "meter" | "metres" | "meters" => 1.0,
        "mm" | "millimetre" | "millimeter" | "millimetres" | "millimeters" => 1e-3,
        "um" | "µm" | "μm" | "micron" | "microns" | "micrometre" | "micrometer" => 1e-6,
        "nm" | "nanometre" | "nanometer" => 1e-9,
        "A" | "Å" | "\u{212b}" | "angstrom" | "Angstrom" | "angstroms" | "ang" => 1e-10,
        "pm" => 1e-12,
        "cm" => 1e-2,
        _ => return None,
    })
}

/// A length in metres from a value such as `0.1 m`; without a unit it is in `default_m`.
pub(crate) fn length(value: &str, default_m: f64) -> Option<f64> {
    let unit = value
        .split(|c: char| c.is_whitespace() || c == '_')
        .find_map(metres)
        .unwrap_or(default_m);
    Some(scaled(number(value)?, unit))
}

/// `value` units of `unit` metres; a power of ten is divided out, which rounds less.
pub(crate) fn scaled(value: f64, unit_m: f64) -> f64 {
    let per_metre = (1.0 / unit_m).round();
    if unit_m < 1.0 {
        value / per_metre
    } else {
        value * unit_m
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_found_between_units_and_brackets() {
        assert_eq!(numbers("(2000.00, -3) pixels"), [2000.0, -3.0]);
        assert_eq!(numbers("172e-6 m x 172e-6 m"), [172e-6, 172e-6]);
        assert_eq!(number("1.72e-4_m"), Some(1.72e-4));
        assert_eq!(number("nan inf nil"), None);
    }

    #[test]
    fn lengths_read_their_unit() {
        approx::assert_relative_eq!(length("0.68937 A", 1.0).unwrap(), 0.68937e-10);
        assert_eq!(length("452.5 mm", 1.0), Some(0.4525));
        assert_eq!(length("1.5", 1e-3), Some(1.5e-3));
        assert_eq!(length("none", 1.0), None);
    }

    #[test]
    fn long_and_binary_values_are_tamed() {
        assert_eq!(value("  a\u{1}b \0"), "a b");
        assert!(value(&"x".repeat(10_000)).len() < 5_000);
    }
}
