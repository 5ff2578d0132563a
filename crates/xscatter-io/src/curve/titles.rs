//! The titles of columns, and what each column is.

use super::numbers::Dialect;
use super::unit::{self, AbscissaUnit};
use super::{Column, Curve, CurveError, Resolution};

/// Bytes of a line beyond which it titles no columns.
const MAX_LINE: usize = 4096;

/// The titles that a line states for `count` columns; `None` if it is no line of titles.
///
/// It has one title for each column, and the first is the name of an abscissa.
pub(super) fn of_line(line: &str, dialect: Dialect, count: usize) -> Option<Vec<String>> {
    let line = line.trim();
    if line.len() > MAX_LINE {
        return None;
    }
    // SPEC and its followers: `#L q  I`.
    let line = line.strip_prefix("L ").unwrap_or(line);
    // pyFAI 2026.9 writes this line for curves with uncertainties, unit and all unformatted.
    if line.starts_with("{str(dim1_unit)") && count == 3 {
        return Some(["x", "I", "sigma"].map(str::to_owned).to_vec());
    }
    let by_mark: Vec<String> = dialect.cells(line).map(str::to_owned).collect();
    let mut splits = vec![joined(by_mark)];
    if dialect.is_white() {
        // Columns by white space under titles by commas or tabs, units with spaces in them.
        splits.push(line.split(',').map(str::to_owned).collect());
        splits.push(line.split('\t').map(str::to_owned).collect());
        splits.push(line.split("  ").map(str::to_owned).collect());
    }
    splits.push(joined(line.split_whitespace().map(str::to_owned).collect()));
    splits.into_iter().find_map(|titles| {
        let titles: Vec<String> = titles
            .iter()
            .map(|title| {
                let marks: &[char] = &['"', ',', ';', ' ', '\t'];
                title.trim_matches(marks).to_owned()
            })
            .filter(|title| !title.is_empty())
            .collect();
        let named = |title: &String| unit::quantity_of(&unit::split_title(title).0).is_some();
        (titles.len() == count && titles.first().is_some_and(named)).then_some(titles)
    })
}

/// Whether a line titles `count` columns whatever their names: a table.
pub(super) fn is_table(line: &str, dialect: Dialect, count: usize) -> bool {
    dialect.cells(line.trim()).count() == count
}

/// Joins cells that a pair of brackets holds together, and a bracket to the name before it.
fn joined(cells: Vec<String>) -> Vec<String> {
    let mut titles: Vec<String> = Vec::new();
    let mut open = 0_usize;
    for cell in cells {
        match titles.last_mut() {
            Some(last) if open > 0 || cell.starts_with(['(', '[']) => {
                last.push(' ');
                last.push_str(&cell);
            }
            _ => titles.push(cell.clone()),
        }
        for c in cell.chars() {
            match c {
                '(' | '[' => open += 1,
                ')' | ']' => open = open.saturating_sub(1),
                _ => {}
            }
        }
    }
    titles
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Intensity,
    Sigma,
    Dq,
    Width,
    Length,
    Other,
}

fn role(title: &str) -> Role {
    let (name, unit) = unit::split_title(title);
    let full = match &unit {
        // I(q), G(r): an argument, no unit.
        Some(unit) if unit::quantity_of(unit).is_some() => name.clone(),
        _ => name,
    };
    match unit::plain_name(&full).as_str() {
        "i" | "int" | "intensity" | "iq" | "iexp" | "y" | "yobs" | "counts" | "signal" | "g"
        | "gr" | "f" | "fq" | "sq" => Role::Intensity,
        "sigma" | "sig" | "e" | "err" | "error" | "errors" | "erri" | "ierr" | "ierror" | "di"
        | "diq" | "dy" | "dg" | "idev" | "std" | "stddev" | "sem" | "uncertainty" | "sigmai"
        | "isigma" | "esd" => Role::Sigma,
        "dq" | "qdev" | "sigmaq" | "qsigma" | "qres" | "resolution" | "dx" => Role::Dq,
        "dqw" => Role::Width,
        "dql" => Role::Length,
        _ => Role::Other,
    }
}

/// Whether two columns are the two components of q: the list of a 2D data set.
pub(super) fn is_two_dimensional(line: &str) -> bool {
    let mut words = line
        .split(|c: char| !c.is_alphanumeric())
        .map(str::to_lowercase);
    words.clone().any(|word| word == "qx") && words.any(|word| word == "qy")
}

