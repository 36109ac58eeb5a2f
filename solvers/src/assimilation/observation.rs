//! What is seen of a state.

use nalgebra::{DMatrix, DVector};
use serde::{Deserialize, Serialize};

use super::FilterError;
use crate::issue::{Check, Validate};

/// A map from states to what instruments show.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operator {
    /// Every entry.
    Identity {},
    /// Every `every`-th entry, from `first` on.
    Points(Points),
    /// Chosen entries, in any order.
    Sensors(Sensors),
    /// Means over `width` neighbouring entries.
    Blocks(Blocks),
    /// The longest waves of a periodic state.
    Modes(Modes),
    /// The magnitude of every entry.
    Magnitude {},
    /// The square of every entry.
    Square {},
}

/// Sensors at equal distances.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Points {
    /// The distance between two.
    pub every: usize,
    /// The first.
    #[serde(default)]
    pub first: usize,
}

/// Sensors at given entries.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sensors {
    /// The entries.
    pub at: Vec<usize>,
}

/// Averages of pixels.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Blocks {
    /// Entries that are averaged.
    pub width: usize,
}

/// Fourier coefficients of a state of one field on one periodic axis.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Modes {
    /// Waves beside the mean: the values are the mean, then the amplitudes of cosine and sine of one wave after the other.
    pub waves: usize,
}

impl Modes {
    /// The weight of entry `j` of `n` in the `i`-th value.
    fn weight(i: usize, j: usize, n: usize) -> f64 {
        let wave = i.div_ceil(2);
        let (sin, cos) = (std::f64::consts::TAU * ((wave * j) % n) as f64 / n as f64).sin_cos();
        let twice = if i == 0 || 2 * wave == n { 1.0 } else { 2.0 };
        twice / n as f64 * if i.is_multiple_of(2) && i > 0 { sin } else { cos }
    }
}

impl Default for Operator {
    fn default() -> Self {
        Self::Identity {}
    }
}

impl Validate for Operator {
    fn validate(&self, mut check: Check<'_>) {
        match self {
            Self::Identity {} | Self::Magnitude {} | Self::Square {} => {}
            Self::Points(p) => check.table("points").at_least("every", p.every, 1),
            Self::Blocks(b) => check.table("blocks").at_least("width", b.width, 1),
            Self::Modes(m) => check.table("modes").within("waves", m.waves, 0, 100_000),
            Self::Sensors(s) => check.table("sensors").require(
                !s.at.is_empty(),
                "at",
                "no sensor",
                "name at least one entry of the state",
            ),
        }
    }
}

impl Operator {
    /// The number of values that are seen of a state of `n` entries.
    pub fn outputs(&self, n: usize) -> usize {
        match self {
            Self::Identity {} | Self::Magnitude {} | Self::Square {} => n,
            Self::Points(p) => n.saturating_sub(p.first).div_ceil(p.every),
            Self::Sensors(s) => s.at.len(),
            Self::Blocks(b) => n.div_ceil(b.width),
            Self::Modes(m) => 1 + 2 * m.waves,
        }
    }

    /// The largest entry that it asks for.
    pub fn last_entry(&self) -> usize {
        match self {
            Self::Points(p) => p.first,
            Self::Sensors(s) => s.at.iter().copied().max().unwrap_or(0),
            // The wave of two entries is the shortest.
            Self::Modes(m) => 2 * m.waves,
            _ => 0,
        }
    }

    /// The entries of a state of `n` that the values are, one for each; none of an operator that shows something else.
    pub fn entries(&self, n: usize) -> Option<Vec<usize>> {
        match self {
            Self::Identity {} => Some((0..n).collect()),
            Self::Points(p) => Some((p.first..n).step_by(p.every).collect()),
            Self::Sensors(s) => Some(s.at.clone()),
            Self::Blocks(_) | Self::Modes(_) | Self::Magnitude {} | Self::Square {} => None,
        }
    }

    /// What is seen of `state`.
    pub fn apply(&self, state: &[f64]) -> Vec<f64> {
        match self {
            Self::Identity {} => state.to_vec(),
            Self::Points(p) => state.iter().skip(p.first).step_by(p.every).copied().collect(),
            Self::Sensors(s) => s.at.iter().map(|i| state[*i]).collect(),
            Self::Blocks(b) => {
                state.chunks(b.width).map(|c| c.iter().sum::<f64>() / c.len() as f64).collect()
            }
            Self::Modes(_) => (0..self.outputs(state.len()))
                .map(|i| state.iter().enumerate().map(|(j, v)| Modes::weight(i, j, state.len()) * v).sum())
                .collect(),
            Self::Magnitude {} => state.iter().map(|v| v.abs()).collect(),
            Self::Square {} => state.iter().map(|v| v * v).collect(),
        }
    }

