//! The log-ODE method of a neural controlled equation.

use burn::tensor::{Device, Tensor, TensorData};
use flowmap_solvers::control_path::{ControlPath, LogSignature};
use flowmap_solvers::field::VectorField;
use flowmap_solvers::issue::{Check, Validate};
use serde::{Deserialize, Serialize};

use super::NeuralCde;
use crate::fused::gelu;

/// Windows of a control, each taken in one step along the vector field that its log-signature makes of the columns of `f`.
///
/// A long series is solved in few steps. J. Morrill, C. Salvi, P. Kidger, J. Foster, "Neural Rough Differential Equations for Long Time
/// Series", ICML 2021.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LogOdeConfig {
    /// Pieces of the control in a window.
    pub pieces: usize,
    /// The depth: 1 sees the increment over a window, 2 also the areas between channels.
    pub depth: usize,
}

impl Default for LogOdeConfig {
    fn default() -> Self {
        Self { pieces: 4, depth: 2 }
    }
}

impl Validate for LogOdeConfig {
    fn validate(&self, mut check: Check<'_>) {
        check.within("pieces", self.pieces, 1, 1_000_000);
        check.within("depth", self.depth, 1, 2);
    }
}

/// `Σᵢ L¹ᵢ fᵢ + Σᵢⱼ L²ᵢⱼ (Dfⱼ) fᵢ` in the time of the steps, with the log-signature of the window of the step; nothing moves a row whose
/// windows have ended.
pub(super) struct Windowed<'a> {
    model: &'a NeuralCde,
    depth: usize,
    channels: usize,
    /// Of every control, window after window.
    signatures: Vec<Vec<LogSignature>>,
    device: &'a Device,
}

impl<'a> Windowed<'a> {
    pub(super) fn new(
        model: &'a NeuralCde,
        config: &LogOdeConfig,
        controls: &[ControlPath],
        device: &'a Device,
    ) -> Self {
        let windows = |path: &ControlPath| {
            let count = path.knots().len() - 1;
            let window =
                |from: usize| LogSignature::new(path, from, (from + config.pieces).min(count), config.depth);
            // A depth that was checked is one that there is.
            (0..count).step_by(config.pieces).filter_map(|from| window(from).ok()).collect()
        };
        let channels = controls.first().map_or(0, ControlPath::channels);
        let signatures = controls.iter().map(windows).collect();
        Self { model, depth: config.depth, channels, signatures, device }
    }

    /// A level of all log-signatures of a step, `[batch, channel ^ level]`.
    fn level(&self, step: usize, level: usize) -> Tensor<2> {
        let size = self.channels.pow(level as u32);
        let values = self.signatures.iter().flat_map(|windows| {
            let given = windows.get(step).and_then(|w| w.level(level));
            given.map_or_else(|| vec![0.0; size], |l| l.iter().map(|v| *v as f32).collect::<Vec<f32>>())
        });
        let values = TensorData::new(values.collect::<Vec<f32>>(), [self.signatures.len(), size]);
        Tensor::from_data(values, self.device)
    }

    /// `Σⱼ (Dfⱼ) dⱼ`, `[batch, hidden]`, of directions `[batch, channel, hidden]`.
    fn brackets(&self, z: Tensor<2>, directions: Tensor<3>) -> Tensor<2> {
        let [batch, channels, hidden] = directions.dims();
        let rows = batch * channels;
        let mut x = z.unsqueeze_dim::<3>(1).repeat_dim(1, channels).reshape([rows, hidden]);
        let mut dx = directions.reshape([rows, hidden]);
        for layer in &self.model.layers {
            let a = layer.forward(x);
            // The derivative of x Φ(x), by operations that are differentiated once more.
            let distribution =
                a.clone().mul_scalar(std::f64::consts::FRAC_1_SQRT_2).erf().add_scalar(1.0) * 0.5;
            let density =
                a.clone().powi_scalar(2).mul_scalar(-0.5).exp() * (0.5 / std::f64::consts::PI).sqrt();
            dx = layer.along(dx) * (distribution + a.clone() * density);
            x = gelu(a);
        }
        let f = self.model.last.forward(x).tanh();
        let df = self.model.last.along(dx) * (f.powi_scalar(2).neg() + 1.0);
        // Of the row of channel j, the column j.
        let own = Tensor::<2>::eye(channels, self.device).reshape([1, channels, 1, channels]);
        let df = df.reshape([batch, channels, hidden, channels]) * own;
        df.sum_dim(3).sum_dim(1).reshape([batch, hidden])
    }
}

impl VectorField<Tensor<2>> for Windowed<'_> {
    fn eval(&mut self, t: f64, z: &Tensor<2>, dz: &mut Tensor<2>) {
        let step = (0.5 * t).floor() as usize;
        let ([batch, hidden], channels) = (z.dims(), self.channels);
        let f = self.model.field(z.clone());
        let one = self.level(step, 1).reshape([batch, 1, channels]);
        let mut sum = (f.clone() * one).sum_dim(2).reshape([batch, hidden]);
        if self.depth > 1 {
            let two = self.level(step, 2).reshape([batch, channels, channels]);
            // dⱼ = Σᵢ L²ᵢⱼ fᵢ.
            let directions = f.matmul(two).swap_dims(1, 2);
            sum = sum + self.brackets(z.clone(), directions);
        }
        *dz = sum;
    }
}
