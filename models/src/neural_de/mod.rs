//! Neural differential equations: continuous-time models that learn trajectories.

mod flow;
mod hamiltonian_network;
mod latent_ode;
mod method;
pub mod neural_cde;
mod neural_ode;
mod sensitivity;
mod shooting;
mod universal_de;

pub use flow::Flow;
pub use hamiltonian_network::HamiltonianNetworkConfig;
pub use latent_ode::{LatentOde, LatentOdeConfig};
pub use method::Method;
pub use neural_ode::NeuralOdeConfig;
pub use sensitivity::{Equations, Parametric};
pub use shooting::{Fitted, Shooting};
pub use universal_de::{KnownTerm, UniversalDeConfig};
