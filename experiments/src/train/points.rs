//! What generative models of points minimise.

use burn::optim::GradientsParams;
use burn::tensor::{Device, Tensor, TensorData};
use flowmap_datasets::rng::stream;
use flowmap_models::generative::{
    ContinuousFlow, ContinuousFlowConfig, RectifiedFlow, ScoreSde, Trace, TraceKind, log_density,
};
use flowmap_solvers::config::{AdaptiveConfig, SolverConfig};
use ndarray::ArrayView2;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;

use super::{BATCHES, Objective, TrainConfig};
use crate::error::Error;

/// The seed and index of the stream from which what validates is drawn, the same at every validation.
const VALIDATION: &str = "validation noise";

/// Points `[row, coordinate]`, one row after the other.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Points {
    values: Vec<f32>,
    coordinates: usize,
}

impl Points {
    pub(crate) fn new(points: ArrayView2<'_, f64>) -> Self {
        Self { values: points.iter().map(|v| *v as f32).collect(), coordinates: points.ncols() }
    }

    fn rows(&self) -> usize {
        self.values.len() / self.coordinates
    }

    /// Rows drawn with replacement.
    fn draw(&self, rows: usize, rng: &mut ChaCha8Rng) -> Vec<usize> {
        (0..rows).map(|_| rng.random_range(0..self.rows())).collect()
    }

    fn gather(&self, rows: &[usize], device: &Device) -> Tensor<2> {
        let width = self.coordinates;
        let values: Vec<f32> =
            rows.iter().flat_map(|r| self.values[r * width..][..width].iter().copied()).collect();
        Tensor::from_data(TensorData::new(values, [rows.len(), width]), device)
    }

    fn all(&self, device: &Device) -> Tensor<2> {
        Tensor::from_data(TensorData::new(self.values.clone(), [self.rows(), self.coordinates]), device)
    }
}

/// Independent standard normal numbers `[row, coordinate]`.
pub(crate) fn normal(rows: usize, coordinates: usize, rng: &mut ChaCha8Rng, device: &Device) -> Tensor<2> {
    let values: Vec<f32> = (0..rows * coordinates).map(|_| rng.sample(StandardNormal)).collect();
    Tensor::from_data(TensorData::new(values, [rows, coordinates]), device)
}

/// Independent signs `[row, coordinate]`.
pub(crate) fn signs(rows: usize, coordinates: usize, rng: &mut ChaCha8Rng, device: &Device) -> Tensor<2> {
    let values: Vec<f32> =
        (0..rows * coordinates).map(|_| if rng.random::<bool>() { 1.0 } else { -1.0 }).collect();
    Tensor::from_data(TensorData::new(values, [rows, coordinates]), device)
}

/// Times in `[from, 1)`, one in each of so many equal parts, all shifted alike: less variance than independent ones.
fn times(rows: usize, from: f64, rng: &mut ChaCha8Rng) -> Vec<f64> {
    let shift: f64 = rng.random();
    (0..rows).map(|i| from + (1.0 - from) * ((i as f64 + shift) / rows as f64)).collect()
}

fn column(values: &[f64], device: &Device) -> Tensor<2> {
    let values: Vec<f32> = values.iter().map(|v| *v as f32).collect();
    let rows = values.len();
    Tensor::from_data(TensorData::new(values, [rows, 1]), device)
}

/// The gradients of a loss, none if it is not finite.
fn gradients<M: burn::module::Module>(loss: Tensor<1>, model: &M) -> Option<(f64, GradientsParams)> {
    let value = loss.clone().into_scalar::<f64>();
    value.is_finite().then(|| (value, GradientsParams::from_grads(loss.backward(), model)))
}

/// The ends of the lines that a rectified flow learns.
#[derive(Clone, Debug)]
pub(crate) enum Pairs {
    /// Noise, and independent data.
    Independent(Points),
    /// Noise, and where a flow has carried it.
    Coupled(Points, Points),
}

impl Pairs {
    fn draw(&self, rows: usize, rng: &mut ChaCha8Rng, device: &Device) -> (Tensor<2>, Tensor<2>) {
        match self {
            Self::Independent(data) => {
                let rows_of = data.draw(rows, rng);
                (normal(rows, data.coordinates, rng, device), data.gather(&rows_of, device))
            }
            Self::Coupled(noise, data) => {
                let rows = noise.draw(rows, rng);
                (noise.gather(&rows, device), data.gather(&rows, device))
            }
        }
    }
}

/// What the objectives of models of points share.
#[derive(Clone, Copy)]
pub(crate) struct Sampling<'a> {
    /// How the model learns.
    pub(crate) config: &'a TrainConfig,
    /// The seed, and the name of the stream of batches.
    pub(crate) seed: u64,
    pub(crate) name: &'a str,
    /// Where tensors live, without autodiff.
    pub(crate) device: &'a Device,
}

