//! The choice of a network on a grid, and what it is told of the grid.

use burn::module::Module;
use burn::tensor::{Device, Tensor};

use super::{
    ConvNet, ConvNetConfig, Cost, DilatedResnet, DilatedResnetConfig, FactorisedOperator,
    FactorisedOperatorConfig, FourierOperator, FourierOperatorConfig, ModernUNet, ModernUNetConfig,
    ResidualNet, ResidualNetConfig, SineNet, SineNetConfig, StridedUNet, StridedUNetConfig, UNet, UNetConfig,
};
use crate::fused::Edge;
use crate::layers::ConvolutionConfig;

/// What a network is told of its fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GridSpec {
    /// Points of both axes; one on the first for a field on one axis.
    pub size: [usize; 2],
    /// Channels in.
    pub input: usize,
    /// Channels out.
    pub output: usize,
    /// What lies beyond the edges.
    pub edges: [Edge; 2],
}

/// A network and its parameters.
#[derive(Clone, Debug, PartialEq)]
pub enum GridNetworkConfig {
    /// A plain stack of convolutions.
    ConvNet(ConvNetConfig),
    /// A residual network.
    ResidualNet(ResidualNetConfig),
    /// The dilated residual network.
    DilatedResnet(DilatedResnetConfig),
    /// The U-Net.
    UNet(UNetConfig),
    /// The U-Net whose convolutions halve the points.
    StridedUNet(StridedUNetConfig),
    /// The modern U-Net.
    ModernUNet(ModernUNetConfig),
    /// The Fourier neural operator.
    FourierOperator(FourierOperatorConfig),
    /// The factorised Fourier neural operator.
    FactorisedOperator(FactorisedOperatorConfig),
    /// SineNet.
    Sinenet(SineNetConfig),
}

/// The network of [`GridNetworkConfig`].
#[derive(Module, Debug)]
#[allow(clippy::large_enum_variant)]
pub enum GridNetwork {
    /// A plain stack of convolutions.
    ConvNet(ConvNet),
    /// A residual network.
    ResidualNet(ResidualNet),
    /// The dilated residual network.
    DilatedResnet(DilatedResnet),
    /// The U-Net.
    UNet(UNet),
    /// The U-Net whose convolutions halve the points.
    StridedUNet(StridedUNet),
    /// The modern U-Net.
    ModernUNet(ModernUNet),
    /// The Fourier neural operator.
    FourierOperator(FourierOperator),
    /// The factorised Fourier neural operator.
    FactorisedOperator(FactorisedOperator),
    /// SineNet.
    SineNet(SineNet),
}

impl GridNetworkConfig {
    /// Draws the weights from the device's random stream.
    pub fn init(&self, spec: &GridSpec, device: &Device) -> GridNetwork {
        match self {
            Self::ConvNet(c) => GridNetwork::ConvNet(c.init(spec, device)),
            Self::ResidualNet(c) => GridNetwork::ResidualNet(c.init(spec, device)),
            Self::DilatedResnet(c) => GridNetwork::DilatedResnet(c.init(spec, device)),
            Self::UNet(c) => GridNetwork::UNet(c.init(spec, device)),
            Self::StridedUNet(c) => GridNetwork::StridedUNet(c.init(spec, device)),
            Self::ModernUNet(c) => GridNetwork::ModernUNet(c.init(spec, device)),
            Self::FourierOperator(c) => GridNetwork::FourierOperator(c.init(spec, device)),
            Self::FactorisedOperator(c) => GridNetwork::FactorisedOperator(c.init(spec, device)),
            Self::Sinenet(c) => GridNetwork::SineNet(c.init(spec, device)),
        }
    }

    /// The same network with other channels.
    pub(super) fn with_width(&self, width: usize) -> Self {
        match self.clone() {
            Self::ConvNet(c) => Self::ConvNet(ConvNetConfig { width, ..c }),
            Self::ResidualNet(c) => Self::ResidualNet(ResidualNetConfig { width, ..c }),
            Self::DilatedResnet(c) => Self::DilatedResnet(DilatedResnetConfig { width, ..c }),
            Self::UNet(c) => Self::UNet(UNetConfig { width, ..c }),
            Self::StridedUNet(c) => Self::StridedUNet(StridedUNetConfig { width, ..c }),
            Self::ModernUNet(c) => Self::ModernUNet(ModernUNetConfig { width, ..c }),
            Self::FourierOperator(c) => Self::FourierOperator(FourierOperatorConfig { width, ..c }),
            Self::FactorisedOperator(c) => Self::FactorisedOperator(FactorisedOperatorConfig { width, ..c }),
            Self::Sinenet(c) => Self::Sinenet(SineNetConfig { width, budget: None, ..c }),
        }
    }

    /// What it costs.
    pub fn cost(&self, spec: &GridSpec) -> Cost {
        match self {
            Self::ConvNet(c) => c.cost(spec),
            Self::ResidualNet(c) => c.cost(spec),
            Self::DilatedResnet(c) => c.cost(spec),
            Self::UNet(c) => c.cost(spec),
            Self::StridedUNet(c) => c.cost(spec),
            Self::ModernUNet(c) => c.cost(spec),
            Self::FourierOperator(c) => c.cost(spec),
            Self::FactorisedOperator(c) => c.cost(spec),
            Self::Sinenet(c) => c.cost(spec),
        }
    }

    /// What the points of every axis must be divisible by.
    pub fn divisor(&self) -> usize {
        match self {
            Self::ConvNet(_)
            | Self::ResidualNet(_)
            | Self::DilatedResnet(_)
            | Self::FourierOperator(_)
            | Self::FactorisedOperator(_) => 1,
            Self::ModernUNet(c) => 1 << c.levels(),
            Self::UNet(c) => 1 << c.levels,
            Self::StridedUNet(c) => 1 << c.levels,
            Self::Sinenet(c) => 1 << c.levels,
        }
    }
}

impl GridNetwork {
    /// `[batch, input, x, y]` to `[batch, output, x, y]`.
    pub fn forward(&self, u: Tensor<4>) -> Tensor<4> {
        match self {
            Self::ConvNet(network) => network.forward(u),
            Self::ResidualNet(network) => network.forward(u),
            Self::DilatedResnet(network) => network.forward(u),
            Self::UNet(network) => network.forward(u),
            Self::StridedUNet(network) => network.forward(u),
            Self::ModernUNet(network) => network.forward(u),
            Self::FourierOperator(network) => network.forward(u),
            Self::FactorisedOperator(network) => network.forward(u),
            Self::SineNet(network) => network.forward(u),
        }
    }
}

impl GridSpec {
    /// A convolution of three taps an axis on these fields.
    pub(super) fn convolution(&self, input: usize, output: usize, dilation: usize) -> ConvolutionConfig {
        let taps = self.size.map(|n| if n > 1 { 3 } else { 1 });
        ConvolutionConfig { input, output, taps, edges: self.edges, dilation }
    }

    /// A linear map of channels at every point.
    pub(super) fn pointwise(&self, input: usize, output: usize) -> ConvolutionConfig {
        ConvolutionConfig { input, output, taps: [1, 1], edges: self.edges, dilation: 1 }
    }

    /// The points after some halvings.
    pub(super) fn halved(&self, times: usize) -> [usize; 2] {
        self.size.map(|n| (n >> times).max(1))
    }
}
