//! Networks of convolutions on a periodic or bounded grid of one or two axes: the surrogates of time-dependent equations.
//!
//! Each maps fields `[batch, channel, x, y]` to fields on the same points; a field on one axis has one point on the first.

mod block;
mod budget;
mod config;
mod conv_net;
mod cost;
mod dilated_resnet;
mod factorised_operator;
mod fourier_operator;
mod modern_u_net;
mod pytorch;
mod residual_net;
mod sinenet;
mod strided_u_net;
mod surrogate;
mod u_net;

pub use budget::{BudgetConfig, Equal};
pub use config::{GridNetwork, GridNetworkConfig, GridSpec};
pub use conv_net::{ConvNet, ConvNetConfig};
pub use cost::Cost;
pub use dilated_resnet::{DilatedResnet, DilatedResnetConfig};
pub use factorised_operator::{FactorisedOperator, FactorisedOperatorConfig};
pub use fourier_operator::{FourierOperator, FourierOperatorConfig};
pub use modern_u_net::{ModernUNet, ModernUNetConfig};
pub use residual_net::{ResidualNet, ResidualNetConfig};
pub use sinenet::{SineNet, SineNetConfig};
pub use strided_u_net::{StridedUNet, StridedUNetConfig};
pub use surrogate::GridSurrogate;
pub use u_net::{UNet, UNetConfig};