/// Puts columns together to a curve, by their titles where there are some.
pub(super) fn curve(
    mut values: Vec<Vec<f64>>,
    titles: Option<&[String]>,
) -> Result<Curve, CurveError> {
    let roles: Vec<Role> = match titles {
        Some(titles) => titles.iter().skip(1).map(|title| role(title)).collect(),
        None if values.len() == 3 => vec![Role::Intensity, Role::Sigma],
        None => vec![Role::Other; values.len().saturating_sub(1)],
    };
    let place = |wanted: Role| roles.iter().position(|&role| role == wanted);
    // One column beside the abscissa is the intensity, whatever its name.
    let intensity = place(Role::Intensity)
        .or_else(|| place(Role::Other))
        .unwrap_or(0)
        + 1;
    let mut take = |at: usize| std::mem::take(&mut values[at]);
    let x = take(0);
    let (x_label, x_unit) = match titles {
        Some(titles) => (
            Some(titles[0].clone()),
            AbscissaUnit::from_title(&titles[0]),
        ),
        None => (None, AbscissaUnit::Unknown),
    };
    let mut curve = Curve::new(x, x_unit, take(intensity))?;
    curve.info.x_label = x_label;
    curve.info.intensity_unit = titles.and_then(|titles| {
        let (_, unit) = unit::split_title(&titles[intensity]);
        unit.filter(|unit| unit::quantity_of(unit).is_none())
    });
    let (mut width, mut length) = (None, None);
    for at in 1..=roles.len() {
        if at == intensity {
            continue;
        }
        let first = |wanted: Role| place(wanted) == Some(at - 1);
        if first(Role::Sigma) {
            curve = curve.with_sigma(take(at))?;
        } else if first(Role::Dq) {
            curve = curve.with_resolution(Resolution::Pinhole(take(at)))?;
        } else if first(Role::Width) {
            width = Some(take(at));
        } else if first(Role::Length) {
            length = Some(take(at));
        } else {
            let name = match titles {
                Some(titles) => titles[at].clone(),
                None => format!("column {}", at + 1),
            };
            let values = take(at);
            curve = curve.with_column(Column { name, values })?;
        }
    }
    curve.with_resolution(Resolution::Slit { width, length })
}

#[cfg(test)]
mod tests {
    use super::super::numbers::dialect;
    use super::*;

    #[test]
    fn titles_split_as_their_columns_or_otherwise() {
        let white = dialect("1 2").unwrap();
        let comma = dialect("1,2").unwrap();
        let of = |line, dialect, count| of_line(line, dialect, count);
        let both = Some(vec![
            "q (1/Angstrom)".to_owned(),
            "Intensity (counts)".to_owned(),
        ]);
        assert_eq!(of("q (1/Angstrom),  Intensity (counts)", white, 2), both);
        assert_eq!(of("q (1/Angstrom)  Intensity (counts)", white, 2), both);
        assert_eq!(of("q (1/Angstrom), Intensity (counts)", comma, 2), both);
        assert_eq!(
            of("\"q (1/Angstrom)\",\"Intensity (counts)\"", comma, 2),
            both
        );
        assert_eq!(of("L r(Å)  G(Å$^{-2}$)", white, 2).unwrap()[0], "r(Å)");
        assert_eq!(of("2Theta deg\tI a.u.", white, 2).unwrap()[1], "I a.u.");
        assert_eq!(of("Code: bsa", white, 2), None);
        assert_eq!(of("q I", white, 3), None);
    }

    #[test]
    fn roles_follow_the_titles() {
        let titles: Vec<String> = ["x", "ycalc", "y", "dy"].map(str::to_owned).to_vec();
        let values = vec![vec![1.0], vec![2.0], vec![3.0], vec![4.0]];
        let curve = curve(values.clone(), Some(&titles)).unwrap();
        assert_eq!(
            (curve.intensity()[0], curve.sigma().unwrap()[0]),
            (3.0, 4.0)
        );
        assert_eq!(curve.columns()[0].name, "ycalc");
        let bare = super::curve(values, None).unwrap();
        assert_eq!((bare.intensity()[0], bare.sigma()), (2.0, None));
        assert_eq!(bare.columns()[1].name, "column 4");
        let titles: Vec<String> = ["q [1/nm]", "dQw", "I(q)", "dI"]
            .map(str::to_owned)
            .to_vec();
        let values = vec![vec![1.0], vec![2.0], vec![3.0], vec![4.0]];
        let slit = super::curve(values, Some(&titles)).unwrap();
        assert_eq!(slit.intensity(), [3.0]);
        assert_eq!(slit.info.intensity_unit, None);
        let width = Some(vec![2.0]);
        assert_eq!(
            slit.resolution(),
            Some(&Resolution::Slit {
                width,
                length: None
            })
        );
    }
}
