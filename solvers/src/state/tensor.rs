//! Burn float tensors on any device; an operation records itself for autodiff like any other.

use burn::tensor::{Tensor, TensorData};

use super::State;

impl<const D: usize> State for Tensor<D> {
    fn zeros_like(&self) -> Self {
        Tensor::zeros_like(self)
    }

    fn assign(&mut self, x: &Self) {
        *self = x.clone();
    }

    fn scale(&mut self, a: f64) {
        *self = self.clone().mul_scalar(a);
    }

    fn axpy(&mut self, a: f64, x: &Self) {
        *self = self.clone().add(x.clone().mul_scalar(a));
    }

    fn error_norm(error: &Self, y0: &Self, y1: &Self, atol: f64, rtol: f64) -> f64 {
        let size = y0.clone().abs().max_pair(y1.clone().abs());
        error.clone().div(size.mul_scalar(rtol).add_scalar(atol)).rms()
    }

    fn rms(&self) -> f64 {
        self.clone().powi_scalar(2).mean().into_scalar::<f64>().sqrt()
    }

    fn is_finite(&self) -> bool {
        self.clone().abs().sum().into_scalar::<f64>().is_finite()
    }

    fn same_shape(&self, other: &Self) -> bool {
        self.dims() == other.dims()
    }

    fn write_entries(&self, out: &mut Vec<f64>) {
        out.extend(self.to_data().iter::<f64>());
    }

    fn read_entries(&mut self, entries: &mut &[f64]) -> bool {
        let dims = self.dims();
        let Some((own, rest)) = entries.split_at_checked(dims.iter().product()) else { return false };
        *self = Tensor::from_data(TensorData::new(own.to_vec(), dims), (&self.device(), self.dtype()));
        *entries = rest;
        true
    }

    fn dot(&self, other: &Self) -> f64 {
        self.clone().mul(other.clone()).sum().into_scalar::<f64>()
    }

    fn bytes(&self) -> usize {
        self.shape().num_elements() * self.dtype().size()
    }
}
