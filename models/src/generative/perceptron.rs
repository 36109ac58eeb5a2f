//! A plain multilayer perceptron.

use burn::module::{Module, Param};
use burn::tensor::activation::sigmoid;
use burn::tensor::{Device, Distribution, Tensor};

/// Layers `h ← λ(h W + b)` with `λ(x) = 0.909 x/(1 + e^{−x})`, whose slope is at most one; the last is linear, or a `tanh`.
#[derive(Module, Debug)]
pub(super) struct Perceptron {
    /// `[in, out]` each.
    weights: Vec<Param<Tensor<2>>>,
    biases: Vec<Param<Tensor<1>>>,
    #[module(skip)]
    bounded: bool,
}

impl Perceptron {
    /// Through the numbers of units given, normal weights of variance `gain²/in`.
    pub(super) fn new(units: &[usize], bounded: bool, gain: f64, device: &Device) -> Self {
        let draw = |pair: &[usize]| {
            let normal = Distribution::Normal(0.0, gain / (pair[0] as f64).sqrt());
            Param::from_tensor(Tensor::random([pair[0], pair[1]], normal, device))
        };
        Self {
            weights: units.windows(2).map(draw).collect(),
            biases: units[1..].iter().map(|n| Param::from_tensor(Tensor::zeros([*n], device))).collect(),
            bounded,
        }
    }

    pub(super) fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        let last = self.weights.len() - 1;
        let layers = self.weights.iter().zip(&self.biases).enumerate();
        layers.fold(x, |h, (l, (weight, bias))| {
            let a = h.matmul(weight.val()) + bias.val().unsqueeze();
            match (l == last, self.bounded) {
                (true, true) => a.tanh(),
                (true, false) => a,
                (false, _) => (a.clone() * sigmoid(a)).mul_scalar(0.909),
            }
        })
    }

    /// All weights within `1/out`, so that the whole is Lipschitz with a constant that does not grow with its width.
    pub(super) fn clipped(mut self) -> Self {
        let clip = |weight: Param<Tensor<2>>| {
            let bound = 1.0 / weight.dims()[1] as f64;
            weight.map(|w| w.clamp(-bound, bound).detach().require_grad())
        };
        self.weights = self.weights.into_iter().map(clip).collect();
        self
    }
}
