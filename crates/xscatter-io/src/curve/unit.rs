//! What the abscissa of a curve is, from the words that files use.

use std::f64::consts::PI;
use std::fmt;

use xscatter_core::{Error, ErrorKind, Result};

/// The quantity and unit of an abscissa.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum AbscissaUnit {
    /// q = (4π/λ) sin θ in 1/nm.
    QInvNm,
    /// q in 1/Å.
    QInvAngstrom,
    /// The scattering angle 2θ in degrees.
    TwoThetaDeg,
    /// The scattering angle 2θ in radians.
    TwoThetaRad,
    /// The distance of two atoms in nm, of a pair distribution function.
    RNm,
    /// The distance of two atoms in Å.
    RAngstrom,
    /// The distance from the beam on the detector in mm.
    RadiusMm,
    /// The distance from the beam on the detector in m.
    RadiusM,
    /// The lattice spacing d = 2π/q in nm.
    DNm,
    /// The lattice spacing in Å.
    DAngstrom,
    /// Not stated by the file, or in words that are not known; never guessed.
    #[default]
    Unknown,
}

/// A quantity without its unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Quantity {
    Q,
    TwoTheta,
    R,
    D,
    /// A first column all the same: `x`, `s` (which has two definitions).
    Other,
}

impl AbscissaUnit {
    /// The unit that a column title states: `q_nm^-1`, `Q (1/Å)`, `2th_deg`, `r[A]`.
    ///
    /// Both the quantity and the unit must be there; `s` is not known, since programs differ in its
    /// definition by 2π.
    pub fn from_title(title: &str) -> Self {
        let (quantity, unit) = split_title(title);
        match (quantity_of(&quantity), unit) {
            (Some(quantity), Some(unit)) => Self::from_quantity(quantity, &unit),
            _ => Self::Unknown,
        }
    }

    pub(super) fn from_quantity(quantity: Quantity, unit: &str) -> Self {
        let unit = plain_unit(unit);
        let unit = unit.as_str();
        match quantity {
            Quantity::Q if INV_NM.contains(&unit) => Self::QInvNm,
            Quantity::Q if INV_ANGSTROM.contains(&unit) => Self::QInvAngstrom,
            Quantity::TwoTheta if DEGREES.contains(&unit) => Self::TwoThetaDeg,
            Quantity::TwoTheta if RADIANS.contains(&unit) => Self::TwoThetaRad,
            Quantity::R if NM.contains(&unit) => Self::RNm,
            Quantity::R if ANGSTROM.contains(&unit) => Self::RAngstrom,
            Quantity::R if unit == "mm" => Self::RadiusMm,
            Quantity::R if unit == "m" => Self::RadiusM,
            Quantity::D if NM.contains(&unit) => Self::DNm,
            Quantity::D if ANGSTROM.contains(&unit) => Self::DAngstrom,
            _ => Self::Unknown,
        }
    }

    /// The name that pyFAI gives it in files; `x` if it is not known.
    pub fn title(self) -> &'static str {
        match self {
            Self::QInvNm => "q_nm^-1",
            Self::QInvAngstrom => "q_A^-1",
            Self::TwoThetaDeg => "2th_deg",
            Self::TwoThetaRad => "2th_rad",
            Self::RNm => "r_nm",
            Self::RAngstrom => "r_A",
            Self::RadiusMm => "r_mm",
            Self::RadiusM => "r_m",
            Self::DNm => "d_nm",
            Self::DAngstrom => "d_A",
            Self::Unknown => "x",
        }
    }

    /// Whether it is q, in either unit.
    pub fn is_q(self) -> bool {
        matches!(self, Self::QInvNm | Self::QInvAngstrom)
    }

    pub(super) fn to_q_inv_nm(self, x: &[f64], wavelength_m: Option<f64>) -> Result<Vec<f64>> {
        let from_angle = |radians: f64| {
            let wavelength_nm = match wavelength_m {
                Some(wavelength_m) if wavelength_m.is_finite() && wavelength_m > 0.0 => {
                    wavelength_m * 1e9
                }
                Some(other) => {
                    return Err(Error::new(
                        ErrorKind::InvalidArgument,
                        format!("expected a positive wavelength, got {other} m"),
                    ));
                }
                None => {
                    return Err(Error::new(
                        ErrorKind::MissingMetadata,
                        format!("expected a wavelength to turn {self} into q, found none"),
                    ));
                }
            };
            let half = radians / 2.0;
            Ok(x.iter()
                .map(|angle| 4.0 * PI / wavelength_nm * (angle * half).sin())
                .collect())
        };
        let from_spacing = |nm: f64| match x.iter().position(|&d| d == 0.0) {
            Some(index) => Err(Error::new(
                ErrorKind::Numerical,
                format!("expected a spacing d to turn into q, found 0 in point {index}"),
            )),
            None => Ok(x.iter().map(|d| 2.0 * PI / (d * nm)).collect()),
        };
        match self {
            Self::QInvNm => Ok(x.to_vec()),
            Self::QInvAngstrom => Ok(x.iter().map(|q| q * 10.0).collect()),
            Self::TwoThetaDeg => from_angle(PI / 180.0),
            Self::TwoThetaRad => from_angle(1.0),
            Self::DNm => from_spacing(1.0),
            Self::DAngstrom => from_spacing(0.1),
            Self::RNm | Self::RAngstrom | Self::RadiusMm | Self::RadiusM | Self::Unknown => {
                Err(Error::new(
                    ErrorKind::MissingMetadata,
                    format!("expected an abscissa that turns into q, found {self}"),
                ))
            }
        }
    }
}

