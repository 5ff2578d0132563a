//! How well two partitions of the same samples agree, whatever their numbers mean: adjusted Rand index,
//! normalised and adjusted mutual information, homogeneity, completeness and V-measure.
//!
//! With `n_ij` of `N` samples in class `i` and cluster `j`, `a_i = Σ_j n_ij`, `b_j = Σ_i n_ij`, entropies
//! `H`, mutual information `I` and `E[I]` its expectation over all partitions of these sizes:
//!
//! - adjusted Rand index: of the pairs of samples, the share in which both agree, corrected for chance
//!   (Hubert and Arabie 1985, doi:10.1007/BF01908075);
//! - NMI `I / mean(H_class, H_cluster)`, AMI `(I − E[I]) / (mean(H_class, H_cluster) − E[I])`, both with
//!   the arithmetic mean (Vinh, Epps and Bailey 2010, JMLR 11:2837);
//! - homogeneity `I / H_class` (a cluster holds one class), completeness `I / H_cluster` (a class is in
//!   one cluster), V-measure: their harmonic mean (Rosenberg and Hirschberg 2007, ACL D07-1043). Where an
//!   entropy is 0 the share is 1, as the authors define; where both shares are 0, so is V.
//!
//! Use the adjusted ones to compare different numbers of clusters: NMI grows with them by chance. 1 is
//! the same partition, 0 is chance. They are undefined where only one outcome is possible: both all in one
//! cluster, or (adjusted ones) each sample in its own (scikit-learn says 1). Labels are any numbers and
//! the order of samples cannot change a bit. Cost: one sort; AMI a sum of about `√N` terms for each pair
//! of different sizes.
//!
//! Natural logarithms throughout. Agrees with scikit-learn 1.9.1 to 1e-9.

use xscatter_core::{Error, ErrorKind, Result, Score};

/// Next to the most likely number, a chance that no digit can show.
const NEGLIGIBLE: f64 = 1e-22;

/// The counts of two partitions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contingency {
    /// Samples of each class, in the order of the classes.
    classes: Vec<u64>,
    /// Samples of each cluster, in the order of the clusters.
    clusters: Vec<u64>,
    /// Class, cluster and count of every pair that has a sample.
    cells: Vec<(usize, usize, u64)>,
}

/// How pure clusters are and how whole classes are.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct VMeasure {
    /// 1 if every cluster holds samples of one class alone.
    pub homogeneity: f64,
    /// 1 if every class is in one cluster.
    pub completeness: f64,
    /// The harmonic mean of both.
    pub v: f64,
}

impl Contingency {
    /// The counts of the classes and clusters of the same samples.
    ///
    /// ```
    /// use xscatter_core::Score;
    /// use xscatter_metrics::Contingency;
    ///
    /// let same = Contingency::new(&[0, 0, 1, 1, 2], &[7, 7, 3, 3, 5])?;
    /// assert_eq!(same.adjusted_rand_index(), Score::Value(1.0));
    /// # Ok::<(), xscatter_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// If the numbers of samples differ or there is none.
    pub fn new(classes: &[u32], clusters: &[u32]) -> Result<Self> {
        if classes.len() != clusters.len() {
            return Err(Error::new(
                ErrorKind::ShapeMismatch,
                format!(
                    "expected a cluster for each of {} samples, got {}",
                    classes.len(),
                    clusters.len()
                ),
            ));
        }
        if classes.is_empty() {
            return Err(Error::new(
                ErrorKind::DegenerateData,
                "expected samples in clusters, got none",
            ));
        }
        let (class_names, class_sizes) = sizes(classes);
        let (cluster_names, cluster_sizes) = sizes(clusters);
        let place = |names: &[u32], name| names.partition_point(|&other| other < name);
        let mut pairs: Vec<(u32, u32)> = classes
            .iter()
            .copied()
            .zip(clusters.iter().copied())
            .collect();
        pairs.sort_unstable();
        let cells = pairs
            .chunk_by(|left, right| left == right)
            .map(|same| {
                let (class, cluster) = same[0];
                (
                    place(&class_names, class),
                    place(&cluster_names, cluster),
                    same.len() as u64,
                )
            })
            .collect();
        Ok(Self {
            classes: class_sizes,
            clusters: cluster_sizes,
            cells,
        })
    }

