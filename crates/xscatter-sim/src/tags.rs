//! The tag vocabularies of the transmission patterns, by their exact names.
//!
//! Do not mix them: store the name of the set with every model.
//!
//! Sources: the 17 attributes of the visual study of Huang et al., arXiv:2009.02256; the other sets of
//! the same line of work (Wang et al. 2017, Guan et al. 2018 and 2020).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::feature::Role;
use crate::instrument::StopKind;

/// A vocabulary of tags.
///
/// ```
/// use xscatter_sim::TagSet;
///
/// assert_eq!(TagSet::Mission17.names().len(), 17);
/// assert_eq!("network-15".parse(), Ok(TagSet::Network15));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TagSet {
    /// The 17 attributes of the mission.
    #[serde(rename = "mission-17")]
    Mission17,
    /// The 15 classes of the network that sees the image and its circular average.
    #[serde(rename = "network-15")]
    Network15,
    /// The 10 classes of the Fourier-Bessel study.
    #[serde(rename = "fourier-bessel-10")]
    FourierBessel10,
    /// The 20 tags of the real images.
    #[serde(rename = "real-20")]
    Real20,
}

/// What a tag means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tag {
    Bcc,
    Fcc,
    Hexagonal,
    Lamellar,
    BeamOff,
    Stop(StopKind),
    DiffuseHigh,
    DiffuseLow,
    DiffuseLowIsotropic,
    /// A ring or a halo.
    Peaks(Role),
    Isotropic(Role),
    Anisotropic(Role),
    /// A ring or a halo with this many maxima, or any number of them.
    Symmetry(Role, Option<u32>),
    /// A ring or a halo with this many maxima.
    Fold(u32),
    RingOutOfPlane,
    RingSpotted,
    Orders(Count),
    HighBackground,
    Polycrystalline,
    Strong,
    Weak,
    StructureFactor,
}

/// How many orders are many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Count {
    Higher,
    Many,
}

impl TagSet {
    /// All sets.
    pub const ALL: [Self; 4] = [
        Self::Mission17,
        Self::Network15,
        Self::FourierBessel10,
        Self::Real20,
    ];

    /// The name of the set.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mission17 => "mission-17",
            Self::Network15 => "network-15",
            Self::FourierBessel10 => "fourier-bessel-10",
            Self::Real20 => "real-20",
        }
    }

    /// The names of its tags, in the order of the states of [`Truth::tags`](crate::Truth::tags).
    pub fn names(self) -> Vec<&'static str> {
        self.entries().iter().map(|(name, _)| *name).collect()
    }

    /// Names and meanings.
    pub(crate) const fn entries(self) -> &'static [(&'static str, Tag)] {
        match self {
            Self::Mission17 => &[
                ("BCC", Tag::Bcc),
                ("Beam Off Image", Tag::BeamOff),
                ("Circular Beamstop", Tag::Stop(StopKind::Circular)),
                ("Diffuse high-q", Tag::DiffuseHigh),
                ("Diffuse low-q", Tag::DiffuseLow),
                ("FCC", Tag::Fcc),
                ("Halo", Tag::Peaks(Role::Halo)),
                ("High background", Tag::HighBackground),
                ("Higher orders", Tag::Orders(Count::Higher)),
                ("Linear beamstop", Tag::Stop(StopKind::Linear)),
                ("Many rings", Tag::Orders(Count::Many)),
                ("Polycrystalline", Tag::Polycrystalline),
                ("Ring", Tag::Peaks(Role::Ring)),
                ("Strong scattering", Tag::Strong),
                ("Structure factor", Tag::StructureFactor),
                ("Weak scattering", Tag::Weak),
                ("Wedge beamstop", Tag::Stop(StopKind::Wedge)),
            ],
            Self::Network15 => &[
                ("low-q", Tag::DiffuseLow),
                ("high-q", Tag::DiffuseHigh),
                ("halo", Tag::Peaks(Role::Halo)),
                ("higher orders", Tag::Orders(Count::Higher)),
                ("ring", Tag::Peaks(Role::Ring)),
                ("BCC", Tag::Bcc),
                ("FCC", Tag::Fcc),
                ("hexagonal", Tag::Hexagonal),
                ("lamellar", Tag::Lamellar),
                ("symmetry halo", Tag::Symmetry(Role::Halo, None)),
                ("symmetry ring", Tag::Symmetry(Role::Ring, None)),
                ("circular beamstop", Tag::Stop(StopKind::Circular)),
                ("wedge beamstop", Tag::Stop(StopKind::Wedge)),
                ("linear beamstop", Tag::Stop(StopKind::Linear)),
                ("beam off image", Tag::BeamOff),
            ],
            Self::FourierBessel10 => &[
                ("low-q", Tag::DiffuseLow),
                ("high-q", Tag::DiffuseHigh),
                ("halo", Tag::Peaks(Role::Halo)),
                ("higher orders", Tag::Orders(Count::Higher)),
                ("ring", Tag::Peaks(Role::Ring)),
                ("symmetry halo", Tag::Symmetry(Role::Halo, None)),
                ("symmetry ring", Tag::Symmetry(Role::Ring, None)),
                ("2-fold", Tag::Fold(2)),
                ("4-fold", Tag::Fold(4)),
                ("6-fold", Tag::Fold(6)),
            ],
            Self::Real20 => &[
                ("diffuse high-q", Tag::DiffuseHigh),
                ("diffuse low-q", Tag::DiffuseLow),
                ("diffuse low-q: isotropic", Tag::DiffuseLowIsotropic),
                ("halo", Tag::Peaks(Role::Halo)),
                ("halo: isotropic", Tag::Isotropic(Role::Halo)),
                ("ring", Tag::Peaks(Role::Ring)),
                ("ring: anisotropic", Tag::Anisotropic(Role::Ring)),
                ("ring: isotropic", Tag::Isotropic(Role::Ring)),
                ("ring: oriented OOP", Tag::RingOutOfPlane),
                ("ring: spotted", Tag::RingSpotted),
                ("higher orders", Tag::Orders(Count::Higher)),
                ("strong scattering", Tag::Strong),
                ("weak scattering", Tag::Weak),
                ("symmetry ring", Tag::Symmetry(Role::Ring, None)),
                ("symmetry ring: 2", Tag::Symmetry(Role::Ring, Some(2))),
                ("symmetry ring: 4", Tag::Symmetry(Role::Ring, Some(4))),
                ("symmetry halo", Tag::Symmetry(Role::Halo, None)),
                ("symmetry halo: 2", Tag::Symmetry(Role::Halo, Some(2))),
                ("symmetry halo: 6", Tag::Symmetry(Role::Halo, Some(6))),
                ("polycrystalline", Tag::Polycrystalline),
            ],
        }
    }
}

impl fmt::Display for TagSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A name that is none of the tag sets.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected mission-17, network-15, fourier-bessel-10 or real-20, got {0:?}")]
pub struct UnknownTagSet(String);

impl FromStr for TagSet {
    type Err = UnknownTagSet;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|set| set.name() == name)
            .ok_or_else(|| UnknownTagSet(name.to_owned()))
    }
}
