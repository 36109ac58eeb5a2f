//! What moves estimates between observations: the true solver, or a network.

use burn::tensor::{Device, Tensor, TensorData};
use flowmap_datasets::flow::Flow;
use flowmap_models::emulator::{Emulator, FieldSpec};
use nalgebra::DMatrix;

/// Moves all members of an ensemble.
pub(crate) trait Forecast {
    /// Moves the columns of `ensemble`, states at `t0`, to `t1`.
    ///
    /// # Errors
    /// A sentence on the member that could not be moved.
    fn advance(&mut self, ensemble: &mut DMatrix<f64>, t0: f64, t1: f64) -> Result<(), String>;
}

impl Forecast for Flow {
    fn advance(&mut self, ensemble: &mut DMatrix<f64>, t0: f64, t1: f64) -> Result<(), String> {
        for mut member in ensemble.column_iter_mut() {
            let outcome = Flow::advance(self, member.as_mut_slice(), t0, t1);
            if !outcome.is_success() {
                return Err(format!("a member of the forecast {outcome}"));
            }
        }
        Ok(())
    }
}

/// A learned flow map, all members at once.
pub(crate) struct NetworkForecast<'a, M> {
    pub(crate) model: &'a M,
    pub(crate) spec: &'a FieldSpec,
    pub(crate) device: &'a Device,
}

impl<M: Emulator> Forecast for NetworkForecast<'_, M> {
    fn advance(&mut self, ensemble: &mut DMatrix<f64>, t0: f64, t1: f64) -> Result<(), String> {
        let frames = (t1 - t0) / self.spec.dt;
        let steps = frames.round() as usize;
        if (frames - steps as f64).abs() > 1e-6 {
            return Err(format!("a network that steps by {} cannot land on t = {t1}", self.spec.dt));
        }
        let shape = [ensemble.ncols(), self.spec.channels, self.spec.points()];
        // One member after the other, as a matrix lies by columns.
        let values: Vec<f32> = ensemble.iter().map(|v| *v as f32).collect();
        let start = Tensor::from_data(TensorData::new(values, shape), self.device);
        if let Some(end) = self.model.rollout(start, steps).pop() {
            let values = end.into_data().convert::<f32>().try_to_vec::<f32>().unwrap_or_default();
            ensemble.iter_mut().zip(values).for_each(|(e, v)| *e = f64::from(v));
        }
        match ensemble.iter().position(|v| !v.is_finite()) {
            Some(_) => Err(format!("a member of the forecast is no longer finite at t = {t1}")),
            None => Ok(()),
        }
    }
}
