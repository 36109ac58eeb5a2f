//! The training of a model of fields, by rollouts from windows of trajectories.

use burn::optim::GradientsParams;
use burn::tensor::{Device, Tensor, TensorData};
use flowmap_datasets::dataset::{Dataset, Normalisation};
use flowmap_datasets::flow::Flow;
use flowmap_datasets::generate::DataError;
use flowmap_datasets::rng::stream;
use flowmap_models::emulator::{Emulator, shifted};
use ndarray::{Array, ArrayD, Axis};
use rand::RngExt;
use rand::seq::SliceRandom;
use rand_distr::StandardNormal;

use super::unroll::{self, Targets};
use super::{FieldLoss, Objective, TrainConfig};
use crate::error::Error;
use crate::metric::by_lead_time;

/// The error of rollouts, state by state.
pub struct FieldObjective<'a> {
    /// The data, `[trajectory, time, channel, x]`.
    dataset: &'a Dataset,
    config: &'a TrainConfig,
    /// Frames that the model is given.
    history: usize,
    seed: u64,
    /// Where tensors live, without autodiff.
    device: &'a Device,
    /// All windows of the training trajectories, and the order of an epoch's.
    windows: Vec<(usize, usize)>,
    /// The scale of the channels.
    normalisation: Normalisation,
    /// What makes the targets of a diverted chain, and the time of its step.
    reference: Option<Flow>,
    dt: f64,
    order: Option<(u64, Vec<(usize, usize)>)>,
}

impl<'a> FieldObjective<'a> {
    /// On the training trajectories of `dataset`, of which the model is given `history` frames; `seed` is that of the sampler and the
    /// noise, `device` without autodiff.
    pub fn new(
        dataset: &'a Dataset,
        config: &'a TrainConfig,
        history: usize,
        seed: u64,
        device: &'a Device,
    ) -> Self {
        let windows = dataset.windows(&dataset.split.train, history + config.window());
        let normalisation = dataset.normalisation();
        let (reference, dt, order) = (None, 0.0, None);
        Self { dataset, config, history, seed, device, windows, normalisation, reference, dt, order }
    }

    /// With a solver beside the model, whose step over `dt` from the model's own states a diverted chain compares with.
    #[must_use]
    pub fn diverted(self, reference: Flow, dt: f64) -> Self {
        Self { reference: Some(reference), dt, ..self }
    }

    /// The windows of a step.
    fn windows(&mut self, step: u64) -> Vec<(usize, usize)> {
        let steps = self.windows.len().div_ceil(self.config.batch).max(1) as u64;
        let (epoch, batch) = (step / steps, (step % steps) as usize);
        if self.order.as_ref().is_none_or(|(of, _)| *of != epoch) {
            let mut order = self.windows.clone();
            order.shuffle(&mut stream(self.seed, "sampler", epoch));
            self.order = Some((epoch, order));
        }
        let order = self.order.as_ref().map_or(&[][..], |(_, order)| order);
        order.chunks(self.config.batch).nth(batch).unwrap_or_default().to_vec()
    }

    /// The first frames of a batch, `[batch, history·channel, x]`, with noise, and the states that the loss compares with.
    fn batch(
        &self,
        batch: &[(usize, usize)],
        step: u64,
        device: &Device,
    ) -> Result<(Tensor<3>, Vec<Tensor<3>>), Error> {
        let c = self.config;
        let shape = self.dataset.values.shape();
        let (channels, points) = (shape[2], shape[3..].iter().product::<usize>());
        let read = |(t, s): &(usize, usize)| self.dataset.frames(*t, *s, self.history + c.window());
        let windows = batch.iter().map(read).collect::<Result<Vec<_>, _>>().map_err(DataError::File)?;
        let gather = |offset: usize, frames: usize| -> Vec<f32> {
            let states = windows.iter().map(|w| w.slice_axis(Axis(0), (offset..offset + frames).into()));
            states.flat_map(|w| w.iter().map(|v| *v as f32).collect::<Vec<_>>()).collect()
        };
        let tensor = |values: Vec<f32>, frames: usize| {
            Tensor::from_data(TensorData::new(values, [batch.len(), frames * channels, points]), device)
        };
        let mut first = gather(0, self.history);
        if c.noise > 0.0 {
            let mut rng = stream(self.seed, "noise", step);
            for state in first.chunks_exact_mut(channels * points) {
                let rms = (state.iter().map(|v| v * v).sum::<f32>() / state.len() as f32).sqrt();
                let scale = c.noise as f32 * rms;
                state.iter_mut().for_each(|v| *v += scale * rng.sample::<f32, _>(StandardNormal));
            }
        }
        let last = self.history - 1 + c.push_forward;
        let compared = if c.diverted_chain { 0 } else { c.unroll };
        let targets = (1..=compared).map(|i| tensor(gather(last + i, 1), 1)).collect();
        Ok((tensor(first, self.history), targets))
    }
}

