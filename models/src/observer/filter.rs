//! A learned observer among the classical filters.

use burn::tensor::{Device, Tensor, TensorData};
use flowmap_solvers::assimilation::{Filter, FilterError, Observation};
use nalgebra::DMatrix;
use rand::Rng;

use super::{Belief, Observer, Seen};
use crate::emulator::FieldSpec;

/// An observer that follows one estimate; what is observed must be entries of the state.
pub struct ObserverFilter<O> {
    observer: O,
    spec: FieldSpec,
    belief: Belief,
    /// Time since the belief was last moved.
    waiting: f64,
    device: Device,
}

impl<O: Observer> ObserverFilter<O> {
    /// About a start that is off by `deviation`, relative to the field's own.
    pub fn new(observer: O, spec: FieldSpec, deviation: f64, device: &Device) -> Self {
        let belief = observer.believe(deviation);
        Self { observer, spec, belief, waiting: 0.0, device: device.clone() }
    }
}

impl<O: Observer> Filter for ObserverFilter<O> {
    fn members(&self) -> usize {
        1
    }

    fn elapse(&mut self, time: f64) {
        self.waiting += time;
        while self.waiting > 0.5 * self.spec.dt {
            self.belief = self.observer.elapse(self.belief.clone());
            self.waiting -= self.spec.dt;
        }
    }

    fn analyse(
        &mut self,
        ensemble: &mut DMatrix<f64>,
        observation: &Observation<'_>,
        _rng: &mut dyn Rng,
    ) -> Result<(), FilterError> {
        observation.check(ensemble)?;
        let (channels, points) = (self.spec.channels, self.spec.points());
        let entries = observation.operator.entries(ensemble.nrows()).ok_or(FilterError::Unseen)?;
        let shape = [1, channels, points];
        let single = |values: Vec<f64>| {
            let values: Vec<f32> = values.into_iter().map(|v| v as f32).collect();
            Tensor::<3>::from_data(TensorData::new(values, shape), &self.device)
        };
        let mut innovation = vec![0.0; channels * points];
        for (i, value) in entries.iter().zip(observation.values) {
            innovation[*i] = value - ensemble[(*i, 0)];
        }
        let square = observation.deviation.iter().map(|s| s * s).sum::<f64>();
        let seen = Seen {
            innovation: single(innovation),
            mask: Seen::mask(&entries, channels, points, &self.device),
            deviation: (square / observation.deviation.len().max(1) as f64).sqrt(),
        };
        let forecast = single(ensemble.column(0).iter().copied().collect());
        let (added, belief) = self.observer.correct(forecast, self.belief.clone(), &seen);
        self.belief = belief;
        let added = added.into_data().convert::<f32>().try_to_vec::<f32>().unwrap_or_default();
        ensemble.column_mut(0).iter_mut().zip(added).for_each(|(z, a)| *z += f64::from(a));
        Ok(())
    }
}
