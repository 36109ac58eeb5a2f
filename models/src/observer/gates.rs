//! A linear map of an innovation whose coefficients a network reads off the forecast.

use burn::module::{Module, Param};
use burn::tensor::{Device, Distribution, Tensor};

use crate::layers::{FourierNetwork, FourierNetworkConfig, SpectralConv, SpectralConvConfig};

/// `v₀ = W d`, `v_{l+1} = v_l + S_l (γ_l(z) ⊙ v_l)`, `P (γ(z) ⊙ v)`, with convolutions `S_l` that are band-limited and gates
/// `γ = 1 + network(z, …)`: linear in `d`, whatever the gates are.
#[derive(Clone, Debug)]
pub(super) struct GatesConfig {
    /// Channels of the innovation, of what the gates look at, and of what comes out.
    pub(super) innovation: usize,
    pub(super) context: usize,
    pub(super) output: usize,
    /// Channels inside, layers, modes of an axis, points of every axis.
    pub(super) width: usize,
    pub(super) layers: usize,
    pub(super) modes: usize,
    pub(super) shape: Vec<usize>,
}

/// The map of [`GatesConfig`].
#[derive(Module, Debug)]
pub(super) struct Gates {
    network: FourierNetwork,
    /// `[width, in]` and `[out, width]`.
    lift: Param<Tensor<2>>,
    project: Param<Tensor<2>>,
    layers: Vec<SpectralConv>,
    #[module(skip)]
    width: usize,
}

impl GatesConfig {
    pub(super) fn init(&self, device: &Device) -> Gates {
        let modes = self.modes.min(self.shape.iter().copied().min().unwrap_or(2) / 2);
        let network = FourierNetworkConfig {
            input: self.context,
            output: self.width * (self.layers + 1),
            width: self.width,
            layers: self.layers,
            modes,
            shape: self.shape.clone(),
        };
        let conv = SpectralConvConfig { channels: self.width, modes, shape: self.shape.clone() };
        let draw = |rows: usize, columns: usize, gain: f64| {
            let deviation = gain / (columns as f64).sqrt();
            Param::from_tensor(Tensor::random([rows, columns], Distribution::Normal(0.0, deviation), device))
        };
        Gates {
            network: network.init(device),
            lift: draw(self.width, self.innovation, 1.0),
            project: draw(self.output, self.width, 0.1),
            layers: (0..self.layers).map(|_| conv.init(device)).collect(),
            width: self.width,
        }
    }
}

impl Gates {
    /// `[batch, innovation, x]` to `[batch, output, x]`.
    pub(super) fn apply(&self, context: Tensor<3>, innovation: Tensor<3>) -> Tensor<3> {
        let gates = self.network.forward(context).add_scalar(1.0);
        let gate = |l: usize| gates.clone().narrow(1, l * self.width, self.width);
        let mut v = self.lift.val().unsqueeze::<3>().matmul(innovation);
        for (l, layer) in self.layers.iter().enumerate() {
            v = v.clone() + layer.forward(gate(l) * v);
        }
        self.project.val().unsqueeze::<3>().matmul(gate(self.layers.len()) * v)
    }
}
