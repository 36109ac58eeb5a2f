//! The latent ordinary differential equation.

use burn::module::{Module, Param};
use burn::tensor::activation::sigmoid;
use burn::tensor::{Device, Tensor, TensorData};
use flowmap_solvers::issue::{Check, Validate};
use rand::{Rng, RngExt};
use serde::{Deserialize, Serialize};

use super::neural_ode::{check_hidden, longest};
use super::{Flow, Method, Steps};
use crate::fused::{FieldKind, FieldSpec, SolveError};

/// `z(t₀) ~ q(z | x)`, `dz/dt = f_θ(z)`, `x(t) = g(z(t))`: a recurrent encoder that runs back in time over irregular samples, a
/// neural differential equation, and a decoder of one hidden layer.
///
/// Trained by the evidence lower bound, with a Gaussian likelihood of the given noise. R. T. Q. Chen et al., "Neural Ordinary
/// Differential Equations", NeurIPS 2018; Y. Rubanova, R. T. Q. Chen, D. Duvenaud, NeurIPS 2019.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LatentOdeConfig {
    /// Entries of the latent state.
    pub latent: usize,
    /// Units of the hidden layers of the field.
    pub hidden: Vec<usize>,
    /// Units of the encoder.
    pub encoder: usize,
    /// Units of the decoder's hidden layer.
    pub decoder: usize,
    /// The samples, from the first on, among which the encoder is shown some; zero are all of a window.
    pub seen: usize,
    /// The share of those samples that it is shown, drawn anew for every batch.
    pub share: f64,
    /// The standard deviation of the noise on the samples.
    pub noise: f64,
    /// The weight of the divergence from the prior.
    pub divergence: f64,
    /// The method of training.
    pub method: Method,
    /// Its longest step; zero takes the time between two samples.
    pub step: f64,
}

impl Default for LatentOdeConfig {
    fn default() -> Self {
        Self {
            latent: 4,
            hidden: vec![32, 32],
            encoder: 32,
            decoder: 32,
            seen: 0,
            share: 0.5,
            noise: 0.1,
            divergence: 1.0,
            method: Method::Rk4,
            step: 0.0,
        }
    }
}

impl Validate for LatentOdeConfig {
    fn validate(&self, mut check: Check<'_>) {
        check.within("latent", self.latent, 1, 1024);
        check_hidden(&self.hidden, &mut check);
        check.within("encoder", self.encoder, 1, 4096);
        check.within("decoder", self.decoder, 1, 4096);
        check.require(
            self.share > 0.0 && self.share <= 1.0,
            "share",
            format!("{} is no share of the samples", self.share),
            "give a number above 0, at most 1",
        );
        check.positive("noise", self.noise);
        check.non_negative("divergence", self.divergence);
        check.non_negative("step", self.step);
    }
}

/// The model of [`LatentOdeConfig`].
#[derive(Module, Debug)]
pub struct LatentOde {
    /// Gates of the encoder from `(x, Δt, h)`: reset and update, then the candidate.
    gates: Affine,
    candidate: Affine,
    /// Mean and logarithm of the variance of `z(t₀)`.
    posterior: Affine,
    flow: Flow,
    first: Affine,
    last: Affine,
    #[module(skip)]
    config: LatentOdeConfig,
}

/// `x W + b`.
#[derive(Module, Debug)]
struct Affine {
    weight: Param<Tensor<2>>,
    bias: Param<Tensor<2>>,
}

impl Affine {
    fn draw(input: usize, output: usize, rng: &mut dyn Rng, device: &Device) -> Self {
        let bound = (6.0 / (input + output) as f64).sqrt();
        let weight: Vec<f32> =
            (0..input * output).map(|_| (bound * (2.0 * rng.random::<f64>() - 1.0)) as f32).collect();
        Self {
            weight: Param::from_tensor(Tensor::from_data(TensorData::new(weight, [input, output]), device)),
            bias: Param::from_tensor(Tensor::zeros([1, output], device)),
        }
    }

    fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        x.matmul(self.weight.val()) + self.bias.val()
    }
}