impl Sampling<'_> {
    fn steps(&self) -> usize {
        self.config.batches.unwrap_or(BATCHES)
    }

    fn batch(&self, step: u64) -> (ChaCha8Rng, Device) {
        (stream(self.seed, self.name, step), self.device.clone().autodiff())
    }
}

/// The squared error of the velocity of a rectified flow.
pub(crate) struct RectifiedObjective<'a> {
    pub(crate) sampling: Sampling<'a>,
    pub(crate) pairs: Pairs,
    pub(crate) validation: Pairs,
}

/// Pairs that validate.
const VALIDATION_PAIRS: usize = 8192;

impl Objective<RectifiedFlow> for RectifiedObjective<'_> {
    fn steps(&self) -> usize {
        self.sampling.steps()
    }

    fn gradients(
        &mut self,
        model: &RectifiedFlow,
        step: u64,
    ) -> Result<Option<(f64, GradientsParams)>, Error> {
        let (mut rng, device) = self.sampling.batch(step);
        let rows = self.sampling.config.batch;
        let (x0, x1) = self.pairs.draw(rows, &mut rng, &device);
        let t = column(&times(rows, 0.0, &mut rng), &device);
        Ok(gradients(model.loss(x0, x1, t), model))
    }

    fn score_name(&self) -> &'static str {
        "velocity_error"
    }

    fn score(&mut self, model: &RectifiedFlow) -> f64 {
        let mut rng = stream(self.sampling.seed, VALIDATION, 0);
        let device = self.sampling.device;
        let (x0, x1) = self.validation.draw(VALIDATION_PAIRS, &mut rng, device);
        let t = column(&times(VALIDATION_PAIRS, 0.0, &mut rng), device);
        model.loss(x0, x1, t).into_scalar::<f64>()
    }
}

/// The weighted squared error of the noise that a score model tells.
pub(crate) struct ScoreObjective<'a> {
    pub(crate) sampling: Sampling<'a>,
    pub(crate) data: Points,
    pub(crate) validation: Points,
}

impl ScoreObjective<'_> {
    fn loss(
        model: &ScoreSde,
        data: &Points,
        rows: usize,
        rng: &mut ChaCha8Rng,
        device: &Device,
    ) -> Tensor<1> {
        let x = data.gather(&data.draw(rows, rng), device);
        let noise = normal(rows, data.coordinates, rng, device);
        model.loss(x, noise, &times(rows, model.start(), rng))
    }
}

impl Objective<ScoreSde> for ScoreObjective<'_> {
    fn steps(&self) -> usize {
        self.sampling.steps()
    }

    fn gradients(&mut self, model: &ScoreSde, step: u64) -> Result<Option<(f64, GradientsParams)>, Error> {
        let (mut rng, device) = self.sampling.batch(step);
        Ok(gradients(Self::loss(model, &self.data, self.sampling.config.batch, &mut rng, &device), model))
    }

    fn score_name(&self) -> &'static str {
        "noise_error"
    }

    fn score(&mut self, model: &ScoreSde) -> f64 {
        let mut rng = stream(self.sampling.seed, VALIDATION, 0);
        let device = self.sampling.device;
        Self::loss(model, &self.validation, VALIDATION_PAIRS, &mut rng, device).into_scalar::<f64>()
    }
}

/// The negative log-likelihood of a continuous flow.
pub(crate) struct LikelihoodObjective<'a> {
    pub(crate) sampling: Sampling<'a>,
    pub(crate) model: &'a ContinuousFlowConfig,
    pub(crate) data: Points,
    pub(crate) validation: Points,
}

impl Objective<ContinuousFlow> for LikelihoodObjective<'_> {
    fn steps(&self) -> usize {
        self.sampling.steps()
    }

    fn gradients(
        &mut self,
        model: &ContinuousFlow,
        step: u64,
    ) -> Result<Option<(f64, GradientsParams)>, Error> {
        let (mut rng, device) = self.sampling.batch(step);
        let rows = self.sampling.config.batch;
        let x = self.data.gather(&self.data.draw(rows, &mut rng), &device);
        let probe = match self.model.trace {
            TraceKind::Exact => None,
            TraceKind::Hutchinson => Some(signs(rows, self.data.coordinates, &mut rng, &device)),
        };
        // The error of steps of one size could be learned: a likelihood that no finer solve confirms.
        let steps = rng.random_range(self.model.steps..=2 * self.model.steps);
        Ok(model.likelihood_gradients(x, probe, steps))
    }

    fn score_name(&self) -> &'static str {
        "nll"
    }

    /// In nats a point, with the exact trace and steps that follow a tolerance.
    fn score(&mut self, model: &ContinuousFlow) -> f64 {
        let x = self.validation.all(self.sampling.device);
        let tolerance = AdaptiveConfig { rtol: 1e-4, atol: 1e-4, dt: None, max_steps: 10_000 };
        let method = SolverConfig::Dopri5(tolerance);
        let found = log_density(model, &x, (1.0, 0.0), 1.0, &Trace::Exact, &method);
        found.map_or(f64::NAN, |carried| -carried.end.mean().into_scalar::<f64>())
    }
}
