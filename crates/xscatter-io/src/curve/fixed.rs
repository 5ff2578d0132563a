//! The two text formats that state their number of points: PDH and the CHI of FIT2D.

use xscatter_core::{Error, ErrorKind, Result};

use super::numbers;
use super::unit::{self, AbscissaUnit, Quantity};
use super::{Curve, check_points, columns, xml};
use crate::header;
use crate::limits::Limits;

/// Lines before the points of a PDH file, and of a CHI file.
const PDH_HEAD: usize = 5;
const CHI_HEAD: usize = 4;
/// Curves that one CHI file may hold beside each other.
const MAX_CURVES: u64 = 15;

fn row(line: &str) -> Option<Vec<f64>> {
    line.split_whitespace()
        .map(|cell| numbers::number(cell, false))
        .collect()
}

fn integers(line: &str) -> Option<Vec<u64>> {
    let cells = line.split_whitespace();
    cells.map(|cell| cell.parse().ok()).collect()
}

/// Eight integers in line 3, five numbers in lines 4 and 5.
pub(super) fn is_pdh(text: &str) -> bool {
    let mut lines = text.lines().skip(2);
    let counts = lines.next().and_then(integers);
    let five = |line: Option<&str>| line.and_then(row).is_some_and(|row| row.len() == 5);
    counts.is_some_and(|counts| counts.len() == 8) && five(lines.next()) && five(lines.next())
}

/// Three lines of text, the number of points alone in the fourth, or beside it the number of curves
/// if the second line names an abscissa.
pub(super) fn is_chi(text: &str) -> bool {
    let mut lines = text.lines();
    let heads: Vec<&str> = lines.by_ref().take(CHI_HEAD - 1).collect();
    let label = |line: &&str| {
        let line = line.trim();
        !line.starts_with(['#', '%', '!', ';']) && row(line).is_none_or(|row| row.is_empty())
    };
    if heads.len() < CHI_HEAD - 1 || heads[1].trim().is_empty() || !heads[1..].iter().all(label) {
        return false;
    }
    let counted = match lines.next().and_then(integers).as_deref() {
        Some([_]) => true,
        Some([_, 1..=MAX_CURVES]) => unit::quantity_of(&unit::split_title(heads[1]).0).is_some(),
        _ => false,
    };
    counted
        && lines
            .next()
            .and_then(row)
            .is_none_or(|first| first.len() > 1)
}

/// Reads `count` rows of `widths` numbers, from the line after the first `skip` ones.
fn points(
    text: &str,
    skip: usize,
    count: u64,
    widths: std::ops::RangeInclusive<usize>,
    limits: &Limits,
) -> Result<Vec<Vec<f64>>> {
    check_points(count, limits)?;
    let mut values: Vec<Vec<f64>> = Vec::new();
    let mut found = 0;
    for (index, line) in text.lines().enumerate().skip(skip) {
        if found == count {
            break;
        }
        let Some(row) = row(line).filter(|row| !row.is_empty()) else {
            return Err(short(count, found).at(format_args!("line {}", index + 1)));
        };
        if values.is_empty() {
            values = vec![Vec::new(); row.len()];
        }
        if !widths.contains(&row.len()) || row.len() != values.len() {
            return Err(Error::new(
                ErrorKind::Malformed,
                format!(
                    "expected a row of {} to {} numbers, as many in each, found {}",
                    widths.start(),
                    widths.end(),
                    row.len()
                ),
            )
            .at(format_args!("line {}", index + 1)));
        }
        for (column, value) in values.iter_mut().zip(row) {
            column.push(value);
        }
        found += 1;
    }
    if found < count {
        return Err(short(count, found).at(format_args!("line {}", skip as u64 + found)));
    }
    Ok(values)
}

fn short(count: u64, found: u64) -> Error {
    let kind = ErrorKind::Truncated;
    Error::new(kind, format!("expected {count} points, found {found}"))
}

pub(super) fn read_pdh(text: &str, limits: &Limits) -> Result<Curve> {
    let lines: Vec<&str> = text.lines().take(PDH_HEAD).collect();
    let count = integers(lines[2]).map_or(0, |counts| counts[0]);
    let mut values = points(text, PDH_HEAD, count, 3..=3, limits)
        .map_err(|error| error.at("line 3"))?
        .into_iter();
    let mut column = || values.next().unwrap_or_default();
    let mut curve = Curve::new(column(), AbscissaUnit::Unknown, column())?.with_sigma(column())?;
    let info = &mut curve.info;
    info.title = Some(header::value(lines[0])).filter(|title| !title.is_empty());
    for (key, line) in ["keywords", "integers", "numbers 1", "numbers 2"]
        .iter()
        .zip(&lines[1..])
    {
        let words: Vec<&str> = line.split_whitespace().collect();
        info.header
            .insert((*key).to_owned(), header::value(&words.join(" ")));
    }
    let rest: String = text
        .lines()
        .skip(PDH_HEAD + count as usize)
        .flat_map(|line| [line, "\n"])
        .collect();
    if rest.len() > limits.max_header_bytes {
        return Err(Error::new(
            ErrorKind::LimitExceeded,
            format!(
                "expected at most {} bytes of text after the points",
                limits.max_header_bytes
            ),
        ));
    }
    match rest.trim() {
        "" => {}
        tail if tail.starts_with('<') => {
            let line = PDH_HEAD + count as usize;
            curve.x_unit = xml::file_info(&rest, line, &mut curve.info)?;
        }
        tail => {
            return Err(Error::new(
                ErrorKind::Malformed,
                format!(
                    "expected XML or the end of the file after {count} points, found `{}`",
                    header::value(tail.lines().next().unwrap_or(""))
                ),
            )
            .at(format_args!("line {}", PDH_HEAD + count as usize + 1)));
        }
    }
    Ok(curve)
}

