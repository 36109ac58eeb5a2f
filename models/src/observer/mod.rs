//! Learned observers: the correction of a forecast of fields by what is seen of the truth.
//!
//! `z_a = z_f + K_θ(z_f) [y − H z_f]`: an observer is told the forecast and how certain it is, what was seen and how well, and
//! gives what is added. It is linear in the innovation, so that nothing is added where nothing surprises. What it believes
//! of its own error is a spectrum of variances that moves by learned growth from frame to frame and shrinks with what is seen.

mod config;
mod diagonal_gain;
mod filter;
mod gated_gain;
mod gates;
mod learned_operator;

pub use config::{Forecast, GainConfig, ObserverConfig};
pub use diagonal_gain::{DiagonalGain, DiagonalGainConfig};
pub use filter::ObserverFilter;
pub use gated_gain::{GatedGain, GatedGainConfig};
pub use learned_operator::{LearnedOperator, LearnedOperatorConfig};

use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};

/// What is seen of fields at one time, on their grid.
#[derive(Clone, Debug)]
pub struct Seen {
    /// What was seen less the forecast there, and zero where nothing was, `[batch, channel, x]`: `Hᵀ (y − H z_f)`.
    pub innovation: Tensor<3>,
    /// One where something was seen, `[1, channel, x]`.
    pub mask: Tensor<3>,
    /// The standard deviation of the noise, in the units of the field.
    pub deviation: f64,
}

impl Seen {
    /// The mask of the entries of a state `[channel, x]`.
    pub fn mask(entries: &[usize], channels: usize, points: usize, device: &Device) -> Tensor<3> {
        let mut mask = vec![0.0_f32; channels * points];
        entries.iter().for_each(|i| mask[*i] = 1.0);
        Tensor::from_data(TensorData::new(mask, [1, channels, points]), device)
    }
}

/// What is known of a field and a forecast of it before anything is learned: variances of every mode, `[channel][mode]` in the
/// order of the symbol, whose mean over the whole spectrum is the variance of a point.
#[derive(Clone, Debug)]
pub struct Variances {
    /// Of the field about its mean.
    pub climate: Vec<Vec<f64>>,
    /// Of the error of a forecast over one frame from a true state.
    pub model_error: Vec<Vec<f64>>,
}

/// The variances of the modes of the error of an estimate, `[1, channel, mode]`, relative to the variance of the field.
pub type Belief = Tensor<3>;

/// A learned correction.
pub trait Observer: Module {
    /// The belief about a start that is off by `deviation`, relative to the field's own.
    fn believe(&self, deviation: f64) -> Belief;

    /// The belief a frame later, if nothing is seen.
    fn elapse(&self, belief: Belief) -> Belief;

    /// What is added to the forecast `[batch, channel, x]`, and what is believed then.
    fn correct(&self, forecast: Tensor<3>, belief: Belief, seen: &Seen) -> (Tensor<3>, Belief);
}
