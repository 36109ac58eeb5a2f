//! Generative models of points in space: velocity fields that carry noise to data, solved by the integrator core.

mod continuous_flow;
mod diffusion;
mod energy_distance;
mod flow;
mod host_flow;
mod initial;
mod latent_sde;
mod network;
mod perceptron;
mod rectified_flow;
mod score_sde;
mod sde_gan;

pub use continuous_flow::{ContinuousFlow, ContinuousFlowConfig, TraceKind};
pub use diffusion::{Corrector, Reversed, reverse};
pub use energy_distance::energy_distance;
pub use flow::{Carried, FlowError, Trace, Velocity, carry, log_density};
pub use latent_sde::{Evidence, LatentSde, LatentSdeConfig};
pub use network::{Activation, TimeNetwork, TimeNetworkConfig};
pub use rectified_flow::{RectifiedFlow, RectifiedFlowConfig};
pub use score_sde::{Process, ScoreSde, ScoreSdeConfig, Weighting};
pub use sde_gan::{CriticKind, SdeGan, SdeGanConfig};
