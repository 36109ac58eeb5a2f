//! By the backend's own convolution, on fields with a margin.

use burn::backend::ops::ConvOptions;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, TensorMetadata};
use burn::tensor::{IntDType, Shape, Slice, TensorData};

use super::{Edge, Stencil};

pub(crate) fn forward<B: Backend>(
    u: FloatTensor<B>,
    weight: FloatTensor<B>,
    bias: FloatTensor<B>,
    stencil: Stencil,
) -> FloatTensor<B> {
    let [_, _, p, q] = weight.shape().dims::<4>();
    let u = with_margin::<B>(u, stencil, [p, q]);
    B::conv2d(u, weight, Some(bias), options(stencil))
}

/// The gradients by the field, the weight and the bias.
pub(crate) fn backward<B: Backend>(
    u: FloatTensor<B>,
    weight: FloatTensor<B>,
    grad: FloatTensor<B>,
    stencil: Stencil,
) -> (FloatTensor<B>, FloatTensor<B>, FloatTensor<B>) {
    let [_, input, p, q] = weight.shape().dims::<4>();
    // The transpose of such a convolution is one with the mirrored kernel.
    let mirrored = B::float_flip(B::float_swap_dims(weight.clone(), 0, 1), &[2, 3]);
    let none = B::float_zeros(Shape::from([input]), &grad.device(), grad.dtype().into());
    let by_u = forward::<B>(grad.clone(), mirrored, none, stencil);
    let u = with_margin::<B>(u, stencil, [p, q]);
    let by_weight = B::conv2d_weight_backward(u, weight, grad.clone(), options(stencil));
    let sums = [0, 2, 3].into_iter().fold(grad, B::float_sum_dim);
    let output = sums.shape().num_elements();
    (by_u, by_weight, B::float_reshape(sums, Shape::from([output])))
}

fn options(stencil: Stencil) -> ConvOptions<2> {
    ConvOptions::new([1, 1], [0, 0], [stencil.dilation; 2], 1)
}

fn with_margin<B: Backend>(u: FloatTensor<B>, stencil: Stencil, taps: [usize; 2]) -> FloatTensor<B> {
    let mut u = u;
    for (axis, taps) in taps.into_iter().enumerate() {
        let margin = stencil.margin(taps);
        if margin == 0 {
            continue;
        }
        let points = u.shape()[axis + 2];
        u = match stencil.edges[axis] {
            Edge::Periodic => {
                let index = |i: usize| ((i + margin * (points - 1)) % points) as i64;
                let indices: Vec<i64> = (0..points + 2 * margin).map(index).collect();
                let count = indices.len();
                let indices = TensorData::new(indices, [count]).convert_dtype(IntDType::I32.into());
                B::float_select(u.clone(), axis + 2, B::int_from_data(indices, &u.device()))
            }
            Edge::Zeros => {
                let mut shape = u.shape();
                shape[axis + 2] = points + 2 * margin;
                let wide = B::float_zeros(shape, &u.device(), u.dtype().into());
                let mut place = [Slice::full(); 4];
                place[axis + 2] = Slice::from(margin..margin + points);
                B::float_slice_assign(wide, &place, u)
            }
        };
    }
    u
}
