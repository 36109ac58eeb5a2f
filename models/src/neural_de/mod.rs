//! Neural differential equations: continuous-time models that learn trajectories.

mod flow;
mod hamiltonian_network;
mod lagrangian_network;
mod latent_ode;
pub mod neural_cde;
mod neural_ode;
mod sensitivity;
mod shooting;
mod steps;
mod universal_de;

pub use flow::Flow;
pub use flowmap_solvers::stepper::explicit_rk::ExplicitMethod as Method;
pub use hamiltonian_network::HamiltonianNetworkConfig;
pub use lagrangian_network::LagrangianNetworkConfig;
pub use latent_ode::{LatentOde, LatentOdeConfig};
pub use neural_ode::NeuralOdeConfig;
pub use sensitivity::{Equations, Parametric};
pub use shooting::{Fitted, Shooting};
pub use steps::Steps;
pub use universal_de::{KnownTerm, UniversalDeConfig};
