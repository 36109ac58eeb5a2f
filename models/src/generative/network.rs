//! A network of a point and a time.

use std::f64::consts::PI;

use burn::module::{Module, Param};
use burn::tensor::{Device, Distribution, Tensor};
use serde::{Deserialize, Serialize};

use crate::fused::gelu;

/// `h_l = σ(h_{l−1} W_l + φ(t) U_l + b_l)` over the hidden layers, and the same without `σ` to the output: a multilayer
/// perceptron that sees the time in every layer, through `φ(t) = (t, sin πkt, cos πkt)`, `k = 1 … frequencies`.
#[derive(Clone, Copy, Debug)]
pub struct TimeNetworkConfig {
    /// Coordinates of a point, in and out.
    pub dimension: usize,
    /// Units of a hidden layer.
    pub width: usize,
    /// Hidden layers.
    pub layers: usize,
    /// Frequencies of the time.
    pub frequencies: usize,
    /// `σ`.
    pub activation: Activation,
}

/// The nonlinearity of a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Activation {
    /// `x Φ(x)`.
    Gelu,
    /// `tanh x`.
    Tanh,
}

/// The network of [`TimeNetworkConfig`].
#[derive(Module, Debug)]
pub struct TimeNetwork {
    pub(super) layers: Vec<TimeLayer>,
    #[module(skip)]
    pub(super) frequencies: usize,
    #[module(skip)]
    pub(super) activation: Activation,
}

/// A layer that sees the time.
#[derive(Module, Debug)]
pub(super) struct TimeLayer {
    /// `W`, `[in, out]`.
    pub(super) weight: Param<Tensor<2>>,
    /// `U`, `[feature, out]`.
    pub(super) time: Param<Tensor<2>>,
    /// `b`, `[out]`.
    pub(super) bias: Param<Tensor<1>>,
}

impl TimeNetworkConfig {
    /// Draws the weights from the device's random stream: normal with variance `1/in`, those of the output a tenth as
    /// large, so that a flow starts near the identity.
    pub fn init(&self, device: &Device) -> TimeNetwork {
        let features = 1 + 2 * self.frequencies;
        let layer = |input: usize, output: usize, gain: f64| {
            let normal = |shape: [usize; 2], deviation: f64| {
                Param::from_tensor(Tensor::random(shape, Distribution::Normal(0.0, deviation), device))
            };
            TimeLayer {
                weight: normal([input, output], gain / (input as f64).sqrt()),
                time: normal([features, output], gain / (features as f64).sqrt()),
                bias: Param::from_tensor(Tensor::zeros([output], device)),
            }
        };
        let mut layers = vec![layer(self.dimension, self.width, 1.0)];
        layers.extend((1..self.layers).map(|_| layer(self.width, self.width, 1.0)));
        layers.push(layer(self.width, self.dimension, 0.1));
        TimeNetwork { layers, frequencies: self.frequencies, activation: self.activation }
    }
}

impl TimeNetwork {
    /// `φ(t)`, `[row, feature]`, of times `[row, 1]`.
    pub fn features(&self, t: Tensor<2>) -> Tensor<2> {
        let mut features = vec![t.clone()];
        for k in 1..=self.frequencies {
            let phase = t.clone().mul_scalar(PI * k as f64);
            features.extend([phase.clone().sin(), phase.cos()]);
        }
        Tensor::cat(features, 1)
    }

    /// The output `[row, coordinate]` at points `[row, coordinate]` and times `[row, 1]`, or one time `[1, 1]` for all.
    pub fn forward(&self, x: Tensor<2>, t: Tensor<2>) -> Tensor<2> {
        self.along(x, t, Vec::new()).0
    }

    /// The output, and its directional derivatives `(∂f/∂x) d` along directions `d`, `[row, coordinate]` each: what a
    /// divergence is made of. Differentiable in turn.
    pub fn along(
        &self,
        x: Tensor<2>,
        t: Tensor<2>,
        mut directions: Vec<Tensor<2>>,
    ) -> (Tensor<2>, Vec<Tensor<2>>) {
        let features = self.features(t);
        let (mut h, last) = (x, self.layers.len() - 1);
        for (l, layer) in self.layers.iter().enumerate() {
            let weight = layer.weight.val();
            let shift = features.clone().matmul(layer.time.val()) + layer.bias.val().unsqueeze();
            let a = h.matmul(weight.clone()) + shift;
            directions.iter_mut().for_each(|d| *d = d.clone().matmul(weight.clone()));
            if l == last {
                return (a, directions);
            }
            h = self.activation.value(a.clone());
            if !directions.is_empty() {
                let slope = self.activation.slope(a, &h);
                directions.iter_mut().for_each(|d| *d = d.clone() * slope.clone());
            }
        }
        (h, directions)
    }
}

impl Activation {
    fn value(self, a: Tensor<2>) -> Tensor<2> {
        match self {
            Self::Gelu => gelu(a),
            Self::Tanh => a.tanh(),
        }
    }

    /// The derivative, of operations that can be differentiated again.
    fn slope(self, a: Tensor<2>, value: &Tensor<2>) -> Tensor<2> {
        match self {
            Self::Gelu => {
                let normal = a.clone().mul_scalar(std::f64::consts::FRAC_1_SQRT_2).erf().mul_scalar(0.5);
                let density = a.clone().powi_scalar(2).mul_scalar(-0.5).exp().mul_scalar((0.5 / PI).sqrt());
                normal.add_scalar(0.5) + a * density
            }
            Self::Tanh => value.clone().powi_scalar(2).neg().add_scalar(1.0),
        }
    }
}
