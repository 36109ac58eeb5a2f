//! The training of a continuous-time model on windows of trajectories.

use burn::module::Module;
use burn::optim::GradientsParams;
use burn::tensor::{Device, Tensor, TensorData};
use flowmap_models::fused::SolveError;
use ndarray::ArrayView2;

use super::windows::Windows;
use super::{BATCHES, Objective, TrainConfig};
use crate::error::Error;

/// The loss of a model on windows `[time, batch, channel]`; the step decides all that is random in it.
pub(super) type Loss<'a, M> = dyn Fn(&M, Tensor<3>, u64) -> Result<Tensor<1>, SolveError> + 'a;

/// Random windows of trajectories, and what is done with them.
pub struct TrajectoryObjective<'a, M> {
    windows: Windows,
    batches: usize,
    device: Device,
    loss: &'a Loss<'a, M>,
    score: &'a dyn Fn(&M) -> f64,
}

impl<'a, M> TrajectoryObjective<'a, M> {
    /// Of trajectories `[time, channel]`; `score` chooses the best weights.
    ///
    /// # Errors
    /// If no trajectory is as long as a window.
    pub fn new(
        series: &[ArrayView2<'_, f64>],
        config: &TrainConfig,
        seed: u64,
        device: &Device,
        loss: &'a Loss<'a, M>,
        score: &'a dyn Fn(&M) -> f64,
    ) -> Result<Self, Error> {
        let samples = config.sequence.unwrap_or(2);
        let longest = series.iter().map(ArrayView2::nrows).max().unwrap_or(0);
        if longest < samples {
            return Err(Error::Usage {
                message: format!("the longest trajectory has {longest} samples, a window {samples}"),
                hint: "lower train.sequence, or give longer trajectories".into(),
            });
        }
        Ok(Self {
            windows: Windows::new(series, samples, config.batch, seed),
            batches: config.batches.unwrap_or(BATCHES),
            device: device.clone().autodiff(),
            loss,
            score,
        })
    }

    /// The windows of a step, `[time, batch, channel]`.
    fn batch(&self, step: u64) -> Tensor<3> {
        let Windows { channels, samples, batch, .. } = self.windows;
        Tensor::from_data(TensorData::new(self.windows.draw(step), [samples, batch, channels]), &self.device)
    }
}

impl<M: Module> Objective<M> for TrajectoryObjective<'_, M> {
    fn steps(&self) -> usize {
        self.batches
    }

    fn gradients(&mut self, model: &M, step: u64) -> Result<Option<(f64, GradientsParams)>, Error> {
        let loss = (self.loss)(model, self.batch(step), step).map_err(mismatched)?;
        let value = loss.clone().into_scalar::<f64>();
        if !value.is_finite() {
            return Ok(None);
        }
        Ok(Some((value, GradientsParams::from_grads(loss.backward(), model))))
    }

    fn score_name(&self) -> &'static str {
        "trajectory_rel_l2"
    }

    fn score(&mut self, model: &M) -> f64 {
        (self.score)(model)
    }

    fn advice(&self) -> String {
        "lower train.optimiser.*.rate, or shorten train.sequence".into()
    }
}

/// A model and data that do not fit each other.
pub(crate) fn mismatched(error: SolveError) -> Error {
    Error::Usage { message: error.to_string(), hint: "give the model states as it was made for".into() }
}
