//! Numbers in rows of text: separators, exponents, decimal marks.

/// How the numbers of a row are separated and written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Dialect {
    separator: Separator,
    decimal_comma: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Separator {
    White,
    Comma,
    Semicolon,
}

/// The dialects from the plainest on. At most one of them reads a given row as several numbers.
const DIALECTS: [Dialect; 5] = [
    Dialect {
        separator: Separator::White,
        decimal_comma: false,
    },
    Dialect {
        separator: Separator::Comma,
        decimal_comma: false,
    },
    Dialect {
        separator: Separator::Semicolon,
        decimal_comma: false,
    },
    Dialect {
        separator: Separator::Semicolon,
        decimal_comma: true,
    },
    Dialect {
        separator: Separator::White,
        decimal_comma: true,
    },
];

/// The dialect in which a line is a row of at least two numbers.
pub(super) fn dialect(line: &str) -> Option<Dialect> {
    DIALECTS
        .into_iter()
        .find(|dialect| dialect.row(line).is_some_and(|row| row.len() > 1))
}

impl Dialect {
    /// The numbers of a line; `None` if one of its cells is no number.
    pub(super) fn row(self, line: &str) -> Option<Vec<f64>> {
        let mut row = Vec::new();
        for cell in self.cells(line) {
            row.push(number(cell, self.decimal_comma)?);
        }
        (!row.is_empty()).then_some(row)
    }

    /// The cells of a line, trimmed; one separator may end it.
    pub(super) fn cells(self, line: &str) -> impl Iterator<Item = &str> {
        let line = line.trim();
        let mark = match self.separator {
            Separator::White => None,
            Separator::Comma => Some(','),
            Separator::Semicolon => Some(';'),
        };
        let line = match mark {
            Some(mark) => line.strip_suffix(mark).unwrap_or(line),
            None => line,
        };
        let marked = mark.map(|mark| line.split(mark).map(str::trim));
        let white = mark.is_none().then(|| line.split_whitespace());
        marked
            .into_iter()
            .flatten()
            .chain(white.into_iter().flatten())
    }

    /// The same dialect with a decimal comma, if it can have one and has none yet.
    pub(super) fn with_decimal_comma(self) -> Option<Self> {
        let free = !self.decimal_comma && self.separator != Separator::Comma;
        free.then_some(Self {
            decimal_comma: true,
            ..self
        })
    }

    /// The first cell of a line that is no number.
    pub(super) fn wrong_cell(self, line: &str) -> Option<&str> {
        self.cells(line)
            .find(|cell| number(cell, self.decimal_comma).is_none())
    }

    pub(super) fn is_white(self) -> bool {
        self.separator == Separator::White
    }

    /// Whether a row cannot be read with commas between thousands: always, unless it has decimal
    /// commas and each of them stands before three digits and behind one to three.
    pub(super) fn is_certain(self, line: &str) -> bool {
        !self.decimal_comma
            || self.cells(line).any(|cell| {
                cell.split_once(',').is_some_and(|(whole, rest)| {
                    let whole = whole.trim_start_matches(['+', '-']);
                    !(rest.len() == 3
                        && rest.bytes().all(|byte| byte.is_ascii_digit())
                        && (1..=3).contains(&whole.len())
                        && !whole.starts_with('0'))
                })
            })
    }
}

/// One number; a quoted one too. What overflows is none.
pub(super) fn number(cell: &str, decimal_comma: bool) -> Option<f64> {
    let cell = cell
        .strip_prefix('"')
        .and_then(|cell| cell.strip_suffix('"'))
        .unwrap_or(cell);
    // Beside decimal commas a point would separate thousands.
    if decimal_comma && cell.contains('.') {
        return None;
    }
    let value = if decimal_comma && cell.contains(',') {
        // A comma at the end of a cell separates.
        let digit_follows = cell
            .split_once(',')
            .is_some_and(|(_, rest)| rest.starts_with(|c: char| c.is_ascii_digit()));
        if !digit_follows {
            return None;
        }
        parse(&cell.replacen(',', ".", 1))?
    } else {
        parse(cell)?
    };
    let stated = || cell.bytes().any(|byte| matches!(byte, b'i' | b'I'));
    (!value.is_infinite() || stated()).then_some(value)
}

fn parse(cell: &str) -> Option<f64> {
    if let Ok(value) = cell.parse() {
        return Some(value);
    }
    // Fortran writes the exponent of a double with a D.
    if cell.len() < 64 && looks_numeric(cell) && cell.contains(['d', 'D']) {
        return cell.replacen(['d', 'D'], "e", 1).parse().ok();
    }
    None
}

/// Whether a cell starts like a number, be it one or not.
pub(super) fn looks_numeric(cell: &str) -> bool {
    let cell = cell.trim_start_matches(['+', '-']);
    let cell = cell.strip_prefix(['.', ',']).unwrap_or(cell);
    cell.starts_with(|c: char| c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(line: &str) -> Option<Vec<f64>> {
        dialect(line).and_then(|dialect| dialect.row(line))
    }

    #[test]
    fn separators_and_exponents() {
        assert_eq!(row(" 1 2.5\t-3e-2 "), Some(vec![1.0, 2.5, -0.03]));
        assert_eq!(row("1,2.5, 3 ,"), Some(vec![1.0, 2.5, 3.0]));
        assert_eq!(row("1;2.5;3"), Some(vec![1.0, 2.5, 3.0]));
        assert_eq!(row("1.5D-03 2d1"), Some(vec![0.0015, 20.0]));
        assert_eq!(row("\"1\",\"2\""), Some(vec![1.0, 2.0]));
        assert_eq!(row("1 nan inf").map(|row| row.len()), Some(3));
        for none in [
            "1", "a 1", "1 2 x", "1,,2", "1 1e999", "", ",", "1 2, 3", "1 d5",
        ] {
            assert_eq!(row(none), None, "{none}");
        }
    }

    #[test]
    fn decimal_commas_only_where_nothing_else_is_possible() {
        assert_eq!(row("0,5;1,25"), Some(vec![0.5, 1.25]));
        assert_eq!(row("0,5\t1,25e3"), Some(vec![0.5, 1250.0]));
        assert_eq!(row("1,2"), Some(vec![1.0, 2.0]));
        assert_eq!(row("1,2, 3,4"), Some(vec![1.0, 2.0, 3.0, 4.0]));
        assert_eq!(row("1.000,5 2"), None);
        assert_eq!(row("0,5 1.000"), None);
        let certain = |line: &str| dialect(line).unwrap().is_certain(line);
        assert!(certain("0,512 1,250"));
        assert!(!certain("1,512 1,250"));
        assert!(certain("1,512 1,25"));
        assert!(certain("1.5 2"));
    }
}
