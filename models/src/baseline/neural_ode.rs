//! The neural ordinary differential equation, fitted to windows of a series.

use burn::module::Module;
use burn::optim::{AdamConfig, GradientsParams};
use burn::tensor::{Tensor, TensorData};
use flowmap_solvers::field::from_fn;
use flowmap_solvers::stepper::Stepper;
use flowmap_solvers::stepper::explicit_rk::ExplicitRk;
use ndarray::{Array1, Array2, ArrayView2, s};
use rand::RngExt;

use super::smoothing::smoothed;
use super::{Baseline, FitError, Fitted, Fitting, Samples, Scale, free_run_error};
use crate::fused::HostField;
use crate::neural_de::{Flow, Method, NeuralOdeConfig};
use crate::state_space::StateSpaceModel;

/// Steps of the optimiser, windows of a step, samples of a window after the first, and the rate at the start.
const STEPS: usize = 3000;
const BATCH: usize = 32;
const WINDOW: usize = 25;
const RATE: f64 = 5e-3;
/// How often the weights are judged, by how many free runs of each validation series, over how many samples.
const JUDGEMENTS: usize = 15;
const STARTS: usize = 20;
const HORIZON: usize = 100;

/// The model of [`NeuralOdeConfig`] in `f64` as the map from a sample to the next. Its state is the sample, standardised, and
/// the augmented entries, zero at the start.
struct NeuralOde {
    field: HostField,
    method: Method,
    /// The time between two samples in the unit of the field, and the steps that it is divided into.
    span: f64,
    substeps: usize,
    scale: Scale,
}

/// Windows start from samples that local polynomials have smoothed, so that the solution need not start from the noise; the
/// mean squared error of the solution along the window is minimised by Adam with a rate that falls as a cosine, and the
/// weights kept are those of the least error of free runs on the validation series.
impl Baseline for NeuralOdeConfig {
    fn fit(&self, samples: &Samples<'_>, fitting: &mut Fitting<'_>) -> Result<Fitted, FitError> {
        samples.require(2 * WINDOW, "windows of the neural differential equation")?;
        let scale = Scale::fit(&samples.train);
        let scaled = |series: &ArrayView2<'_, f64>| {
            let mut out = series.to_owned();
            for mut row in out.rows_mut() {
                let sample = row.to_vec();
                scale.apply(sample, row.as_slice_mut().unwrap_or_default());
            }
            out
        };
        let pairs: Vec<_> = samples.train.iter().map(scaled).map(|x| (smoothed(x.view()), x)).collect();
        let pairs: Vec<_> = pairs.into_iter().filter(|(start, _)| start.nrows() > WINDOW).collect();
        if pairs.is_empty() {
            return Err(FitError::TooShort { have: 0, needed: WINDOW + 1, why: "smoothed samples" });
        }
        // In a unit of time in which states move by about one, weights are of the size of one.
        let moves = |(start, _): &(Array2<f64>, Array2<f64>)| {
            let by = &start.slice(s![1.., ..]) - &start.slice(s![..-1, ..]);
            by.iter().map(|d| d * d).sum::<f64>() / by.len().max(1) as f64
        };
        let span = (pairs.iter().map(moves).sum::<f64>() / pairs.len() as f64).sqrt().clamp(1e-4, 1.0);
        let substeps = if self.step > 0.0 { (samples.dt / self.step).ceil().max(1.0) } else { 1.0 };
        let config = Self { step: span / substeps, ..self.clone() };
        let device = fitting.device.clone().autodiff();
        let mut flow = config.init(samples.width(), span, fitting.rng, &device);
        let times: Vec<f64> = (0..=WINDOW).map(|i| i as f64 * span).collect();
        let export = |flow: &Flow| -> Result<NeuralOde, FitError> {
            let field = flow.to_host().map_err(|_| FitError::NotFinite { step: 0, rate: RATE })?;
            let substeps = substeps as usize;
            Ok(NeuralOde { field, method: self.method, span, substeps, scale: scale.clone() })
        };
        let judges = samples.judges(HORIZON + 2);
        let mut optimiser = AdamConfig::new().with_epsilon(1e-8).init();
        let mut best: Option<(NeuralOde, usize, f64)> = None;
        for i in 0..STEPS {
            let (starts, targets) = windows(&pairs, fitting);
            let n = samples.width();
            let start = Tensor::from_data(TensorData::new(starts, [BATCH, n]), &device);
            let target = Tensor::<3>::from_data(TensorData::new(targets, [WINDOW, BATCH, n]), &device);
            let rate = RATE * (1e-3 + 0.5 * (1.0 + (std::f64::consts::PI * i as f64 / STEPS as f64).cos()));
            let failed = FitError::NotFinite { step: i, rate };
            let states = flow.trajectories(start, &times).map_err(|_| failed.clone())?;
            let loss = (states.narrow(0, 1, WINDOW) - target).powi_scalar(2).mean();
            let value = loss.clone().into_scalar::<f64>();
            if !value.is_finite() {
                return Err(failed);
            }
            let gradients = GradientsParams::from_grads(loss.backward(), &flow);
            flow = optimiser.step(rate, flow, gradients);
            let goes_on = (fitting.on_step)(i + 1, STEPS, value);
            if !goes_on || (i + 1).is_multiple_of(STEPS / JUDGEMENTS) {
                let model = export(&flow.valid())?;
                let error = free_run_error(&model, judges, HORIZON, STARTS, &scale);
                if best.as_ref().is_none_or(|(_, _, least)| error < *least) {
                    best = Some((model, i + 1, error));
                }
            }
            if !goes_on {
                break;
            }
        }
        let (model, step, error) = best.ok_or(FitError::NotFinite { step: 0, rate: RATE })?;
        let note = format!(
            "Neural differential equation: the weights of step {step} of {STEPS} have the least error of free runs over {HORIZON} samples, {error:.3e} of the variance."
        );
        let parameters = model.field.spec().parameters();
        Ok(Fitted { parameters, model: Box::new(model), notes: vec![note] })
    }
}

