//! The Hamiltonian neural network.

use burn::tensor::Device;
use flowmap_solvers::issue::{Check, Issue, Validate};
use rand::Rng;
use serde::{Deserialize, Serialize};

use super::neural_ode::{check_hidden, longest};
use super::{Flow, Method, Steps};
use crate::fused::{FieldKind, FieldSpec};

/// `q' = ∂H/∂p`, `p' = −∂H/∂q` with a network for `H(q, p)`, or `H = T(p) + V(q)` with two, so that `H` is conserved.
///
/// The state is `(q, p)`, positions first. S. Greydanus, M. Dzamba, J. Yosinski, "Hamiltonian Neural Networks", NeurIPS 2019;
/// Z. Chen et al., "Symplectic Recurrent Neural Networks", ICLR 2020.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HamiltonianNetworkConfig {
    /// Units of the hidden layers.
    pub hidden: Vec<usize>,
    /// Whether `H = T(p) + V(q)`; free runs then take symplectic steps.
    pub separable: bool,
    /// The method of training.
    pub method: Method,
    /// Its longest step; zero takes the time between two samples.
    pub step: f64,
}

impl Default for HamiltonianNetworkConfig {
    fn default() -> Self {
        Self { hidden: vec![64, 64], separable: false, method: Method::Rk4, step: 0.0 }
    }
}

impl Validate for HamiltonianNetworkConfig {
    fn validate(&self, mut check: Check<'_>) {
        check_hidden(&self.hidden, &mut check);
        check.non_negative("step", self.step);
    }
}

impl HamiltonianNetworkConfig {
    /// Whether states of so many entries can be positions and momenta.
    ///
    /// # Errors
    /// If they are odd.
    pub fn fits(&self, channels: usize) -> Result<(), Issue> {
        if channels.is_multiple_of(2) {
            return Ok(());
        }
        let what = format!("{channels} channels are no positions and momenta");
        Err(Issue::new("model.hamiltonian_network", what)
            .hint("give an even number of channels, the positions first, then the momenta"))
    }

    /// Draws the weights, for samples `dt` apart.
    ///
    /// # Errors
    /// If the channels are odd.
    pub fn init(&self, channels: usize, dt: f64, rng: &mut dyn Rng, device: &Device) -> Result<Flow, Issue> {
        self.fits(channels)?;
        let kind = if self.separable { FieldKind::Separable } else { FieldKind::Hamiltonian };
        let field = FieldSpec::new(kind, channels, &self.hidden, Vec::new());
        Ok(Flow::draw(field, 0, Steps::of(self.method, longest(self.step, dt)), rng, device))
    }
}
