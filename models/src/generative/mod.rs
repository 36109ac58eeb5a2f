//! Generative models of points in space: velocity fields that carry noise to data, solved by the integrator core.

mod continuous_flow;
mod diffusion;
mod flow;
mod host_flow;
mod network;
mod rectified_flow;
mod score_sde;

pub use continuous_flow::{ContinuousFlow, ContinuousFlowConfig, TraceKind};
pub use diffusion::{Corrector, Reversed, reverse};
pub use flow::{Carried, FlowError, Trace, Velocity, carry, log_density};
pub use network::{Activation, TimeNetwork, TimeNetworkConfig};
pub use rectified_flow::{RectifiedFlow, RectifiedFlowConfig};
pub use score_sde::{Process, ScoreSde, ScoreSdeConfig, Weighting};
