//! Values that a path can take.

use burn::tensor::{Tensor, TensorData};
use ndarray::{Array1, Array2};

use crate::state::State;

/// A value of a driving path: rows, each an independent path, of as many components as the equation has noises.
///
/// `[f64; N]` and `Array1` are one row, an `Array2` is `[row, component]`, and so is a Burn tensor, all axes after the
/// first being components.
pub trait Noise: State + std::fmt::Debug {
    /// How many rows and how many components.
    fn shape(&self) -> (usize, usize);

    /// Takes the values given, row after row; as many as there are entries.
    fn fill(&mut self, values: &[f64]);
}

impl<const N: usize> Noise for [f64; N] {
    fn shape(&self) -> (usize, usize) {
        (1, N)
    }

    #[inline]
    fn fill(&mut self, values: &[f64]) {
        self.copy_from_slice(values);
    }
}

impl Noise for Array1<f64> {
    fn shape(&self) -> (usize, usize) {
        (1, self.len())
    }

    fn fill(&mut self, values: &[f64]) {
        self.iter_mut().zip(values).for_each(|(to, from)| *to = *from);
    }
}

impl Noise for Array2<f64> {
    fn shape(&self) -> (usize, usize) {
        self.dim()
    }

    fn fill(&mut self, values: &[f64]) {
        self.iter_mut().zip(values).for_each(|(to, from)| *to = *from);
    }
}

impl<const D: usize> Noise for Tensor<D> {
    fn shape(&self) -> (usize, usize) {
        let shape = self.dims();
        if D < 2 { (1, shape.iter().product()) } else { (shape[0], shape[1..].iter().product()) }
    }

    fn fill(&mut self, values: &[f64]) {
        let data = TensorData::new(values.to_vec(), self.dims());
        *self = Tensor::from_data(data, (&self.device(), self.dtype()));
    }
}