impl<M: Emulator> Objective<M> for FieldObjective<'_> {
    fn steps(&self) -> usize {
        self.windows.len().div_ceil(self.config.batch)
    }

    fn gradients(&mut self, model: &M, step: u64) -> Result<Option<(f64, GradientsParams)>, Error> {
        let windows = self.windows(step);
        let c = self.config;
        let device = self.device.clone().autodiff();
        let (mut start, targets) = self.batch(&windows, step, &device)?;
        if c.push_forward > 0 {
            let first = start.inner();
            let rolled = model.valid().rollout(first.clone(), c.push_forward);
            start = Tensor::from_inner(rolled.into_iter().fold(first, shifted));
        }
        let std = self.normalisation.std.clone();
        match &mut self.reference {
            None => unroll::gradients(model, start, c, &mut OfData { states: targets, loss: c.loss, std }),
            Some(flow) => {
                let dt = self.dt;
                unroll::gradients(model, start, c, &mut OfSolver { flow, dt, device, loss: c.loss, std })
            }
        }
    }

    fn score_name(&self) -> &'static str {
        "rollout_rel_l2"
    }

    /// The relative L2 error of rollouts from the first samples of the validation trajectories, the mean over lead times.
    fn score(&mut self, model: &M) -> f64 {
        let truth = self.dataset.part(&self.dataset.split.validation).to_owned();
        let prediction = rollout(model, &truth, self.device);
        let errors = by_lead_time(prediction.view(), truth.view());
        let lead = errors.slice_axis(Axis(1), (self.history..).into());
        lead.mean().unwrap_or(f64::INFINITY)
    }

    fn advice(&self) -> String {
        "lower train.optimiser.*.rate, or train.unroll".into()
    }
}

/// The states of the trajectories themselves.
struct OfData {
    states: Vec<Tensor<3>>,
    loss: FieldLoss,
    std: Vec<f64>,
}

impl Targets for OfData {
    fn target(&mut self, step: usize, _before: &Tensor<3>) -> Result<Tensor<3>, Error> {
        self.states.get(step).cloned().ok_or_else(|| Error::Usage {
            message: "a diverted chain, and no solver".into(),
            hint: "give the objective its solver by FieldObjective::diverted".into(),
        })
    }

    fn loss(&self, state: Tensor<3>, target: Tensor<3>) -> Tensor<1> {
        self.loss.of(state, target, &self.std)
    }
}

/// Where the solver goes from the model's own state; no gradient passes the solver.
struct OfSolver<'a> {
    flow: &'a mut Flow,
    dt: f64,
    device: Device,
    loss: FieldLoss,
    std: Vec<f64>,
}

impl Targets for OfSolver<'_> {
    fn target(&mut self, _step: usize, before: &Tensor<3>) -> Result<Tensor<3>, Error> {
        let [batch, all, points] = before.dims();
        // The newest of the frames, as many channels as have a scale.
        let channels = self.std.len();
        let before = before.clone().narrow(1, all - channels, channels);
        let shape = [batch, channels, points];
        let values = before.into_data().convert::<f64>().try_to_vec::<f64>().unwrap_or_default();
        let mut moved = Vec::with_capacity(values.len());
        for state in values.chunks_exact(shape[1] * shape[2]) {
            let mut state = state.to_vec();
            let outcome = self.flow.advance(&mut state, 0.0, self.dt);
            if !outcome.is_success() {
                return Err(Error::Numerical(format!(
                    "the solver cannot go on from a state of the model: {outcome}; lower train.unroll or the rate, or train one step first"
                )));
            }
            moved.extend(state.into_iter().map(|v| v as f32));
        }
        Ok(Tensor::from_data(TensorData::new(moved, shape), &self.device))
    }

    fn loss(&self, state: Tensor<3>, target: Tensor<3>) -> Tensor<1> {
        self.loss.of(state, target, &self.std)
    }
}

/// The rollouts of a model from the first samples of `truth`, as many as it is given, in its shape `[trajectory, time, channel, x, …]`.
pub(crate) fn rollout<M: Emulator>(model: &M, truth: &ArrayD<f64>, device: &Device) -> ArrayD<f64> {
    let shape = truth.shape().to_vec();
    let (n, times, channels, points) = (shape[0], shape[1], shape[2], shape[3..].iter().product());
    let given = model.history();
    let frames = truth.slice_axis(Axis(1), (..given).into());
    let first: Vec<f32> = frames.iter().map(|v| *v as f32).collect();
    let start = Tensor::from_data(TensorData::new(first, [n, given * channels, points]), device);
    let mut out = Array::from_elem(shape, f64::NAN);
    out.slice_axis_mut(Axis(1), (..given).into()).assign(&frames);
    for (i, state) in model.rollout(start, times - given).into_iter().enumerate() {
        let values = state.into_data().convert::<f32>().try_to_vec::<f32>().unwrap_or_default();
        out.index_axis_mut(Axis(1), given + i).iter_mut().zip(values).for_each(|(o, v)| *o = f64::from(v));
    }
    out
}