    /// The adjusted Rand index.
    pub fn adjusted_rand_index(&self) -> Score {
        if let Some(reason) = self.is_only_possible() {
            return Score::Undefined(reason);
        }
        let pairs = |count: u64| u128::from(count) * u128::from(count.saturating_sub(1)) / 2;
        let sum = |counts: &[u64]| counts.iter().map(|&count| pairs(count)).sum::<u128>() as f64;
        let together: u128 = self.cells.iter().map(|&(_, _, count)| pairs(count)).sum();
        let (in_classes, in_clusters) = (sum(&self.classes), sum(&self.clusters));
        let expected = in_classes * in_clusters / pairs(self.total()) as f64;
        let most = f64::midpoint(in_classes, in_clusters);
        Score::Value((together as f64 - expected) / (most - expected))
    }

    /// The mutual information over the mean of both entropies.
    pub fn normalised_mutual_information(&self) -> Score {
        let mean = f64::midpoint(self.entropy(&self.classes), self.entropy(&self.clusters));
        if mean == 0.0 {
            return Score::Undefined("all samples are of one class and in one cluster".into());
        }
        Score::Value((self.mutual_information() / mean).clamp(0.0, 1.0))
    }

    /// The mutual information over the mean of both entropies, beyond what chance gives.
    pub fn adjusted_mutual_information(&self) -> Score {
        if let Some(reason) = self.is_only_possible() {
            return Score::Undefined(reason);
        }
        let mean = f64::midpoint(self.entropy(&self.classes), self.entropy(&self.clusters));
        let expected = self.expected_mutual_information();
        Score::Value((self.mutual_information() - expected) / (mean - expected))
    }

    /// Homogeneity, completeness and their harmonic mean.
    pub fn v_measure(&self) -> VMeasure {
        let information = self.mutual_information();
        let share = |entropy: f64| {
            if entropy == 0.0 {
                1.0
            } else {
                (information / entropy).clamp(0.0, 1.0)
            }
        };
        let homogeneity = share(self.entropy(&self.classes));
        let completeness = share(self.entropy(&self.clusters));
        let sum = homogeneity + completeness;
        VMeasure {
            homogeneity,
            completeness,
            v: if sum == 0.0 {
                0.0
            } else {
                2.0 * homogeneity * completeness / sum
            },
        }
    }

    fn total(&self) -> u64 {
        self.classes.iter().sum()
    }

    /// Why no other outcome was possible, if so.
    fn is_only_possible(&self) -> Option<String> {
        let total = self.total() as usize;
        match (self.classes.len(), self.clusters.len()) {
            (1, 1) => Some("all samples are of one class and in one cluster".into()),
            (classes, clusters) if classes == total && clusters == total => {
                Some("every sample is a class and a cluster of its own".into())
            }
            _ => None,
        }
    }

    fn entropy(&self, sizes: &[u64]) -> f64 {
        if sizes.len() == 1 {
            return 0.0;
        }
        let total = self.total() as f64;
        sizes
            .iter()
            .map(|&size| -(size as f64 / total) * (size as f64 / total).ln())
            .sum()
    }

    fn mutual_information(&self) -> f64 {
        let total = self.total() as f64;
        let sum: f64 = self
            .cells
            .iter()
            .map(|&(class, cluster, count)| {
                let count = count as f64;
                let by_chance = self.classes[class] as f64 * self.clusters[cluster] as f64;
                count / total * (total * count / by_chance).ln()
            })
            .sum();
        // Independent partitions can come out a rounding below 0.
        sum.max(0.0)
    }

    /// The mean over all partitions of these sizes: each cell is hypergeometric.
    fn expected_mutual_information(&self) -> f64 {
        let ln_factorial = |count: u64| libm::lgamma(count as f64 + 1.0);
        let mut expected = 0.0;
        for (a, as_large) in multiplicities(&self.classes) {
            for (b, bs_large) in multiplicities(&self.clusters) {
                let cell = self.expected_cell(a, b, &ln_factorial);
                expected += (as_large * bs_large) as f64 * cell;
            }
        }
        expected
    }