    /// The derivative at `state`, `[output, entry]`.
    pub fn jacobian(&self, state: &[f64]) -> DMatrix<f64> {
        let n = state.len();
        let mut h = DMatrix::zeros(self.outputs(n), n);
        match self {
            Self::Identity {} => h.fill_with_identity(),
            Self::Points(p) => {
                (p.first..n).step_by(p.every).enumerate().for_each(|(i, j)| h[(i, j)] = 1.0);
            }
            Self::Sensors(s) => s.at.iter().enumerate().for_each(|(i, j)| h[(i, *j)] = 1.0),
            Self::Blocks(b) => {
                for j in 0..n {
                    let i = j / b.width;
                    h[(i, j)] = 1.0 / (n - i * b.width).min(b.width) as f64;
                }
            }
            Self::Modes(_) => h = DMatrix::from_fn(h.nrows(), n, |i, j| Modes::weight(i, j, n)),
            Self::Magnitude {} => (0..n).for_each(|i| h[(i, i)] = state[i].signum()),
            Self::Square {} => (0..n).for_each(|i| h[(i, i)] = 2.0 * state[i]),
        }
        h
    }

    /// Where along the state the `i`-th value comes from, in entries; a mode comes from everywhere, and its number stands for it.
    pub fn place(&self, i: usize, n: usize) -> f64 {
        match self {
            Self::Identity {} | Self::Modes(_) | Self::Magnitude {} | Self::Square {} => i as f64,
            Self::Points(p) => (p.first + i * p.every) as f64,
            Self::Sensors(s) => s.at[i] as f64,
            Self::Blocks(b) => {
                let first = i * b.width;
                first as f64 + ((n - first).min(b.width) - 1) as f64 / 2.0
            }
        }
    }

    /// The members as they would be seen, `[output, member]`.
    pub fn of_members(&self, ensemble: &DMatrix<f64>) -> DMatrix<f64> {
        if *self == (Self::Identity {}) {
            return ensemble.clone();
        }
        let columns: Vec<_> =
            ensemble.column_iter().map(|member| DVector::from_vec(self.apply(member.as_slice()))).collect();
        DMatrix::from_columns(&columns)
    }
}

/// Values that were seen at one time, with independent Gaussian errors.
#[derive(Clone, Copy, Debug)]
pub struct Observation<'a> {
    /// How the state is seen.
    pub operator: &'a Operator,
    /// What was seen.
    pub values: &'a [f64],
    /// The standard deviation of the error of each value.
    pub deviation: &'a [f64],
}

impl Observation<'_> {
    /// What all filters check before they begin.
    ///
    /// # Errors
    /// If the observation has another shape than its operator gives, something is not finite, or a deviation is not positive.
    pub fn check(&self, ensemble: &DMatrix<f64>) -> Result<(), FilterError> {
        let expected = self.operator.outputs(ensemble.nrows());
        let given = self.values.len();
        if given != expected || self.deviation.len() != expected {
            return Err(FilterError::Shape {
                given: if given == expected { self.deviation.len() } else { given },
                expected,
            });
        }
        if self.values.iter().any(|v| !v.is_finite()) {
            return Err(FilterError::NonFinite { what: "an observed value" });
        }
        if ensemble.iter().any(|v| !v.is_finite()) {
            return Err(FilterError::NonFinite { what: "a member of the forecast" });
        }
        if self.deviation.iter().any(|s| s.is_nan() || *s <= 0.0) {
            return Err(FilterError::Singular);
        }
        Ok(())
    }

    /// The innovation of the ensemble mean and the observed anomalies, both in units of the observations' deviations:
    /// `R^(−½)(y − ȳ)` and `R^(−½)(H(xᵢ) − ȳ)`.
    pub(super) fn scaled(&self, ensemble: &DMatrix<f64>) -> (DVector<f64>, DMatrix<f64>) {
        let (mean, mut anomalies) = super::ensemble::centred(&self.operator.of_members(ensemble));
        let mut innovation = DVector::from_column_slice(self.values) - mean;
        let weights = DVector::from_column_slice(self.deviation).map(|s| 1.0 / s);
        innovation.component_mul_assign(&weights);
        anomalies.column_iter_mut().for_each(|mut c| c.component_mul_assign(&weights));
        (innovation, anomalies)
    }
}
