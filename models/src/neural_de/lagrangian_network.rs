//! The Lagrangian neural network.

use burn::tensor::Device;
use flowmap_solvers::issue::{Check, Issue, Validate};
use rand::Rng;
use serde::{Deserialize, Serialize};

use super::neural_ode::{check_hidden, longest};
use super::{Flow, Method, Steps};
use crate::fused::{FieldKind, FieldSpec};

/// `d/dt ∂L/∂v = ∂L/∂q` with `L = ½ |v|² +` a network of positions and velocities, solved for the accelerations:
/// `q' = v`, `v' = (∂²L/∂v²)⁻¹ (∂L/∂q − (∂²L/∂v∂q) v)`. No momenta need be known, and the energy `v · ∂L/∂v − L` is conserved.
///
/// The state is `(q, v)`, positions first. All derivatives are exact. A multiple of a Lagrangian has the same motions, so the fixed
/// part excludes none; it keeps the mass matrix invertible at the start. M. Cranmer et al., "Lagrangian Neural Networks", ICLR 2020
/// Workshop on Integration of Deep Neural Models and Differential Equations.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LagrangianNetworkConfig {
    /// Units of the hidden layers.
    pub hidden: Vec<usize>,
    /// The method of training.
    pub method: Method,
    /// Its longest step; zero takes the time between two samples.
    pub step: f64,
}

impl Default for LagrangianNetworkConfig {
    fn default() -> Self {
        Self { hidden: vec![64, 64], method: Method::Rk4, step: 0.0 }
    }
}

impl Validate for LagrangianNetworkConfig {
    fn validate(&self, mut check: Check<'_>) {
        check_hidden(&self.hidden, &mut check);
        check.non_negative("step", self.step);
    }
}

impl LagrangianNetworkConfig {
    /// Whether states of so many entries can be positions and velocities.
    ///
    /// # Errors
    /// If they are odd.
    pub fn fits(&self, channels: usize) -> Result<(), Issue> {
        if channels.is_multiple_of(2) {
            return Ok(());
        }
        let what = format!("{channels} channels are no positions and velocities");
        Err(Issue::new("model.lagrangian_network", what)
            .hint("give an even number of channels, the positions first, then the velocities"))
    }

    /// Draws the weights, for samples `dt` apart.
    ///
    /// # Errors
    /// If the channels are odd.
    pub fn init(&self, channels: usize, dt: f64, rng: &mut dyn Rng, device: &Device) -> Result<Flow, Issue> {
        self.fits(channels)?;
        let field = FieldSpec::new(FieldKind::Lagrangian, channels, &self.hidden, Vec::new());
        Ok(Flow::draw(field, 0, Steps::of(self.method, longest(self.step, dt)), rng, device))
    }
}