impl fmt::Display for AbscissaUnit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::QInvNm => "q in 1/nm",
            Self::QInvAngstrom => "q in 1/Å",
            Self::TwoThetaDeg => "2θ in degrees",
            Self::TwoThetaRad => "2θ in radians",
            Self::RNm => "r in nm",
            Self::RAngstrom => "r in Å",
            Self::RadiusMm => "a radius in mm",
            Self::RadiusM => "a radius in m",
            Self::DNm => "d in nm",
            Self::DAngstrom => "d in Å",
            Self::Unknown => "an abscissa of unknown unit",
        })
    }
}

const INV_NM: [&str; 6] = [
    "1/nm",
    "nm-1",
    "invnm",
    "1/nanometer",
    "inversenanometres",
    "inversenanometers",
];
const INV_ANGSTROM: [&str; 10] = [
    "1/a",
    "a-1",
    "inva",
    "1/ang",
    "ang-1",
    "1/angstrom",
    "1/angstroms",
    "angstrom-1",
    "inverseangstrom",
    "inverseangstroms",
];
const DEGREES: [&str; 5] = ["deg", "degree", "degrees", "°", "o"];
const RADIANS: [&str; 3] = ["rad", "radian", "radians"];
const NM: [&str; 3] = ["nm", "nanometer", "nanometre"];
const ANGSTROM: [&str; 4] = ["a", "ang", "angstrom", "angstroms"];

/// A unit in lower case without the marks of TeX, spaces and carets: `$nm^{-1}$` is `nm-1`.
fn plain_unit(unit: &str) -> String {
    let mut plain = String::new();
    for c in unit.chars() {
        match c {
            'Å' | '\u{212b}' => plain.push('a'),
            '⁻' | '−' | '–' => plain.push('-'),
            '¹' => plain.push('1'),
            '$' | '{' | '}' | '\\' | '^' | '*' | '_' | '(' | ')' | '[' | ']' | '"' | '.' => {}
            c if c.is_whitespace() => {}
            c => plain.extend(c.to_lowercase()),
        }
    }
    plain
}

/// A name in lower case, letters and digits only: `2-Theta` is `2theta`. The star stays, since
/// `d*2` is not d.
pub(super) fn plain_name(name: &str) -> String {
    let mut plain = String::new();
    for c in name.chars() {
        match c {
            'θ' | 'Θ' | 'ϑ' => plain.push_str("theta"),
            'σ' => plain.push_str("sigma"),
            'Δ' | 'δ' => plain.push('d'),
            c if c.is_alphanumeric() || c == '*' => plain.extend(c.to_lowercase()),
            _ => {}
        }
    }
    plain
}

/// The quantity of an abscissa by its name; `None` for a name that is none.
pub(super) fn quantity_of(name: &str) -> Option<Quantity> {
    Some(match plain_name(name).as_str() {
        "q" | "qvec" | "qvector" | "qmod" | "qspace" | "qrange" | "qvalue" | "qvalues"
        | "scatteringvector" | "scatteringvectorq" | "momentumtransfer" => Quantity::Q,
        "2theta" | "2th" | "twotheta" | "tth" | "2thetaangle" | "scatteringangle2theta" => {
            Quantity::TwoTheta
        }
        "r" | "radialdistance" => Quantity::R,
        "d" | "dspacing" => Quantity::D,
        "x" | "s" | "h" | "abscissa" | "d*2" | "angle" | "azimuth" | "theta" | "chi"
        | "channel" | "pixel" => Quantity::Other,
        _ => return None,
    })
}

