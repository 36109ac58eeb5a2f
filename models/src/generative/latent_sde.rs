//! A latent stochastic differential equation: a prior law of paths, and the posterior that a path suggests.

use std::f64::consts::TAU;

use burn::module::Module;
use burn::tensor::activation::sigmoid;
use burn::tensor::{Device, Tensor};
use flowmap_solvers::brownian::{Brownian, Path};
use flowmap_solvers::issue::{Check, Validate};
use flowmap_solvers::sde::{Diagonal, Ito, OnPath, Sde};
use serde::{Deserialize, Serialize};

use super::initial::Initial;
use super::perceptron::Perceptron;

/// The prior `dz = f(z) dt + g(z) dW`, the posterior `dz = h(z, c(t)) dt + g(z) dW` with a context `c` read backwards from a path, both in
/// Itô's sense with the same diagonal `g`, and a linear read-out with normal errors. Trained by the evidence lower bound, whose divergence
/// of the laws of paths is `E ∫ ½ |(h − f)/g|² dt` (Girsanov).
///
/// X. Li, T.-K. L. Wong, R. T. Q. Chen, D. Duvenaud, "Scalable Gradients for Stochastic Differential Equations", AISTATS 2020.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LatentSdeConfig {
    /// Entries of `z`.
    pub latent: usize,
    /// Entries of the context.
    pub context: usize,
    /// Units of the layers inside the networks.
    pub width: usize,
    /// Euler-Maruyama steps between two samples.
    pub substeps: usize,
    /// How long a path is to the networks.
    pub duration: f64,
    /// The standard deviation of the errors of the read-out, in units of the data's.
    pub error: f64,
    /// Steps in which the divergences come to their full weight.
    pub annealing: u64,
}

impl Default for LatentSdeConfig {
    fn default() -> Self {
        Self { latent: 4, context: 32, width: 64, substeps: 1, duration: 2.0, error: 0.05, annealing: 300 }
    }
}

impl Validate for LatentSdeConfig {
    fn validate(&self, mut check: Check<'_>) {
        check.within("latent", self.latent, 1, 1024);
        check.within("context", self.context, 1, 4096);
        check.within("width", self.width, 1, 4096);
        check.within("substeps", self.substeps, 1, 1000);
        check.positive("duration", self.duration);
        check.positive("error", self.error);
    }
}

/// The model of [`LatentSdeConfig`].
#[derive(Module, Debug)]
pub struct LatentSde {
    encoder: Gru,
    /// Mean and logarithm of the standard deviation of `z(0)` given the context, `[2 latent]`.
    start: Perceptron,
    initial: Initial,
    /// `f`.
    prior: Perceptron,
    /// `h`.
    posterior: Perceptron,
    /// `g` of one entry, told which it is.
    diffusion: Perceptron,
    readout: Perceptron,
    #[module(skip)]
    config: LatentSdeConfig,
}

/// Gated recurrent units.
#[derive(Module, Debug)]
struct Gru {
    /// Of the sample and the state to the gates.
    gates: Perceptron,
    /// To the candidate.
    candidate: Perceptron,
    #[module(skip)]
    units: usize,
}

impl LatentSdeConfig {
    /// Draws the weights from the device's random stream.
    pub fn init(&self, channels: usize, device: &Device) -> LatentSde {
        let Self { latent: z, context: c, width: w, .. } = *self;
        LatentSde {
            encoder: Gru {
                gates: Perceptron::new(&[channels + c, 2 * c], false, 1.0, device),
                candidate: Perceptron::new(&[channels + c, c], true, 1.0, device),
                units: c,
            },
            start: Perceptron::new(&[c, 2 * z], false, 0.5, device),
            initial: Initial::standard(z, device),
            prior: Perceptron::new(&[z, w, w, z], false, 1.0, device),
            posterior: Perceptron::new(&[z + c, w, w, z], false, 1.0, device),
            diffusion: Perceptron::new(&[1 + z, w / 2 + 1, 1], false, 0.5, device),
            readout: Perceptron::new(&[z, channels], false, 1.0, device),
            config: self.clone(),
        }
    }
}

