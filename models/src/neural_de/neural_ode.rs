//! The neural ordinary differential equation.

use burn::tensor::Device;
use flowmap_solvers::issue::{Check, Validate};
use rand::Rng;
use serde::{Deserialize, Serialize};

use super::{Flow, Method, Steps};
use crate::fused::{FieldKind, FieldSpec};

/// `dy/dt = f_θ(y)` with a network of hyperbolic tangents.
///
/// R. T. Q. Chen et al., "Neural Ordinary Differential Equations", NeurIPS 2018.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NeuralOdeConfig {
    /// Units of the hidden layers.
    pub hidden: Vec<usize>,
    /// Entries that a state has beyond those observed, zero at the start.
    pub augmented: usize,
    /// The method of training.
    pub method: Method,
    /// Its longest step; zero takes the time between two samples.
    pub step: f64,
    /// The tolerance of the error of a step, relative and absolute, by which steps then change their size; zero takes equal ones.
    pub tolerance: f64,
}

impl Default for NeuralOdeConfig {
    fn default() -> Self {
        Self { hidden: vec![64, 64], augmented: 0, method: Method::Rk4, step: 0.0, tolerance: 0.0 }
    }
}

impl Validate for NeuralOdeConfig {
    fn validate(&self, mut check: Check<'_>) {
        check_hidden(&self.hidden, &mut check);
        check.within("augmented", self.augmented, 0, 1024);
        check.non_negative("step", self.step);
        check.non_negative("tolerance", self.tolerance);
        check.require(
            self.tolerance == 0.0 || self.method.tableau().embedded_order.is_some(),
            "tolerance",
            "the method has no estimate of its error, by which steps could change",
            "take method = \"tsit5\" or \"dopri5\", or leave the tolerance out",
        );
    }
}

impl NeuralOdeConfig {
    /// Draws the weights, for samples `dt` apart.
    pub fn init(&self, channels: usize, dt: f64, rng: &mut dyn Rng, device: &Device) -> Flow {
        let dim = channels + self.augmented;
        let field = FieldSpec::new(FieldKind::Plain, dim, &self.hidden, Vec::new());
        let tolerance = (self.tolerance > 0.0).then_some(self.tolerance);
        let steps = Steps { tolerance, ..Steps::of(self.method, longest(self.step, dt)) };
        Flow::draw(field, self.augmented, steps, rng, device)
    }
}

/// The step, or the time between two samples.
pub(super) fn longest(step: f64, dt: f64) -> f64 {
    if step > 0.0 { step } else { dt }
}

/// Checks the widths of hidden layers.
pub(super) fn check_hidden(hidden: &[usize], check: &mut Check<'_>) {
    let sound = !hidden.is_empty() && hidden.len() <= 16 && hidden.iter().all(|n| (1..=4096).contains(n));
    check.require(
        sound,
        "hidden",
        format!("{hidden:?} are no hidden layers"),
        "give one to sixteen widths between 1 and 4096, such as [64, 64]",
    );
}