/// A title as name and unit: `q_nm^-1`, `Q (1/Å)`, `I[1/cm]`, `q / nm^-1`, `2Theta deg`.
pub(super) fn split_title(title: &str) -> (String, Option<String>) {
    let title = title.trim().trim_matches('"').trim();
    let parts = |name: &str, unit: &str| {
        let unit = unit.trim();
        let name = name.trim().to_owned();
        (name, (!unit.is_empty()).then(|| unit.to_owned()))
    };
    if let Some((name, unit)) = bracketed(title) {
        return parts(name, unit);
    }
    if quantity_of(title).is_some() {
        return parts(title, "");
    }
    for mark in ["/", "_", ",", " "] {
        if let Some((name, unit)) = title.split_once(mark)
            && quantity_of(name).is_some()
        {
            return parts(name, unit);
        }
    }
    parts(title, "")
}

/// The text before and in the last pair of brackets, if the title ends with it.
fn bracketed(title: &str) -> Option<(&str, &str)> {
    let close = title.chars().next_back()?;
    let open = match close {
        ')' => '(',
        ']' => '[',
        _ => return None,
    };
    let mut depth = 0_usize;
    for (at, c) in title.char_indices().rev() {
        if c == close {
            depth += 1;
        } else if c == open {
            depth -= 1;
            if depth == 0 {
                let inside = &title[at + open.len_utf8()..title.len() - close.len_utf8()];
                return (at > 0).then_some((&title[..at], inside));
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_of_many_programs() {
        use AbscissaUnit as U;
        for (title, unit) in [
            ("q_nm^-1", U::QInvNm),
            ("q_A^-1", U::QInvAngstrom),
            ("2th_deg", U::TwoThetaDeg),
            ("2th_rad", U::TwoThetaRad),
            ("r_mm", U::RadiusMm),
            ("Q (1/Å)", U::QInvAngstrom),
            ("Q [\u{212b}⁻¹]", U::QInvAngstrom),
            ("q (1/Angstrom)", U::QInvAngstrom),
            ("q[1/nm]", U::QInvNm),
            ("q / nm^-1", U::QInvNm),
            ("Scattering vector $q$ ($nm^{-1}$)", U::QInvNm),
            ("Scattering angle $2\\theta$ ($^{o}$)", U::TwoThetaDeg),
            ("2-Theta Angle (Degrees)", U::TwoThetaDeg),
            ("2θ (°)", U::TwoThetaDeg),
            // FIT2D.
            ("Radial Distance (mm)", U::RadiusMm),
            ("Q (Inverse Nanometres)", U::QInvNm),
            ("D-spacing (Angstroms)", U::DAngstrom),
            ("Azimuth (Degrees)", U::Unknown),
            ("r(Å)", U::RAngstrom),
            ("d (nm)", U::DNm),
            ("q", U::Unknown),
            ("q (a.u.)", U::Unknown),
            ("x (1/nm)", U::Unknown),
            ("s (1/nm)", U::Unknown),
            ("d*2_A^-2", U::Unknown),
            ("d_A^-1", U::Unknown),
            ("", U::Unknown),
            (")", U::Unknown),
        ] {
            assert_eq!(U::from_title(title), unit, "{title}");
        }
    }

    #[test]
    fn a_title_reads_back() {
        use AbscissaUnit as U;
        for unit in [
            U::QInvNm,
            U::QInvAngstrom,
            U::TwoThetaDeg,
            U::TwoThetaRad,
            U::RNm,
            U::RAngstrom,
            U::RadiusMm,
            U::RadiusM,
            U::DNm,
            U::DAngstrom,
            U::Unknown,
        ] {
            assert_eq!(U::from_title(unit.title()), unit);
        }
    }

    #[test]
    fn everything_that_turns_into_q_does() {
        let q = |unit: AbscissaUnit, x: f64| unit.to_q_inv_nm(&[x], Some(1e-10)).unwrap()[0];
        approx::assert_relative_eq!(q(AbscissaUnit::QInvAngstrom, 0.5), 5.0);
        approx::assert_relative_eq!(q(AbscissaUnit::DAngstrom, 2.0 * PI), 10.0);
        approx::assert_relative_eq!(q(AbscissaUnit::TwoThetaDeg, 180.0), 40.0 * PI);
        approx::assert_relative_eq!(q(AbscissaUnit::TwoThetaRad, PI), 40.0 * PI);
        let no = AbscissaUnit::Unknown.to_q_inv_nm(&[1.0], None).unwrap_err();
        assert_eq!(no.kind(), ErrorKind::MissingMetadata);
        assert!(AbscissaUnit::DNm.to_q_inv_nm(&[0.0], None).is_err());
    }
}