impl Gru {
    /// The states `[path, unit]` after the last, the last but one … the first sample, in the order of time.
    fn backwards(&self, paths: &Tensor<3>) -> Vec<Tensor<2>> {
        let [rows, times, channels] = paths.dims();
        let mut h = Tensor::zeros([rows, self.units], &paths.device());
        let mut states: Vec<Tensor<2>> = (0..times)
            .rev()
            .map(|i| {
                let x = paths.clone().narrow(1, i, 1).reshape([rows, channels]);
                let gates = sigmoid(self.gates.forward(Tensor::cat(vec![x.clone(), h.clone()], 1)));
                let (reset, update) =
                    (gates.clone().narrow(1, 0, self.units), gates.narrow(1, self.units, self.units));
                let candidate = self.candidate.forward(Tensor::cat(vec![x, reset * h.clone()], 1));
                h = candidate.clone() + update * (h.clone() - candidate);
                h.clone()
            })
            .collect();
        states.reverse();
        states
    }
}

/// What a path says: the parts of the bound, each a mean over paths.
#[derive(Clone, Debug)]
pub struct Evidence {
    /// The mean of `−log p(y | z)`, per sample and channel.
    pub reconstruction: Tensor<1>,
    /// The divergence of the posterior from the prior, of the start and of the way, in nats a path.
    pub divergence: Tensor<1>,
}

impl LatentSde {
    /// The weight of the divergence in a step of training.
    pub fn annealed(&self, step: u64) -> f64 {
        ((step + 1) as f64 / self.config.annealing.max(1) as f64).min(1.0)
    }

    /// The bound of paths `[path, time, channel]`; `noise` are normal numbers `[path, latent]`, the noise of the way is of `seed`.
    pub fn evidence(&self, paths: Tensor<3>, noise: Tensor<2>, seed: u64) -> Evidence {
        let [rows, times, channels] = paths.dims();
        let z = self.config.latent;
        let contexts = self.encoder.backwards(&paths);
        let split = |both: Tensor<2>| (both.clone().narrow(1, 0, z), both.narrow(1, z, z));
        let (mean, log_std) = split(self.start.forward(contexts[0].clone()));
        let start = mean.clone() + log_std.clone().exp() * noise;
        let mut divergence = self.initial.divergence(mean, log_std).mean();
        let mut field = OnPath::new(
            Posterior { model: self, context: contexts[0].clone() },
            self.path(rows, times, seed, &paths.device()),
            &start,
        );
        let states = self.march(&mut field, start, times, |field, i, state| {
            field.sde.context = contexts[i + 1].clone();
            let difference = field.sde.drift_at(state) - self.prior.forward(state.clone());
            let u = difference / self.noise_of(state);
            divergence =
                divergence.clone() + u.powi_scalar(2).sum_dim(1).mean().mul_scalar(0.5 * self.dt(times));
        });
        let error = self.config.error;
        let mut square = Tensor::<1>::zeros([1], &paths.device());
        for (i, state) in states.into_iter().enumerate() {
            let truth = paths.clone().narrow(1, i, 1).reshape([rows, channels]);
            square = square + (self.readout.forward(state) - truth).powi_scalar(2).mean();
        }
        let reconstruction = square
            .mul_scalar(0.5 / (times as f64 * error * error))
            .add_scalar(0.5 * (TAU * error * error).ln());
        Evidence { reconstruction, divergence }
    }

    /// Paths `[path, time, channel]` of the prior, without the errors of the read-out; `noise` are normal numbers `[path, latent]`.
    pub fn paths(&self, noise: Tensor<2>, times: usize, seed: u64) -> Tensor<3> {
        let rows = noise.dims()[0];
        let start = self.initial.place(noise);
        let path = self.path(rows, times, seed, &start.device());
        let mut field = OnPath::new(Prior(self), path, &start);
        let states = self.march(&mut field, start, times, |_, _, _| {});
        let samples = states.into_iter().map(|z| self.readout.forward(z).unsqueeze_dim::<3>(1));
        Tensor::cat(samples.collect(), 1)
    }

