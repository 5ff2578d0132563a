//! The atoms of a crystal and how strongly each scatters.
//!
//! ```text
//! f(q) = c + Σᵢ aᵢ exp(−bᵢ (q/4π)²)        i = 1..4, in electrons
//! ```
//!
//! Neutral atoms without dispersion correction: f(0) is the atomic number to about 0.1 %. Valid up to
//! q = 250/nm. Four exponentials a call.
//!
//! Source: International Tables for Crystallography, volume C (1992), table 6.1.1.4.

use std::f64::consts::PI;

/// A chemical element.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Element {
    /// H.
    Hydrogen,
    /// B.
    Boron,
    /// C.
    Carbon,
    /// N.
    Nitrogen,
    /// O.
    Oxygen,
    /// F.
    Fluorine,
    /// Na.
    Sodium,
    /// Mg.
    Magnesium,
    /// Al.
    Aluminium,
    /// Si.
    Silicon,
    /// P.
    Phosphorus,
    /// S.
    Sulphur,
    /// Cl.
    Chlorine,
    /// K.
    Potassium,
    /// Ca.
    Calcium,
    /// Ti.
    Titanium,
    /// Cr.
    Chromium,
    /// Mn.
    Manganese,
    /// Fe.
    Iron,
    /// Co.
    Cobalt,
    /// Ni.
    Nickel,
    /// Cu.
    Copper,
    /// Zn.
    Zinc,
    /// Ga.
    Gallium,
    /// As.
    Arsenic,
    /// Se.
    Selenium,
    /// Br.
    Bromine,
    /// Mo.
    Molybdenum,
    /// Ag.
    Silver,
    /// Cd.
    Cadmium,
    /// In.
    Indium,
    /// Sn.
    Tin,
    /// Te.
    Tellurium,
    /// I.
    Iodine,
    /// Cs.
    Caesium,
    /// Ba.
    Barium,
    /// La.
    Lanthanum,
    /// Ce.
    Cerium,
    /// W.
    Tungsten,
    /// Pt.
    Platinum,
    /// Au.
    Gold,
    /// Pb.
    Lead,
    /// Bi.
    Bismuth,
}

