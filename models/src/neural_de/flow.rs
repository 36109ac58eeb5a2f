//! A learned field with its parameters as a module.

use std::sync::Arc;

use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor, TensorData};
use rand::{Rng, RngExt};

use super::Method;
use crate::fused::{FieldSpec, HostField, Solve, SolveError, odeint};

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
    method: Method,
    #[module(skip)]
    longest: f64,
}

impl Flow {
    /// Draws the weights: uniform, of variance `2 / (in + out)`; biases are zero.
    ///
    /// `longest` bounds the steps of `method` in training. X. Glorot, Y. Bengio, AISTATS 2010.
    pub fn draw(
        field: FieldSpec,
        augmented: usize,
        (method, longest): (Method, f64),
        rng: &mut dyn Rng,
        device: &Device,
    ) -> Self {
        let mut theta: Vec<f32> = Vec::with_capacity(field.parameters());
        for _ in 0..field.networks() {
            for s in field.sizes.windows(2) {
                let bound = (6.0 / (s[0] + s[1]) as f64).sqrt();
                theta.extend((0..s[0] * s[1]).map(|_| (bound * (2.0 * rng.random::<f64>() - 1.0)) as f32));
                theta.extend(std::iter::repeat_n(0.0, s[1]));
            }
        }
        let count = theta.len();
        let theta = Tensor::from_data(TensorData::new(theta, [count]), device);
        Self { theta: Param::from_tensor(theta), field, augmented, method, longest }
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
    /// If the states have other entries, or the times are not strictly monotonic.
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
        let plan = Solve::at(self.field.clone(), self.method.tableau(), times, self.longest)?;
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

    /// The method and the longest step of training.
    pub fn steps(&self) -> (Method, f64) {
        (self.method, self.longest)
    }
}
