//! The training of a classifier of irregular series.

use burn::module::Module;
use burn::optim::GradientsParams;
use burn::tensor::activation::log_softmax;
use burn::tensor::{Device, Tensor, TensorData};
use flowmap_datasets::generate::DataError;
use flowmap_datasets::labelled::{LabelledData, LabelledSeries};
use flowmap_datasets::rng::stream;
use flowmap_models::classifier::SeriesClassifier;
use flowmap_solvers::control_path::{ControlError, Samples};
use flowmap_solvers::issue::Issue;
use rand::RngExt;
use rand::seq::SliceRandom;
use serde_json::json;

use super::{Objective, TrainConfig};
use crate::error::Error;
use crate::run_dir::RunDir;

/// The cross entropy of the classes, of series that have lost a random share of their samples.
pub(crate) struct LabelObjective<'a> {
    data: &'a LabelledData,
    config: &'a TrainConfig,
    /// The largest share of samples that a training series loses.
    dropped: f64,
    seed: u64,
    /// Where tensors live, without autodiff.
    device: &'a Device,
    /// The model's name, and where its accuracy is logged.
    role: &'a str,
    run: &'a RunDir,
    /// The validation series, whole, then thinned if training series are.
    validation: Vec<LabelledSeries>,
    order: Option<(u64, Vec<usize>)>,
    /// Steps taken.
    step: u64,
}

/// The series as what controls are made of.
///
/// # Errors
/// If they make none.
pub(crate) fn samples(series: &[LabelledSeries]) -> Result<Vec<Samples>, Error> {
    series.iter().map(|s| Samples::new(&s.times, s.values.view())).collect::<Result<_, _>>().map_err(unfit)
}

/// What is wrong with series that a model cannot use.
pub(crate) fn unfit(error: ControlError) -> Error {
    DataError::Config(Issue::new("data", error.to_string())).into()
}

/// The series after each has lost a share of its samples; `name` is that of the random streams.
pub(crate) fn thinned(series: &[LabelledSeries], share: f64, seed: u64, name: &str) -> Vec<LabelledSeries> {
    series.iter().enumerate().map(|(i, s)| s.thinned(share, &mut stream(seed, name, i as u64))).collect()
}

impl<'a> LabelObjective<'a> {
    /// On the training series of `data`, which lose up to the share `dropped` of their samples; `seed` is that of the
    /// sampler, `device` without autodiff.
    pub(crate) fn new(
        data: &'a LabelledData,
        (dropped, seed): (f64, u64),
        config: &'a TrainConfig,
        (role, run): (&'a str, &'a RunDir),
        device: &'a Device,
    ) -> Self {
        let mut validation = data.series[data.validation.clone()].to_vec();
        if dropped > 0.0 {
            validation.extend(thinned(&validation, dropped, seed, "validation-dropped"));
        }
        Self { data, config, dropped, seed, device, role, run, validation, order: None, step: 0 }
    }

    /// The series of a step.
    fn batch(&mut self, step: u64) -> Vec<LabelledSeries> {
        let train = &self.data.series[self.data.train.clone()];
        let steps = train.len().div_ceil(self.config.batch).max(1) as u64;
        let (epoch, batch) = (step / steps, (step % steps) as usize);
        if self.order.as_ref().is_none_or(|(of, _)| *of != epoch) {
            let mut order: Vec<usize> = (0..train.len()).collect();
            order.shuffle(&mut stream(self.seed, "sampler", epoch));
            self.order = Some((epoch, order));
        }
        let order = self.order.as_ref().map_or(&[][..], |(_, order)| order);
        let mut rng = stream(self.seed, "dropped", step);
        let chosen = order.chunks(self.config.batch).nth(batch).unwrap_or_default();
        let mut one = |i: &usize| {
            let share = self.dropped * rng.random::<f64>();
            train[*i].thinned(share, &mut rng)
        };
        chosen.iter().map(&mut one).collect()
    }
}

/// The mean cross entropy of the series' classes.
fn cross_entropy(logits: Tensor<2>, series: &[LabelledSeries]) -> Tensor<1> {
    let [rows, classes] = logits.dims();
    let mut chosen = vec![0.0_f32; rows * classes];
    series.iter().enumerate().for_each(|(i, s)| chosen[i * classes + s.label] = -1.0 / rows as f32);
    let chosen = Tensor::from_data(TensorData::new(chosen, [rows, classes]), &logits.device());
    (log_softmax(logits, 1) * chosen).sum()
}

/// The share of the series whose class is told.
pub(crate) fn accuracy(classes: &[usize], series: &[LabelledSeries]) -> f64 {
    let right = classes.iter().zip(series).filter(|(class, s)| **class == s.label).count();
    right as f64 / series.len().max(1) as f64
}

impl<M: SeriesClassifier + Module> Objective<M> for LabelObjective<'_> {
    fn steps(&self) -> usize {
        self.data.train.len().div_ceil(self.config.batch)
    }

    fn gradients(&mut self, model: &M, step: u64) -> Result<Option<(f64, GradientsParams)>, Error> {
        let series = self.batch(step);
        self.step = step + 1;
        let tracked = self.device.clone().autodiff();
        let logits = model.logits(&samples(&series)?, &tracked).map_err(unfit)?;
        let loss = cross_entropy(logits, &series);
        let value = loss.clone().into_scalar::<f64>();
        if !value.is_finite() {
            return Ok(None);
        }
        Ok(Some((value, GradientsParams::from_grads(loss.backward(), model))))
    }

    fn score_name(&self) -> &'static str {
        "cross_entropy"
    }

    /// The cross entropy on the validation series; their accuracy is logged beside it.
    fn score(&mut self, model: &M) -> f64 {
        let Ok(inputs) = samples(&self.validation) else { return f64::NAN };
        let Ok(logits) = model.logits(&inputs, self.device) else { return f64::NAN };
        let told = flowmap_models::classifier::likeliest(logits.clone());
        let value = accuracy(&told, &self.validation);
        // A log that cannot be written is told of by the trainer's own lines.
        let _ = self.run.log(&json!({
            "step": self.step, "split": "validation", "name": "accuracy", "value": value, "model": self.role,
        }));
        cross_entropy(logits, &self.validation).into_scalar::<f64>()
    }
}
