//! Models of series that are fitted in one call: what learned maps are compared with.

mod autoregressive;
mod echo_state;
mod library;
mod neural_ode;
mod read_out;
mod recurrent;
mod ridge;
mod scale;
mod selection;
mod sindy;
mod smoothing;
mod sparse;

pub use autoregressive::{Autoregressive, AutoregressiveConfig, Criterion};
pub use echo_state::{EchoState, EchoStateConfig};
pub use library::Term;
pub use read_out::read_out;
pub use recurrent::{Cell, Recurrent, RecurrentConfig};
pub use scale::Scale;
pub use sindy::{Sindy, SindyConfig};

use burn::tensor::Device;
use ndarray::ArrayView2;
use rand::Rng;

use crate::state_space::StateSpaceModel;

/// Series to learn from, each `[time, channel]`.
#[derive(Clone, Debug)]
pub struct Samples<'a> {
    /// To fit to.
    pub train: Vec<ArrayView2<'a, f64>>,
    /// To choose by; may be empty, then the training series choose.
    pub validation: Vec<ArrayView2<'a, f64>>,
    /// Time between two samples.
    pub dt: f64,
    /// The names of the channels.
    pub channels: &'a [String],
}

/// What a fit may use.
pub struct Fitting<'a> {
    /// Its randomness.
    pub rng: &'a mut dyn Rng,
    /// Where tensors live, without autodiff.
    pub device: &'a Device,
    /// Told of every step, of how many, and the loss there; `false` stops the fit where it is.
    pub on_step: &'a mut dyn FnMut(usize, usize, f64) -> bool,
}

/// A fitted model.
pub struct Fitted {
    /// In the units of the series.
    pub model: Box<dyn StateSpaceModel>,
    /// The numbers that were fitted.
    pub parameters: usize,
    /// What was chosen or found, for the report.
    pub notes: Vec<String>,
}

/// A model that is fitted in one call.
pub trait Baseline {
    /// Fits.
    ///
    /// # Errors
    /// If the series are too short or the problem is singular or diverges.
    fn fit(&self, samples: &Samples<'_>, fitting: &mut Fitting<'_>) -> Result<Fitted, FitError>;
}

/// Why there is no model.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum FitError {
    /// There is too little to learn from.
    #[error("{have} samples to learn from, and {needed} are needed: {why}")]
    TooShort {
        /// The samples of the longest series.
        have: usize,
        /// The fewest that will do.
        needed: usize,
        /// What needs them.
        why: &'static str,
    },
    /// The linear equations have no solution.
    #[error("the least squares are singular: raise {0}")]
    Singular(&'static str),
    /// A loss was not finite.
    #[error("the loss is no longer finite at step {step}: lower the rate (now {rate})")]
    NotFinite {
        /// Where.
        step: usize,
        /// The rate there.
        rate: f64,
    },
}

impl Samples<'_> {
    /// The number of channels.
    pub fn width(&self) -> usize {
        self.train.first().map_or(0, |s| s.ncols())
    }

    /// Makes sure that one series to learn from is long enough.
    fn require(&self, needed: usize, why: &'static str) -> Result<(), FitError> {
        let have = self.train.iter().map(|s| s.nrows()).max().unwrap_or(0);
        if have < needed { Err(FitError::TooShort { have, needed, why }) } else { Ok(()) }
    }

    /// The series that choose.
    fn judges(&self, needed: usize) -> &[ArrayView2<'_, f64>] {
        let long = self.validation.iter().any(|s| s.nrows() >= needed);
        if long { &self.validation } else { &self.train }
    }
}

/// The mean squared error of free runs of `horizon` steps from up to `starts` places of each series, in units of the scale;
/// the error of a sample counts at most four, so that one divergence does not decide.
fn free_run_error(
    model: &dyn StateSpaceModel,
    series: &[ArrayView2<'_, f64>],
    horizon: usize,
    starts: usize,
    scale: &Scale,
) -> f64 {
    let (mut sum, mut count) = (0.0, 0.0);
    let (mut next, mut x) = (vec![0.0; model.state_size()], vec![0.0; model.channels()]);
    for series in series {
        let first = model.memory();
        let Some(room) = series.nrows().checked_sub(first + horizon + 1) else { continue };
        let states = model.filter(*series);
        let stride = (room / starts.max(1)).max(1);
        for start in (first..=first + room).step_by(stride).take(starts) {
            let mut z = states.row(start).to_vec();
            for lead in 1..=horizon {
                model.next(&z, &mut next);
                std::mem::swap(&mut z, &mut next);
                model.observe(&z, &mut x);
                let truth = series.row(start + lead);
                let errors = x.iter().zip(truth).zip(&scale.std).map(|((x, t), s)| ((x - t) / s).powi(2));
                let error = errors.sum::<f64>() / x.len() as f64;
                sum += if error < 4.0 { error } else { 4.0 };
                count += 1.0;
            }
        }
    }
    sum / f64::max(count, 1.0)
}
