//! What the training of a model of fields minimises.

use burn::tensor::{Tensor, TensorData};
use serde::{Deserialize, Serialize};

/// The error of predicted fields `p` against `u`, both `[batch, channel, x]`; means over all axes that are not summed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FieldLoss {
    /// `‖p − u‖²/‖u‖²` of every sample, all channels together: a small field counts as much as a large one.
    #[default]
    RelativeSquared,
    /// `((p − u)/σ)²` with the standard deviation `σ` of each channel over the training data: the mean squared error.
    Squared,
    /// `‖p − u‖/‖u‖` of every sample and channel: the loss of SineNet (X. Zhang et al., ICLR 2024).
    RelativeL2,
}

impl FieldLoss {
    /// The loss `[1]`; `std` are the standard deviations of the channels.
    pub(super) fn of(self, p: Tensor<3>, u: Tensor<3>, std: &[f64]) -> Tensor<1> {
        match self {
            Self::RelativeSquared => {
                let size = u.clone().powi_scalar(2).mean_dims(&[1, 2]);
                ((p - u).powi_scalar(2).mean_dims(&[1, 2]) / size.add_scalar(TINY)).mean()
            }
            Self::Squared => {
                let inverse: Vec<f32> = std.iter().map(|s| (1.0 / s) as f32).collect();
                let inverse = TensorData::new(inverse, [1, std.len(), 1]);
                ((p - u.clone()) * Tensor::from_data(inverse, &u.device())).powi_scalar(2).mean()
            }
            Self::RelativeL2 => {
                let size = u.clone().powi_scalar(2).mean_dim(2);
                let error = (p - u).powi_scalar(2).mean_dim(2);
                // The root has no slope at zero.
                (error.add_scalar(TINY).sqrt() / size.add_scalar(TINY).sqrt()).mean()
            }
        }
    }
}

/// Added where a field may be zero.
const TINY: f64 = 1e-12;
