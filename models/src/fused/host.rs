//! Tensors of the CPU backend as slices, and back.

use burn::backend::Flex;
use burn::backend::ops::FloatTensorOps;
use burn::backend::tensor::FloatTensor;
use burn::tensor::{Element, TensorData};
use pulp::bytemuck::Pod;

/// The numbers of a contiguous tensor.
pub(super) fn values<T: Element + Pod>(x: &FloatTensor<Flex>) -> &[T] {
    x.as_slice().unwrap_or_default()
}

/// A tensor of these numbers.
pub(super) fn tensor<T: Element>(values: Vec<T>, shape: &[usize]) -> FloatTensor<Flex> {
    Flex::float_from_data(TensorData::new(values, shape.to_vec()), &Default::default())
}