impl LatentOdeConfig {
    /// Draws the weights, for samples of so many channels that are `dt` apart.
    pub fn init(&self, channels: usize, dt: f64, rng: &mut dyn Rng, device: &Device) -> LatentOde {
        let field = FieldSpec::new(FieldKind::Plain, self.latent, &self.hidden, Vec::new());
        let (seen, units) = (channels + 1 + self.encoder, self.encoder);
        LatentOde {
            gates: Affine::draw(seen, 2 * units, rng, device),
            candidate: Affine::draw(seen, units, rng, device),
            posterior: Affine::draw(units, 2 * self.latent, rng, device),
            flow: Flow::draw(field, 0, Steps::of(self.method, longest(self.step, dt)), rng, device),
            first: Affine::draw(self.latent, self.decoder, rng, device),
            last: Affine::draw(self.decoder, channels, rng, device),
            config: self.clone(),
        }
    }
}

impl LatentOde {
    /// The configuration.
    pub fn config(&self) -> &LatentOdeConfig {
        &self.config
    }

    /// Mean and logarithm of the variance, each `[batch, latent]`, of the state at `start` given samples `[sample, batch, channel]`
    /// at ascending times not before it.
    pub fn encode(&self, samples: Tensor<3>, times: &[f64], start: f64) -> (Tensor<2>, Tensor<2>) {
        let [_, batch, channels] = samples.dims();
        let units = self.config.encoder;
        let mut h = Tensor::<2>::zeros([batch, units], (&samples.device(), samples.dtype()));
        for (i, t) in times.iter().enumerate().rev() {
            let x = samples.clone().narrow(0, i, 1).reshape([batch, channels]);
            // The time to the sample before, towards which the encoder runs.
            let ahead = t - if i > 0 { times[i - 1] } else { start };
            let ahead = Tensor::<2>::full([batch, 1], ahead, (&x.device(), x.dtype()));
            let input = Tensor::cat(vec![x, ahead], 1);
            let gates = sigmoid(self.gates.forward(Tensor::cat(vec![input.clone(), h.clone()], 1)));
            let (reset, update) = (gates.clone().narrow(1, 0, units), gates.narrow(1, units, units));
            let fresh = self.candidate.forward(Tensor::cat(vec![input, reset * h.clone()], 1)).tanh();
            h = h.clone() + update * (fresh - h);
        }
        let both = self.posterior.forward(h);
        let latent = self.config.latent;
        (both.clone().narrow(1, 0, latent), both.narrow(1, latent, latent))
    }

    /// The samples `[time, batch, channel]` at the times, the first of which is that of `z`, `[batch, latent]`.
    ///
    /// # Errors
    /// If the times are not strictly monotonic.
    pub fn decode(&self, z: Tensor<2>, times: &[f64]) -> Result<Tensor<3>, SolveError> {
        let states = self.flow.trajectories(z, times)?;
        let [samples, batch, latent] = states.dims();
        let hidden = self.first.forward(states.reshape([samples * batch, latent])).tanh();
        let x = self.last.forward(hidden);
        let channels = x.dims()[1];
        Ok(x.reshape([samples, batch, channels]))
    }

    /// The negative evidence lower bound per number of `x`, `[time, batch, channel]`, less a constant: the encoder sees `seen`,
    /// ascending places in `x`; `z` is drawn with `noise`, `[batch, latent]`, of a standard normal distribution.
    ///
    /// # Errors
    /// If the times are not strictly monotonic.
    pub fn loss(
        &self,
        x: Tensor<3>,
        times: &[f64],
        seen: &[usize],
        noise: Tensor<2>,
    ) -> Result<Tensor<1>, SolveError> {
        let shown: Vec<_> = seen.iter().map(|i| x.clone().narrow(0, *i, 1)).collect();
        let shown_times: Vec<f64> = seen.iter().map(|i| times[*i]).collect();
        let (mean, log_variance) = self.encode(Tensor::cat(shown, 0), &shown_times, times[0]);
        let z = mean.clone() + (log_variance.clone() * 0.5).exp() * noise;
        let count = x.dims().iter().product::<usize>() as f64;
        let error = self.decode(z, times)? - x;
        let misfit = error.powi_scalar(2).sum() / (2.0 * self.config.noise.powi(2));
        // KL(q | N(0, 1)) = ½ Σ (μ² + σ² − 1 − ln σ²).
        let divergence = (mean.powi_scalar(2) + log_variance.clone().exp() - log_variance - 1.0).sum() * 0.5;
        Ok((misfit + divergence * self.config.divergence) / count)
    }
}