    /// What a class of `a` and a cluster of `b` samples contribute, from the most likely number of common
    /// samples outwards until the rest does not count.
    fn expected_cell(&self, a: u64, b: u64, ln_factorial: &impl Fn(u64) -> f64) -> f64 {
        let total = self.total();
        let (least, most) = ((a + b).saturating_sub(total).max(1), a.min(b));
        let likely = (u128::from(a + 1) * u128::from(b + 1) / u128::from(total + 2)) as u64;
        let likely = likely.clamp(least, most);
        let ln_chance =
            ln_factorial(a) + ln_factorial(b) + ln_factorial(total - a) + ln_factorial(total - b)
                - ln_factorial(total)
                - ln_factorial(likely)
                - ln_factorial(a - likely)
                - ln_factorial(b - likely)
                - ln_factorial(total + likely - a - b);
        let information = |both: u64| {
            let ratio = total as f64 * both as f64 / (a as f64 * b as f64);
            both as f64 / total as f64 * ratio.ln()
        };
        // How much less likely one common sample more is.
        let step = |both: u64| {
            let apart = (a - both) as f64 * (b - both) as f64;
            apart / ((both + 1) as f64 * (total + both + 1 - a - b) as f64)
        };
        let mut sum = information(likely);
        let mut chance = 1.0;
        for both in likely..most {
            chance *= step(both);
            sum += chance * information(both + 1);
            if chance < NEGLIGIBLE {
                break;
            }
        }
        chance = 1.0;
        for both in (least..likely).rev() {
            chance /= step(both);
            sum += chance * information(both);
            if chance < NEGLIGIBLE {
                break;
            }
        }
        ln_chance.exp() * sum
    }
}

/// The distinct labels in order, and how many samples each has.
fn sizes(labels: &[u32]) -> (Vec<u32>, Vec<u64>) {
    let mut labels = labels.to_vec();
    labels.sort_unstable();
    labels
        .chunk_by(|left, right| left == right)
        .map(|same| (same[0], same.len() as u64))
        .unzip()
}

/// Each distinct size with the number of times it occurs.
fn multiplicities(sizes: &[u64]) -> Vec<(u64, u64)> {
    let mut sizes = sizes.to_vec();
    sizes.sort_unstable();
    sizes
        .chunk_by(|left, right| left == right)
        .map(|same| (same[0], same.len() as u64))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    #[test]
    fn independent_partitions_are_at_chance() {
        let table = Contingency::new(&[0, 0, 1, 1], &[0, 1, 0, 1]).unwrap();
        assert_eq!(table.normalised_mutual_information(), Score::Value(0.0));
        let index = table.adjusted_rand_index().value().unwrap();
        assert_relative_eq!(index, -0.5, max_relative = 1e-12);
        let v = table.v_measure();
        assert_eq!((v.homogeneity, v.completeness, v.v), (0.0, 0.0, 0.0));
    }

    #[test]
    fn split_classes_are_homogeneous_and_incomplete() {
        let v = Contingency::new(&[0, 0, 1, 1], &[0, 1, 2, 2])
            .unwrap()
            .v_measure();
        assert_relative_eq!(v.homogeneity, 1.0);
        assert_relative_eq!(v.completeness, 2.0 / 3.0);
        assert_relative_eq!(v.v, 0.8);
    }

    #[test]
    fn where_only_one_outcome_is_possible_agreement_is_undefined() {
        let one = Contingency::new(&[4, 4], &[1, 1]).unwrap();
        assert_eq!(one.adjusted_rand_index().value(), None);
        assert_eq!(one.normalised_mutual_information().value(), None);
        let own = Contingency::new(&[0, 1, 2], &[2, 1, 0]).unwrap();
        assert_eq!(own.adjusted_mutual_information().value(), None);
        assert_relative_eq!(own.normalised_mutual_information().value().unwrap(), 1.0);
        assert!(Contingency::new(&[], &[]).is_err());
        assert!(Contingency::new(&[0], &[]).is_err());
    }
}
