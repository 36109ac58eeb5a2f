//! What every learned flow map of a field on one axis can do.

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use num_complex::Complex64;

/// A map from a field to the field a fixed time later.
pub trait Emulator: Module {
    /// The `steps` states after `u`, each `[batch, channel, x]`, in the physical units of the data.
    fn rollout(&self, u: Tensor<3>, steps: usize) -> Vec<Tensor<3>>;
}

/// What a model is told of the field that it moves.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldSpec {
    /// Points of the axis.
    pub points: usize,
    /// Channels.
    pub channels: usize,
    /// The time of a step.
    pub dt: f64,
    /// The eigenvalues of the linear part, `points/2 + 1` for one channel after the other.
    pub symbol: Vec<Complex64>,
    /// The mean of every channel.
    pub mean: Vec<f64>,
    /// The standard deviation of every channel.
    pub std: Vec<f64>,
    /// The standard deviation, per unit of time, of what the linear part leaves to be learned.
    pub rate: Vec<f64>,
}

/// A constant `[1, channel, 1]`.
pub(crate) fn per_channel(values: &[f64], device: &Device) -> Tensor<3> {
    let values: Vec<f32> = values.iter().map(|v| *v as f32).collect();
    Tensor::<1>::from_floats(&values[..], device).reshape([1, values.len(), 1])
}
