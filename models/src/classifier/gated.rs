//! A gated recurrent network that is told the time between samples.

use burn::module::Module;
use burn::tensor::activation::sigmoid;
use burn::tensor::{Device, Tensor, TensorData};
use flowmap_solvers::control_path::{ControlError, Fill, Samples};
use flowmap_solvers::issue::{Check, Validate};
use serde::{Deserialize, Serialize};

use super::{SeriesClassifier, SeriesSpec};
use crate::layers::Dense;

/// A gated recurrent unit along the samples, each with the time since the one before in units of the span, and a read-out of
/// the last state: `h ← u h + (1 − u) tanh(W x + r (U h + b))`. What is missing is held from before.
///
/// K. Cho et al., EMNLP 2014.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GatedClassifierConfig {
    /// Units of the state.
    pub units: usize,
}

impl Default for GatedClassifierConfig {
    fn default() -> Self {
        Self { units: 32 }
    }
}

impl Validate for GatedClassifierConfig {
    fn validate(&self, mut check: Check<'_>) {
        check.within("units", self.units, 1, 4096);
    }
}

/// The model of [`GatedClassifierConfig`].
#[derive(Module, Debug)]
pub struct GatedClassifier {
    /// Of the input, and of the state, to the gates `r`, `u` and the candidate.
    input: Dense,
    recurrent: Dense,
    readout: Dense,
    #[module(skip)]
    units: usize,
    #[module(skip)]
    span: f64,
}

impl GatedClassifierConfig {
    /// Draws the weights from the device's random stream.
    pub fn init(&self, spec: &SeriesSpec, device: &Device) -> GatedClassifier {
        let n = self.units;
        GatedClassifier {
            input: Dense::init(spec.channels + 1, 3 * n, 1.0, device),
            recurrent: Dense::init(n, 3 * n, 1.0, device),
            readout: Dense::init(n, spec.classes, 1.0, device),
            units: n,
            span: spec.span,
        }
    }
}

impl GatedClassifier {
    fn next(&self, h: Tensor<2>, driven: Tensor<2>) -> Tensor<2> {
        let n = self.units;
        let past = self.recurrent.forward(h.clone());
        let gates = sigmoid(driven.clone().narrow(1, 0, 2 * n) + past.clone().narrow(1, 0, 2 * n));
        let (r, u) = (gates.clone().narrow(1, 0, n), gates.narrow(1, n, n));
        let candidate = (driven.narrow(1, 2 * n, n) + r * past.narrow(1, 2 * n, n)).tanh();
        candidate.clone() + u * (h - candidate)
    }
}

impl SeriesClassifier for GatedClassifier {
    fn logits(&self, series: &[Samples], device: &Device) -> Result<Tensor<2>, ControlError> {
        let filled = series.iter().map(|s| s.filled(Fill::Hold)).collect::<Result<Vec<_>, _>>()?;
        let (batch, longest) = (series.len(), filled.iter().map(|x| x.nrows()).max().unwrap_or(0));
        let width = filled.first().map_or(0, |x| x.ncols()) + 1;
        // Shorter series begin later; until then the state stays zero.
        let mut values = vec![0.0_f32; longest * batch * width];
        let mut begun = vec![1.0_f32; longest * batch];
        for (b, (samples, x)) in series.iter().zip(&filled).enumerate() {
            let wait = longest - x.nrows();
            (0..wait).for_each(|step| begun[step * batch + b] = 0.0);
            for (i, sample) in x.rows().into_iter().enumerate() {
                let to = &mut values[((wait + i) * batch + b) * width..][..width];
                let gap = samples.times()[i] - samples.times()[i.saturating_sub(1)];
                to[0] = (gap / self.span) as f32;
                to[1..].iter_mut().zip(sample).for_each(|(t, x)| *t = *x as f32);
            }
        }
        // What does not wait for the past is one product for all times.
        let x = Tensor::<2>::from_data(TensorData::new(values, [longest * batch, width]), device);
        let mut h = Tensor::<2>::zeros([batch, self.units], device);
        for (step, driven) in self.input.forward(x).split(batch, 0).into_iter().enumerate() {
            let next = self.next(h.clone(), driven);
            let begun = &begun[step * batch..][..batch];
            h = if begun.iter().all(|b| *b == 1.0) {
                next
            } else {
                next * Tensor::from_data(TensorData::new(begun.to_vec(), [batch, 1]), device)
            };
        }
        Ok(self.readout.forward(h))
    }
}