/// The starts `[window, channel]` and the samples after them, `[time, window, channel]`.
fn windows(pairs: &[(Array2<f64>, Array2<f64>)], fitting: &mut Fitting<'_>) -> (Vec<f32>, Vec<f32>) {
    let places: Vec<_> = (0..BATCH)
        .map(|_| {
            let (start, series) = &pairs[fitting.rng.random_range(0..pairs.len())];
            // Smoothing has cut as many samples from both ends.
            let cut = (series.nrows() - start.nrows()) / 2;
            let at = fitting.rng.random_range(0..start.nrows() - WINDOW);
            (start.row(at), series.slice(s![cut + at + 1..cut + at + 1 + WINDOW, ..]))
        })
        .collect();
    let starts = places.iter().flat_map(|(start, _)| start.iter().map(|v| *v as f32)).collect();
    let after = |t: usize| places.iter().flat_map(move |(_, x)| x.row(t).to_vec());
    (starts, (0..WINDOW).flat_map(after).map(|v| v as f32).collect())
}

impl StateSpaceModel for NeuralOde {
    fn state_size(&self) -> usize {
        self.field.spec().dim()
    }

    fn channels(&self) -> usize {
        self.scale.mean.len()
    }

    fn filter(&self, series: ArrayView2<'_, f64>) -> Array2<f64> {
        let mut states = Array2::zeros((series.nrows(), self.state_size()));
        let n = self.channels();
        for (sample, mut state) in series.rows().into_iter().zip(states.rows_mut()) {
            let state = state.as_slice_mut().unwrap_or_default();
            self.scale.apply(sample.iter().copied(), &mut state[..n]);
        }
        states
    }

    fn observe(&self, z: &[f64], x: &mut [f64]) {
        self.scale.undo(z, x);
    }

    fn next(&self, z: &[f64], next: &mut [f64]) {
        let field = from_fn(|_t, y: &Array1<f64>, dy: &mut Array1<f64>| {
            if let (Some(y), Some(dy)) = (y.as_slice(), dy.as_slice_mut()) {
                self.field.slope(y, dy);
            }
        });
        let (mut y, mut after) = (Array1::from(z.to_vec()), Array1::from(z.to_vec()));
        let mut stepper = ExplicitRk::new(self.method.tableau(), field, &y);
        let h = self.span / self.substeps as f64;
        for i in 0..self.substeps {
            if stepper.step(i as f64 * h, h, &y, &mut after).is_err() {
                return next.fill(f64::NAN);
            }
            stepper.accept();
            std::mem::swap(&mut y, &mut after);
        }
        next.iter_mut().zip(&y).for_each(|(next, y)| *next = *y);
    }
}
