//! Classical data assimilation: estimates of a state that moves by a model and is observed with noise.
//!
//! An ensemble is a matrix, one member a column, in `f64` on the host. A filter moves nothing in time: it is given the
//! forecast and an observation and writes the analysis, whether the forecast comes from a solver or from a network.

pub mod config;
pub mod deterministic_enkf;
pub mod enkf;
pub mod ensemble;
pub mod etkf;
pub mod finite_size;
pub mod four_d_var;
pub mod letkf;
pub mod localisation;
pub mod nudging;
pub mod observation;
pub mod optimal_interpolation;
pub mod particle;
pub mod serial_eakf;
pub mod three_d_var;

use nalgebra::{DMatrix, DVector};
use rand::Rng;

pub use config::FilterConfig;
pub use four_d_var::Adjoint;
pub use observation::{Observation, Operator};

/// Why an analysis could not be made.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum FilterError {
    /// A covariance that must be inverted could not be.
    #[error("the covariance of the innovation is singular: give every observation a deviation above zero")]
    Singular,
    /// All members are the same.
    #[error(
        "the ensemble has collapsed, its spread is {spread:.1e}: raise the inflation or the number of members"
    )]
    Collapsed {
        /// The root mean square of the deviations from the mean.
        spread: f64,
    },
    /// A member or an observation is not finite.
    #[error("{what} is not finite")]
    NonFinite {
        /// What is not.
        what: &'static str,
    },
    /// What is observed is no entry of the state, and the filter corrects entries.
    #[error("the filter needs observations of entries of the state: identity, points or sensors")]
    Unseen,
    /// The model of a filter that differentiates it, or its way back, ended early.
    #[error("the model of the window {0}")]
    Model(String),
    /// An observation has another length than its operator gives.
    #[error("{given} values were observed where the operator gives {expected}")]
    Shape {
        /// Values given.
        given: usize,
        /// Values expected.
        expected: usize,
    },
}

/// Corrects a forecast by an observation.
pub trait Filter {
    /// The members it works with; one for a filter of a single estimate.
    fn members(&self) -> usize;

    /// Turns the forecast in `ensemble`, `[state, member]`, into the analysis.
    ///
    /// # Errors
    /// If the observation does not fit, something is not finite, or a covariance cannot be inverted.
    fn analyse(
        &mut self,
        ensemble: &mut DMatrix<f64>,
        observation: &Observation<'_>,
        rng: &mut dyn Rng,
    ) -> Result<(), FilterError>;

    /// Told the estimate that everything starts from.
    fn begin(&mut self, _start: &DVector<f64>) {}

    /// Told that the forecast has moved for `time` since the last call, or the start.
    fn elapse(&mut self, _time: f64) {}

    /// The estimate that an ensemble stands for: its mean, unless members have weights.
    fn estimate(&self, ensemble: &DMatrix<f64>) -> DVector<f64> {
        ensemble.column_mean()
    }
}

/// The statistics of the free motion, from a long run: what a filter without an ensemble knows.
#[derive(Clone, Debug, PartialEq)]
pub struct Climatology {
    /// The mean state.
    pub mean: DVector<f64>,
    /// The covariance.
    pub covariance: DMatrix<f64>,
}

impl Climatology {
    /// Of states `[state, sample]`.
    pub fn of(samples: &DMatrix<f64>) -> Self {
        let (mean, anomalies) = ensemble::centred(samples);
        let covariance = &anomalies * anomalies.transpose() / (samples.ncols().max(2) - 1) as f64;
        Self { mean, covariance }
    }
}

/// The gain `K = B Hᵀ (H B Hᵀ + R)⁻¹` of a fixed background covariance, for an operator linearised about `mean`.
fn gain(
    background: &DMatrix<f64>,
    mean: &[f64],
    observation: &Observation<'_>,
) -> Result<DMatrix<f64>, FilterError> {
    let h = observation.operator.jacobian(mean);
    let bht = background * h.transpose();
    let mut innovation = &h * &bht;
    for (i, s) in observation.deviation.iter().enumerate() {
        innovation[(i, i)] += s * s;
    }
    let factor = innovation.cholesky().ok_or(FilterError::Singular)?;
    Ok(factor.solve(&bht.transpose()).transpose())
}
