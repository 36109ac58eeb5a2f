//! A learned field with its parameters as a module.

use std::sync::Arc;

use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor, TensorData};
use ndarray::Array2;
use rand::{Rng, RngExt};

use super::Steps;
use crate::fused::{FieldKind, FieldSpec, HostField, Solve, SolveError, odeint};

/// `dy/dt = f_θ(y)` on states of `channels` entries, and of as many more, zero at the start, as it is augmented by.
///
/// E. Dupont, A. Doucet, Y. W. Teh, "Augmented Neural ODEs", NeurIPS 2019.
#[derive(Module, Debug)]
pub struct Flow {
    /// All parameters in one vector, in the order of [`FieldSpec::parameters`].
    theta: Param<Tensor<1>>,
    #[module(skip)]
    field: FieldSpec,
    #[module(skip)]
    augmented: usize,
    #[module(skip)]
    steps: Steps,
}

impl Flow {
    /// Draws the weights: uniform, of variance `1 / in`, so that states of the size of one bend the first layer; biases are uniform
    /// between `±1/√in`. The output of a Lagrangian is a tenth as large, so that masses start near one.
    pub fn draw(
        field: FieldSpec,
        augmented: usize,
        steps: Steps,
        rng: &mut dyn Rng,
        device: &Device,
    ) -> Self {
        let mut theta: Vec<f32> = Vec::with_capacity(field.parameters());
        for _ in 0..field.networks() {
            for (layer, s) in field.sizes.windows(2).enumerate() {
                let last = layer + 2 == field.sizes.len();
                let gain = if last && field.kind == FieldKind::Lagrangian { 0.1 } else { 1.0 };
                let mut draw = |bound: f64| (bound * (2.0 * rng.random::<f64>() - 1.0)) as f32;
                let size = gain / (s[0] as f64).sqrt();
                theta.extend((0..s[0] * s[1]).map(|_| draw(3.0_f64.sqrt() * size)));
                theta.extend((0..s[1]).map(|_| draw(size)));
            }
        }
        let count = theta.len();
        let theta = Tensor::from_data(TensorData::new(theta, [count]), device);
        Self { theta: Param::from_tensor(theta), field, augmented, steps }
    }

    /// Entries of a state that are observed.
    pub fn channels(&self) -> usize {
        self.field.dim() - self.augmented
    }

    /// The field.
    pub fn field(&self) -> &FieldSpec {
        &self.field
    }

    /// The states `[time, batch, channel]` at the times, the first of which is that of `y0`, `[batch, channel]`.
    ///
    /// # Errors
    /// If the states have other entries, the times are not strictly monotonic, or a tolerance is not met.
    pub fn trajectories(&self, y0: Tensor<2>, times: &[f64]) -> Result<Tensor<3>, SolveError> {
        let [batch, given] = y0.dims();
        if given != self.channels() {
            return Err(SolveError::Dimension { given, expected: self.channels() });
        }
        let y0 = if self.augmented > 0 {
            let zeros = Tensor::zeros([batch, self.augmented], (&y0.device(), y0.dtype()));
            Tensor::cat(vec![y0, zeros], 1)
        } else {
            y0
        };
        let plan = match self.steps.tolerance {
            None => Solve::at(self.field.clone(), self.steps.method.tableau(), times, self.steps.longest)?,
            Some(_) => {
                let values = y0.clone().into_data().convert::<f64>().try_to_vec::<f64>().unwrap_or_default();
                let start = Array2::from_shape_vec((batch, self.field.dim()), values).unwrap_or_default();
                self.steps.plan(&self.to_host()?, &start, times)?
            }
        };
        let states = odeint(&Arc::new(plan), y0, self.theta.val())?;
        Ok(if self.augmented > 0 { states.narrow(2, 0, given) } else { states })
    }

    /// The same field on the host in `f64`; its states have the augmented entries.
    ///
    /// # Errors
    /// Never, unless the weights were replaced by others.
    pub fn to_host(&self) -> Result<HostField, SolveError> {
        let theta = self.theta.val().into_data().convert::<f64>();
        HostField::new(self.field.clone(), theta.try_to_vec::<f64>().unwrap_or_default())
    }

    /// The steps of training.
    pub fn steps(&self) -> Steps {
        self.steps
    }
}
