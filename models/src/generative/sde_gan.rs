//! A neural stochastic differential equation that makes paths, and what judges them.

use burn::module::{Module, ModuleVisitor, Param};
use burn::optim::GradientsParams;
use burn::tensor::{Device, Tensor};
use flowmap_solvers::brownian::Brownian;
use flowmap_solvers::increment::Increment;
use flowmap_solvers::issue::{Check, Validate};
use flowmap_solvers::sde::{General, OnPath, Sde, Stratonovich};
use flowmap_solvers::stepper::reversible::ReversibleHeun;
use flowmap_solvers::stepper::scheme::Scheme;
use serde::{Deserialize, Serialize};

use super::energy_distance::energy_distance;
use super::perceptron::Perceptron;

/// A generator `x(0) = ζ(v)`, `dx = μ(t, x) dt + σ(t, x) ∘ dW`, `y = ℓ(x)` with normal `v`, trained so that its paths cannot be told
/// from those of the data, by the reversible Heun method.
///
/// P. Kidger, J. Foster, X. Li, H. Oberhauser, T. Lyons, "Neural SDEs as Infinite-Dimensional GANs", ICML 2021; P. Kidger, J. Foster,
/// X. Li, T. Lyons, "Efficient and accurate gradients for neural SDEs", NeurIPS 2021.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SdeGanConfig {
    /// Entries of the hidden state of the generator, and of the critic.
    pub hidden: usize,
    /// Units of the layer inside every network.
    pub width: usize,
    /// Components of the noise `W`.
    pub noise: usize,
    /// Steps between two samples.
    pub substeps: usize,
    /// How long a path is to the networks.
    pub duration: f64,
    /// What judges the paths.
    pub critic: CriticKind,
    /// Steps of an adversarial critic for each of the generator.
    pub critic_steps: usize,
}

/// What judges paths.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CriticKind {
    /// A neural controlled equation `dh = f(t, h) d(t, y)`, `D = m·h(T)`, trained against the generator with clipped weights:
    /// `E D(data) − E D(generated)` is a Wasserstein distance of the laws of paths.
    Adversarial,
    /// The energy distance of paths and their increments, which needs no training.
    Energy,
}

impl Default for SdeGanConfig {
    fn default() -> Self {
        Self {
            hidden: 16,
            width: 32,
            noise: 3,
            substeps: 1,
            duration: 8.0,
            critic: CriticKind::Energy,
            critic_steps: 2,
        }
    }
}

impl Validate for SdeGanConfig {
    fn validate(&self, mut check: Check<'_>) {
        check.within("hidden", self.hidden, 1, 1024);
        check.within("width", self.width, 1, 4096);
        check.within("noise", self.noise, 1, 256);
        check.within("substeps", self.substeps, 1, 1000);
        check.positive("duration", self.duration);
        check.within("critic_steps", self.critic_steps, 1, 100);
    }
}

/// Entries of `v`.
const START: usize = 5;

/// The model of [`SdeGanConfig`].
#[derive(Module, Debug)]
pub struct SdeGan {
    generator: Generator,
    critic: Option<Critic>,
    #[module(skip)]
    config: SdeGanConfig,
}

#[derive(Module, Debug)]
struct Generator {
    /// `ζ`.
    initial: Perceptron,
    /// `μ`.
    drift: Perceptron,
    /// `σ`, `[hidden · noise]`.
    diffusion: Perceptron,
    /// `ℓ`.
    readout: Perceptron,
}

#[derive(Module, Debug)]
struct Critic {
    initial: Perceptron,
    /// `f`, `[hidden · (1 + channel)]`.
    field: Perceptron,
    readout: Perceptron,
}