pub(super) fn read_chi(text: &str, limits: &Limits) -> Result<Vec<Curve>> {
    let lines: Vec<&str> = text.lines().take(CHI_HEAD).collect();
    let counts = integers(lines[3]).unwrap_or_default();
    let count = counts.first().copied().unwrap_or(0);
    let several = counts.get(1).filter(|&&curves| curves > 1);
    let widths = several.map_or(2..=3, |&curves| curves as usize + 1..=curves as usize + 1);
    let values =
        points(text, CHI_HEAD, count, widths, limits).map_err(|error| error.at("line 4"))?;
    let after = CHI_HEAD + count as usize;
    if let Some((index, line)) = text
        .lines()
        .enumerate()
        .skip(after)
        .find(|(_, line)| !line.trim().is_empty())
    {
        return Err(Error::new(
            ErrorKind::Malformed,
            format!(
                "expected the end of the file after {count} points, found `{}`",
                header::value(line)
            ),
        )
        .at(format_args!("line {}", index + 1)));
    }
    let mut values = values.into_iter();
    let x = values.next().unwrap_or_default();
    let unit = AbscissaUnit::from_title(lines[1]);
    let mut curves = Vec::new();
    if several.is_some() {
        for values in values {
            curves.push(Curve::new(x.clone(), unit, values)?);
        }
    } else {
        let mut curve = Curve::new(x, unit, values.next().unwrap_or_default())?;
        if let Some(sigma) = values.next() {
            curve = curve.with_sigma(sigma)?;
        }
        curves.push(curve);
    }
    let title = header::value(lines[0]);
    for curve in &mut curves {
        let info = &mut curve.info;
        columns::note(&mut info.header, &format!("y label: {}", lines[2]));
        info.x_label = Some(header::value(lines[1]));
        info.intensity_unit = unit::split_title(lines[2]).1;
        info.title = Some(title.clone()).filter(|title| !title.is_empty());
    }
    Ok(curves)
}

/// The unit of the abscissa in the words of Anton Paar: quantity `SCATTERING_VECTOR`, `n_m^-1`.
pub(super) fn pdh_unit(quantity: &str, unit: &str) -> AbscissaUnit {
    let quantity = match quantity {
        "SCATTERING_VECTOR" => Quantity::Q,
        _ => Quantity::Other,
    };
    AbscissaUnit::from_quantity(quantity, unit)
}

#[cfg(test)]
mod tests {
    use super::super::read_text;
    use super::*;

    const PDH: &str = "water\nSAXS BOX\n 2 0 0 0 0 0 0 0\n 0 261 0 1 0.15\n 25 1.5 0 0 0\n\
                       0.1 1 0.1\n0.2 2 0.2\n";
    const CHI: &str = "a frame\n2-Theta Angle (Degrees)\nIntensity\n      2\n 1.0 5.0\n 2.0 6.0\n";

    fn read(text: &str) -> Result<Curve> {
        read_text(text, &Limits::default()).map(|mut curves| curves.remove(0))
    }

    #[test]
    fn both_are_told_from_columns() {
        let pdh = read(PDH).unwrap();
        assert_eq!(pdh.info.title.as_deref(), Some("water"));
        assert_eq!(pdh.sigma(), Some(&[0.1, 0.2][..]));
        assert_eq!(pdh.x_unit(), AbscissaUnit::Unknown);
        let chi = read(CHI).unwrap();
        assert_eq!(chi.x_unit(), AbscissaUnit::TwoThetaDeg);
        assert_eq!(chi.intensity(), [5.0, 6.0]);
        assert!(!is_chi("# a\n# b\n# c\n5\n1 2\n"));
        // The number of curves is no intensity of a first point.
        let one = read(&CHI.replace("      2\n", "      2   1\n")).unwrap();
        assert_eq!(one.x(), [1.0, 2.0]);
        let text = CHI
            .replace("      2\n", "  2  2\n")
            .replace(".0\n", ".0 7.5\n");
        let two = read_text(&text, &Limits::default()).unwrap();
        assert_eq!(two.len(), 2);
        assert_eq!(two[1].intensity(), [7.5, 7.5]);
        // Without the name of an abscissa they are.
        let counts = read("a\nb\nc\n2 1\n3 4\n").unwrap();
        assert_eq!(counts.x(), [2.0, 3.0]);
    }

    #[test]
    fn the_stated_number_of_points_must_be_there() {
        let error = read(&PDH.replace(" 2 0 0", " 3 0 0")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Truncated);
        assert_eq!(error.to_string(), "at line 7: expected 3 points, found 2");
        let error = read(&PDH.replace(" 2 0 0", " 1 0 0")).unwrap_err();
        assert_eq!(error.place(), Some("line 7"));
        let huge = PDH.replace(" 2 0 0", " 9999999999999999999 0 0");
        assert_eq!(read(&huge).unwrap_err().kind(), ErrorKind::LimitExceeded);
        let error = read(&CHI.replace("      2", "      9")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Truncated);
        let error = read(&CHI.replace("      2", "      1")).unwrap_err();
        assert_eq!(error.place(), Some("line 6"));
        let error = read(&CHI.replace("2.0 6.0", "2.0")).unwrap_err();
        assert_eq!(error.place(), Some("line 6"));
    }
}
