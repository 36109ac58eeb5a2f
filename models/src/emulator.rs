//! What every learned flow map of a field on one axis or two can do.

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use num_complex::Complex64;

use crate::fused::Edge;

/// A map from a field, or from some frames of it, to the field a fixed time later.
pub trait Emulator: Module {
    /// The `steps` states after `u`, each `[batch, channel, x]`, in the physical units of the data; `u` are the last
    /// [`history`](Self::history) frames, `[batch, history·channel, x]`, the oldest first.
    fn rollout(&self, u: Tensor<3>, steps: usize) -> Vec<Tensor<3>>;

    /// How many frames it is given.
    fn history(&self) -> usize {
        1
    }

    /// How many frames it predicts at once; a rollout of another length ends with a part of them.
    fn bundle(&self) -> usize {
        1
    }

    /// What it makes of the frames `u` on the way to the next, layer by layer, `[batch, feature, x, y]`, all in the same features on the same
    /// points; empty if it has no such layers.
    fn features(&self, _u: Tensor<3>) -> Vec<Tensor<4>> {
        Vec::new()
    }
}

/// What a model is told of the field that it moves.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldSpec {
    /// Points of every axis, one or two; fields are `[batch, channel, x]` with all points in one dimension.
    pub shape: Vec<usize>,
    /// What lies beyond the edges, axis by axis; an axis without an entry is periodic.
    pub edges: Vec<Edge>,
    /// Channels.
    pub channels: usize,
    /// Frames that a model is given, at least one.
    pub history: usize,
    /// Frames that a model predicts at once, at least one.
    pub bundle: usize,
    /// The time of a step.
    pub dt: f64,
    /// The eigenvalues of the linear part, for one channel after the other, the last axis halved: `points/2 + 1` of one axis.
    pub symbol: Vec<Complex64>,
    /// The mean of every channel.
    pub mean: Vec<f64>,
    /// The standard deviation of every channel.
    pub std: Vec<f64>,
    /// The standard deviation, per unit of time, of what the linear part leaves to be learned.
    pub rate: Vec<f64>,
}

impl FieldSpec {
    /// All points of a channel.
    pub fn points(&self) -> usize {
        self.shape.iter().product()
    }

    /// The place in the symbol of one channel of a mode with these frequencies.
    pub(crate) fn place(&self, frequency: &[i64]) -> usize {
        let half = self.shape.last().map_or(1, |n| n / 2 + 1);
        match *frequency {
            [x, y] => x.rem_euclid(self.shape[0] as i64) as usize * half + y as usize,
            [x] => x as usize,
            _ => 0,
        }
    }
}

/// The frames after a step: `next`, `[batch, channel, x]`, instead of the oldest of `frames`, `[batch, history·channel, x]`.
pub fn shifted(frames: Tensor<3>, next: Tensor<3>) -> Tensor<3> {
    let ([_, all, _], [_, channels, _]) = (frames.dims(), next.dims());
    if all == channels {
        return next;
    }
    Tensor::cat(vec![frames.narrow(1, channels, all - channels), next], 1)
}

/// A constant `[1, channel, 1]`.
pub(crate) fn per_channel(values: &[f64], device: &Device) -> Tensor<3> {
    let values: Vec<f32> = values.iter().map(|v| *v as f32).collect();
    Tensor::<1>::from_floats(&values[..], device).reshape([1, values.len(), 1])
}