impl SdeGanConfig {
    /// Draws the weights from the device's random stream.
    pub fn init(&self, channels: usize, device: &Device) -> SdeGan {
        let Self { hidden: h, width: w, noise, .. } = *self;
        let generator = Generator {
            initial: Perceptron::new(&[START, w, h], false, 1.0, device),
            drift: Perceptron::new(&[1 + h, w, h], true, 1.0, device),
            diffusion: Perceptron::new(&[1 + h, w, h * noise], true, 0.7, device),
            readout: Perceptron::new(&[h, channels], false, 1.0, device),
        };
        let critic = (self.critic == CriticKind::Adversarial).then(|| Critic {
            initial: Perceptron::new(&[1 + channels, w, h], false, 1.0, device).clipped(),
            field: Perceptron::new(&[1 + h, w, h * (1 + channels)], true, 1.0, device).clipped(),
            readout: Perceptron::new(&[h, 1], false, 1.0, device).clipped(),
        });
        SdeGan { generator, critic, config: self.clone() }
    }
}

impl SdeGan {
    /// Paths `[path, time, channel]` of `times` samples, the randomness of all from one seed; `start` are normal numbers
    /// `[path, 5]`.
    pub fn paths(&self, start: Tensor<2>, times: usize, seed: u64) -> Tensor<3> {
        let SdeGanConfig { noise, substeps, duration, .. } = self.config;
        let steps = (times - 1) * substeps;
        let dt = duration / steps as f64;
        let rows = start.dims()[0];
        let x = self.generator.initial.forward(start);
        let like = Tensor::<2>::zeros([rows, noise], &x.device());
        let path = Brownian::on_grid(seed, 0.0, dt, steps as u64, &like);
        let mut field = OnPath::new(Hidden { generator: &self.generator, noise }, path, &x);
        let states = march(&mut field, x, dt, steps, substeps, |_, _| {});
        let rows_of = states.into_iter().map(|x| self.generator.readout.forward(x).unsqueeze_dim::<3>(1));
        Tensor::cat(rows_of.collect(), 1)
    }

    /// Whether the critic is trained against the generator.
    pub fn adversarial(&self) -> bool {
        self.critic.is_some()
    }

    /// The distance of generated paths to those of the data, `[path, time, channel]` both, that training works on.
    pub fn distance(&self, data: Tensor<3>, generated: Tensor<3>) -> Tensor<1> {
        match &self.critic {
            Some(critic) => {
                let judge = |paths| critic.judge(paths, self.config.duration).mean();
                judge(data) - judge(generated)
            }
            None => energy_distance(data, generated),
        }
    }

    /// The gradients of a step: the generator goes down the distance, and only now and then; an adversarial critic up.
    pub fn gradients(&self, distance: Tensor<1>, step: u64) -> GradientsParams {
        let mut gradients = GradientsParams::from_grads(distance.backward(), self);
        if let Some(critic) = &self.critic {
            critic.visit(&mut Turn(&mut gradients));
            if !step.is_multiple_of(self.config.critic_steps as u64) {
                self.generator.visit(&mut Omit(&mut gradients));
            }
        }
        gradients
    }

    /// With the weights of the critic clipped.
    #[must_use]
    pub fn clipped(mut self) -> Self {
        self.critic = self.critic.map(|c| Critic {
            initial: c.initial.clipped(),
            field: c.field.clipped(),
            readout: c.readout.clipped(),
        });
        self
    }
}

/// Turns gradients round.
struct Turn<'a>(&'a mut GradientsParams);

impl ModuleVisitor for Turn<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(g) = self.0.remove::<D>(param.id) {
            self.0.register::<D>(param.id, g.neg());
        }
    }
}

/// Leaves gradients out.
struct Omit<'a>(&'a mut GradientsParams);

impl ModuleVisitor for Omit<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let _ = self.0.remove::<D>(param.id);
    }
}