/// Symbol, atomic number, a in electrons, b in Å², c.
type Row = (Element, &'static str, u32, [f64; 4], [f64; 4], f64);

/// In the order of the enumeration.
#[rustfmt::skip]
const TABLE: [Row; 43] = [
    (Element::Hydrogen, "H", 1, [0.493_002, 0.322_912, 0.140_191, 0.040_81], [10.5109, 26.1257, 3.142_36, 57.7997], 0.003_038),
    (Element::Boron, "B", 5, [2.0545, 1.3326, 1.0979, 0.7068], [23.2185, 1.021, 60.3498, 0.1403], -0.1932),
    (Element::Carbon, "C", 6, [2.31, 1.02, 1.5886, 0.865], [20.8439, 10.2075, 0.5687, 51.6512], 0.2156),
    (Element::Nitrogen, "N", 7, [12.2126, 3.1322, 2.0125, 1.1663], [0.0057, 9.8933, 28.9975, 0.5826], -11.529),
    (Element::Oxygen, "O", 8, [3.0485, 2.2868, 1.5463, 0.867], [13.2771, 5.7011, 0.3239, 32.9089], 0.2508),
    (Element::Fluorine, "F", 9, [3.5392, 2.6412, 1.517, 1.0243], [10.2825, 4.2944, 0.2615, 26.1476], 0.2776),
    (Element::Sodium, "Na", 11, [4.7626, 3.1736, 1.2674, 1.1128], [3.285, 8.8422, 0.3136, 129.424], 0.676),
    (Element::Magnesium, "Mg", 12, [5.4204, 2.1735, 1.2269, 2.3073], [2.8275, 79.2611, 0.3808, 7.1937], 0.8584),
    (Element::Aluminium, "Al", 13, [6.4202, 1.9002, 1.5936, 1.9646], [3.0387, 0.7426, 31.5472, 85.0886], 1.1151),
    (Element::Silicon, "Si", 14, [6.2915, 3.0353, 1.9891, 1.541], [2.4386, 32.3337, 0.6785, 81.6937], 1.1407),
    (Element::Phosphorus, "P", 15, [6.4345, 4.1791, 1.78, 1.4908], [1.9067, 27.157, 0.526, 68.1645], 1.1149),
    (Element::Sulphur, "S", 16, [6.9053, 5.2034, 1.4379, 1.5863], [1.4679, 22.2151, 0.2536, 56.172], 0.8669),
    (Element::Chlorine, "Cl", 17, [11.4604, 7.1964, 6.2556, 1.6455], [0.0104, 1.1662, 18.5194, 47.7784], -9.5574),
    (Element::Potassium, "K", 19, [8.2186, 7.4398, 1.0519, 0.8659], [12.7949, 0.7748, 213.187, 41.6841], 1.4228),
    (Element::Calcium, "Ca", 20, [8.6266, 7.3873, 1.5899, 1.0211], [10.4421, 0.6599, 85.7484, 178.437], 1.3751),
    (Element::Titanium, "Ti", 22, [9.7595, 7.3558, 1.6991, 1.9021], [7.8508, 0.5, 35.6338, 116.105], 1.2807),
    (Element::Chromium, "Cr", 24, [10.6406, 7.3537, 3.324, 1.4922], [6.1038, 0.392, 20.2626, 98.7399], 1.1832),
    (Element::Manganese, "Mn", 25, [11.2819, 7.3573, 3.0193, 2.2441], [5.3409, 0.3432, 17.8674, 83.7543], 1.0896),
    (Element::Iron, "Fe", 26, [11.7695, 7.3573, 3.5222, 2.3045], [4.7611, 0.3072, 15.3535, 76.8805], 1.0369),
    (Element::Cobalt, "Co", 27, [12.2841, 7.3409, 4.0034, 2.3488], [4.2791, 0.2784, 13.5359, 71.1692], 1.0118),
    (Element::Nickel, "Ni", 28, [12.8376, 7.292, 4.4438, 2.38], [3.8785, 0.2565, 12.1763, 66.3421], 1.0341),
    (Element::Copper, "Cu", 29, [13.338, 7.1676, 5.6158, 1.6735], [3.5828, 0.247, 11.3966, 64.8126], 1.191),
    (Element::Zinc, "Zn", 30, [14.0743, 7.0318, 5.1652, 2.41], [3.2655, 0.2333, 10.3163, 58.7097], 1.3041),
    (Element::Gallium, "Ga", 31, [15.2354, 6.7006, 4.3591, 2.9623], [3.0669, 0.2412, 10.7805, 61.4135], 1.7189),
    (Element::Arsenic, "As", 33, [16.6723, 6.0701, 3.4313, 4.2779], [2.6345, 0.2647, 12.9479, 47.7972], 2.531),
    (Element::Selenium, "Se", 34, [17.0006, 5.8196, 3.9731, 4.3543], [2.4098, 0.2726, 15.2372, 43.8163], 2.8409),
    (Element::Bromine, "Br", 35, [17.1789, 5.2358, 5.6377, 3.9851], [2.1723, 16.5796, 0.2609, 41.4328], 2.9557),
    (Element::Molybdenum, "Mo", 42, [3.7025, 17.2356, 12.8876, 3.7429], [0.2772, 1.0958, 11.004, 61.6584], 4.3875),
    (Element::Silver, "Ag", 47, [19.2808, 16.6885, 4.8045, 1.0463], [0.6446, 7.4726, 24.6605, 99.8156], 5.179),
    (Element::Cadmium, "Cd", 48, [19.2214, 17.6444, 4.461, 1.6029], [0.5946, 6.9089, 24.7008, 87.4825], 5.0694),
    (Element::Indium, "In", 49, [19.1624, 18.5596, 4.2948, 2.0396], [0.5476, 6.3776, 25.8499, 92.8029], 4.9391),
    (Element::Tin, "Sn", 50, [19.1889, 19.1005, 4.4585, 2.4663], [5.8303, 0.5031, 26.8909, 83.9571], 4.7821),
    (Element::Tellurium, "Te", 52, [19.9644, 19.0138, 6.144_87, 2.5239], [4.817_42, 0.420_885, 28.5284, 70.8403], 4.352),
    (Element::Iodine, "I", 53, [20.1472, 18.9949, 7.5138, 2.2735], [4.347, 0.3814, 27.766, 66.8776], 4.0712),
    (Element::Caesium, "Cs", 55, [20.3892, 19.1062, 10.662, 1.4953], [3.569, 0.3107, 24.3879, 213.904], 3.3352),
    (Element::Barium, "Ba", 56, [20.3361, 19.297, 10.888, 2.6959], [3.216, 0.2756, 20.2073, 167.202], 2.7731),
    (Element::Lanthanum, "La", 57, [20.578, 19.599, 11.3727, 3.287_19], [2.948_17, 0.244_475, 18.7726, 133.124], 2.146_78),
    (Element::Cerium, "Ce", 58, [21.1671, 19.7695, 11.8513, 3.330_49], [2.812_19, 0.226_836, 17.6083, 127.113], 1.862_64),
    (Element::Tungsten, "W", 74, [29.0818, 15.43, 14.4327, 5.119_82], [1.720_29, 9.2259, 0.321_703, 57.056], 9.8875),
    (Element::Platinum, "Pt", 78, [27.0059, 17.7639, 15.7131, 5.7837], [1.512_93, 8.811_74, 0.424_593, 38.6103], 11.6883),
    (Element::Gold, "Au", 79, [16.8819, 18.5913, 25.5582, 5.86], [0.4611, 8.6216, 1.4826, 36.3956], 12.0658),
    (Element::Lead, "Pb", 82, [31.0617, 13.0637, 18.442, 5.9696], [0.6902, 2.3576, 8.618, 47.2579], 13.4118),
    (Element::Bismuth, "Bi", 83, [33.3689, 12.951, 16.5877, 6.4692], [0.704, 2.9238, 8.7937, 48.0093], 13.5782),
];

impl Element {
    /// All elements of the table.
    pub fn all() -> impl Iterator<Item = Self> {
        TABLE.iter().map(|row| row.0)
    }

    /// The chemical symbol.
    pub fn symbol(self) -> &'static str {
        TABLE[self as usize].1
    }

    /// How many electrons the neutral atom has.
    pub fn atomic_number(self) -> u32 {
        TABLE[self as usize].2
    }

    /// The amplitude that one atom at rest scatters, in electrons.
    ///
    /// ```
    /// use xscatter_sim::crystal::Element;
    ///
    /// assert!((Element::Silicon.form_factor(0.0) - 14.0).abs() < 0.01);
    /// assert!(Element::Silicon.form_factor(40.0) < 9.0);
    /// ```
    pub fn form_factor(self, q_inv_nm: f64) -> f64 {
        let (_, _, _, a, b, c) = &TABLE[self as usize];
        // In 1/Å, as the table has it.
        let s_squared = (q_inv_nm / (40.0 * PI)).powi(2);
        c + a
            .iter()
            .zip(b)
            .map(|(a, b)| a * (-b * s_squared).exp())
            .sum::<f64>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_the_order_of_the_enumeration() {
        for (index, row) in TABLE.iter().enumerate() {
            assert_eq!(row.0 as usize, index);
        }
        let numbers: Vec<u32> = Element::all().map(Element::atomic_number).collect();
        assert!(numbers.is_sorted());
    }

    #[test]
    fn all_electrons_scatter_forward_and_fewer_at_an_angle() {
        for element in Element::all() {
            let z = f64::from(element.atomic_number());
            let forward = element.form_factor(0.0);
            assert!((forward / z - 1.0).abs() < 2e-3, "{}", element.symbol());
            let mut before = forward;
            for q in [20.0, 40.0, 80.0, 120.0] {
                let here = element.form_factor(q);
                assert!(here < before && here > 0.0, "{} at {q}", element.symbol());
                before = here;
            }
        }
    }
}
