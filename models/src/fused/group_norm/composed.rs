//! By the backend's operations.

use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, TensorMetadata};
use burn::tensor::Shape;

use super::EPSILON;

/// The fields, and mean and inverse deviation of every sample, `[batch, 2]`.
pub(crate) fn forward<B: Backend>(
    u: FloatTensor<B>,
    scale: FloatTensor<B>,
    shift: FloatTensor<B>,
) -> (FloatTensor<B>, FloatTensor<B>) {
    let [batch, channels, nx, ny] = u.shape().dims::<4>();
    let flat = B::float_reshape(u.clone(), Shape::from([batch, channels * nx * ny]));
    let mean = B::float_mean_dim(flat.clone(), 1);
    let centred = B::float_sub(flat, mean.clone());
    let variance = B::float_mean_dim(B::float_mul(centred.clone(), centred), 1);
    let inverse = B::float_recip(B::float_sqrt(B::float_add_scalar(variance, EPSILON.into())));
    let of = |x: FloatTensor<B>| B::float_reshape(x, Shape::from([batch, 1, 1, 1]));
    let unit = B::float_mul(B::float_sub(u, of(mean.clone())), of(inverse.clone()));
    let of = |x: FloatTensor<B>| B::float_reshape(x, Shape::from([1, channels, 1, 1]));
    let v = B::float_add(B::float_mul(unit, of(scale)), of(shift));
    (v, B::float_cat(vec![mean, inverse], 1))
}

/// The gradients by the fields, the scale and the shift.
pub(crate) fn backward<B: Backend>(
    u: FloatTensor<B>,
    scale: FloatTensor<B>,
    moments: FloatTensor<B>,
    grad: FloatTensor<B>,
) -> (FloatTensor<B>, FloatTensor<B>, FloatTensor<B>) {
    let [batch, channels, nx, ny] = u.shape().dims::<4>();
    let column = |i: usize| {
        let rows = [burn::tensor::Slice::full(), burn::tensor::Slice::from(i..i + 1)];
        B::float_reshape(B::float_slice(moments.clone(), &rows), Shape::from([batch, 1, 1, 1]))
    };
    let (mean, inverse) = (column(0), column(1));
    let unit = B::float_mul(B::float_sub(u, mean), inverse.clone());
    let over_points = |x: FloatTensor<B>| {
        let sums = [0, 2, 3].into_iter().fold(x, B::float_sum_dim);
        B::float_reshape(sums, Shape::from([channels]))
    };
    let by_scale = over_points(B::float_mul(grad.clone(), unit.clone()));
    let by_shift = over_points(grad.clone());
    let scaled = B::float_mul(grad, B::float_reshape(scale, Shape::from([1, channels, 1, 1])));
    let over_sample = |x: FloatTensor<B>| {
        let x = B::float_mean_dim(B::float_reshape(x, Shape::from([batch, channels * nx * ny])), 1);
        B::float_reshape(x, Shape::from([batch, 1, 1, 1]))
    };
    let along = B::float_mul(unit.clone(), over_sample(B::float_mul(scaled.clone(), unit)));
    let level = over_sample(scaled.clone());
    let by_u = B::float_mul(B::float_sub(B::float_sub(scaled, level), along), inverse);
    (by_u, by_scale, by_shift)
}