/// The states at the samples, by the reversible Heun method; `at` is told the sample before every interval.
fn march<F: Increment<Tensor<2>>>(
    field: &mut F,
    x: Tensor<2>,
    dt: f64,
    steps: usize,
    substeps: usize,
    mut at: impl FnMut(&mut F, usize),
) -> Vec<Tensor<2>> {
    let mut scheme = ReversibleHeun::new();
    let mut now = Scheme::<Tensor<2>, F>::start(&mut scheme, field, 0.0, &x);
    let mut next = now.clone();
    let mut states = vec![x];
    for i in 0..steps {
        if i.is_multiple_of(substeps) {
            at(field, i / substeps);
        }
        scheme.forward(field, i as f64 * dt, (i + 1) as f64 * dt, &now, &mut next);
        Scheme::<Tensor<2>, F>::accept(&mut scheme);
        std::mem::swap(&mut now, &mut next);
        if (i + 1).is_multiple_of(substeps) {
            states.push(Scheme::<Tensor<2>, F>::value(&scheme, &now).clone());
        }
    }
    states
}

fn with_time(t: f64, x: &Tensor<2>) -> Tensor<2> {
    let time = Tensor::full([x.dims()[0], 1], t, &x.device());
    Tensor::cat(vec![time, x.clone()], 1)
}

/// The hidden state of a generator.
struct Hidden<'a> {
    generator: &'a Generator,
    noise: usize,
}

impl Sde<Tensor<2>> for Hidden<'_> {
    type Noise = Tensor<2>;
    type Calculus = Stratonovich;
    type Structure = General;

    fn noise_like(&self, x: &Tensor<2>) -> Tensor<2> {
        Tensor::zeros([x.dims()[0], self.noise], &x.device())
    }

    fn drift(&mut self, t: f64, x: &Tensor<2>, out: &mut Tensor<2>) {
        *out = self.generator.drift.forward(with_time(t, x));
    }

    fn diffusion(&mut self, t: f64, x: &Tensor<2>, dw: &Tensor<2>, out: &mut Tensor<2>) {
        *out = product(self.generator.diffusion.forward(with_time(t, x)), dw);
    }
}

/// `M v` with `M` given row after row, `[row, n · m]`, and `v` `[row, m]`.
fn product(matrix: Tensor<2>, v: &Tensor<2>) -> Tensor<2> {
    let ([rows, size], m) = (matrix.dims(), v.dims()[1]);
    let matrix = matrix.reshape([rows, size / m, m]);
    (matrix * v.clone().unsqueeze_dim::<3>(1)).sum_dim(2).reshape([rows, size / m])
}

impl Critic {
    /// A number for every path.
    fn judge(&self, paths: Tensor<3>, duration: f64) -> Tensor<2> {
        let [rows, times, channels] = paths.dims();
        let dt = duration / (times - 1) as f64;
        let sample = |i: usize| paths.clone().narrow(1, i, 1).reshape([rows, channels]);
        let slopes: Vec<Tensor<2>> = (0..times - 1)
            .map(|i| {
                let slope = (sample(i + 1) - sample(i)).div_scalar(dt);
                Tensor::cat(vec![Tensor::ones([rows, 1], &paths.device()), slope], 1)
            })
            .collect();
        let start = self.initial.forward(with_time(0.0, &sample(0)));
        let mut field = Driven { critic: self, slope: slopes[0].clone() };
        let states = march(&mut field, start, dt, times - 1, 1, |field, i| field.slope = slopes[i].clone());
        let end = states.last().cloned().unwrap_or_else(|| Tensor::zeros([rows, 1], &paths.device()));
        self.readout.forward(end)
    }
}

/// The state of a critic along a path that is straight between samples.
struct Driven<'a> {
    critic: &'a Critic,
    /// `d(t, y)/dt` in the interval of the step.
    slope: Tensor<2>,
}

impl Increment<Tensor<2>> for Driven<'_> {
    fn increment(&mut self, t0: f64, t1: f64, c: f64, h: &Tensor<2>, out: &mut Tensor<2>) {
        let field = self.critic.field.forward(with_time(t0 + c * (t1 - t0), h));
        *out = product(field, &self.slope).mul_scalar(t1 - t0);
    }
}