    /// The entries of `z`.
    pub fn latent(&self) -> usize {
        self.config.latent
    }

    fn dt(&self, times: usize) -> f64 {
        self.config.duration / ((times - 1) * self.config.substeps) as f64
    }

    fn path(&self, rows: usize, times: usize, seed: u64, device: &Device) -> Brownian {
        let like = Tensor::<2>::zeros([rows, self.config.latent], device);
        Brownian::on_grid(seed, 0.0, self.dt(times), ((times - 1) * self.config.substeps) as u64, &like)
    }

    /// The states at the samples by the Euler-Maruyama method; `at` is told the interval between samples and the state before every
    /// step.
    fn march<S, P>(
        &self,
        field: &mut OnPath<S, P, Tensor<2>>,
        start: Tensor<2>,
        times: usize,
        mut at: impl FnMut(&mut OnPath<S, P, Tensor<2>>, usize, &Tensor<2>),
    ) -> Vec<Tensor<2>>
    where
        S: Sde<Tensor<2>, Noise = Tensor<2>, Calculus = Ito>,
        P: Path<Tensor<2>>,
    {
        let dt = self.dt(times);
        let mut states = vec![start.clone()];
        let (mut z, mut drift, mut noise) = (start.clone(), start.clone(), start);
        for i in 0..(times - 1) * self.config.substeps {
            at(field, i / self.config.substeps, &z);
            let (t, next) = (i as f64 * dt, (i + 1) as f64 * dt);
            field.drift(t, &z, &mut drift);
            field.diffusion(t, next, t, &z, &mut noise);
            z = z + drift.clone().mul_scalar(dt) + noise.clone();
            if (i + 1).is_multiple_of(self.config.substeps) {
                states.push(z.clone());
            }
        }
        states
    }

    /// `g`, `[path, latent]`, each a function of its own entry alone, in `[0.05, 2.05]`.
    fn noise_of(&self, z: &Tensor<2>) -> Tensor<2> {
        let [rows, n] = z.dims();
        let which = Tensor::<2>::eye(n, &z.device()).repeat_dim(0, rows);
        let entries = Tensor::cat(vec![z.clone().reshape([rows * n, 1]), which], 1);
        sigmoid(self.diffusion.forward(entries)).mul_scalar(2.0).add_scalar(0.05).reshape([rows, n])
    }
}

struct Prior<'a>(&'a LatentSde);

struct Posterior<'a> {
    model: &'a LatentSde,
    context: Tensor<2>,
}

impl Posterior<'_> {
    fn drift_at(&self, z: &Tensor<2>) -> Tensor<2> {
        self.model.posterior.forward(Tensor::cat(vec![z.clone(), self.context.clone()], 1))
    }
}

macro_rules! latent {
    ($name:ident, $self:ident, $z:ident => $drift:expr, $model:expr) => {
        impl Sde<Tensor<2>> for $name<'_> {
            type Noise = Tensor<2>;
            type Calculus = Ito;
            type Structure = Diagonal;

            fn noise_like(&self, z: &Tensor<2>) -> Tensor<2> {
                z.zeros_like()
            }

            fn drift(&mut $self, _t: f64, $z: &Tensor<2>, out: &mut Tensor<2>) {
                *out = $drift;
            }

            fn diffusion(&mut $self, _t: f64, z: &Tensor<2>, dw: &Tensor<2>, out: &mut Tensor<2>) {
                *out = $model.noise_of(z) * dw.clone();
            }
        }
    };
}

latent!(Prior, self, z => self.0.prior.forward(z.clone()), self.0);
latent!(Posterior, self, z => self.drift_at(z), self.model);
