//! Maps made by hand, whose cycles are known.

use nalgebra::{DMatrix, DVector};

use super::PiecewiseLinearMap;

/// `z' = z/2 + 2 [relu(z + h₂) − relu(z)] + h₁`.
pub(super) fn clipped_line(h2: f64, h1: f64) -> PiecewiseLinearMap {
    PiecewiseLinearMap {
        a: DMatrix::from_element(1, 1, 0.5),
        w1: DMatrix::from_element(1, 1, 2.0),
        w2: DMatrix::from_element(1, 1, 1.0),
        h1: DVector::from_element(1, h1),
        h2: DVector::from_element(1, h2),
        clipped: true,
    }
}

/// `z' = a z + w relu(z + h₂) + h₁` on each axis.
pub(super) fn axes(a: f64, w: f64, h2: f64, h1: f64, axes: usize) -> PiecewiseLinearMap {
    PiecewiseLinearMap {
        a: DMatrix::identity(axes, axes) * a,
        w1: DMatrix::identity(axes, axes) * w,
        w2: DMatrix::identity(axes, axes),
        h1: DVector::from_element(axes, h1),
        h2: DVector::from_element(axes, h2),
        clipped: false,
    }
}

/// The skew tent on `[0, 1]` with its top at `p`, on each axis.
pub(super) fn tents(p: f64, number: usize) -> PiecewiseLinearMap {
    axes(1.0 / p, -(1.0 / p + 1.0 / (1.0 - p)), -p, 0.0, number)
}

/// On each of two axes `z/2 − 1/2` below zero, `2z − 1/2` above: fixed points at −1 (stable) and 1/2; the axes
/// turned by the rotation with cosine 0.8.
pub(super) fn four_quadrants() -> PiecewiseLinearMap {
    let map = axes(0.5, 1.5, 0.0, -0.5, 2);
    let turn = rotation();
    PiecewiseLinearMap {
        a: &turn * map.a * turn.transpose(),
        w1: &turn * map.w1,
        w2: map.w2 * turn.transpose(),
        h1: &turn * map.h1,
        ..map
    }
}

/// The rotation of [`four_quadrants`].
pub(super) fn rotation() -> DMatrix<f64> {
    DMatrix::from_row_slice(2, 2, &[0.8, -0.6, 0.6, 0.8])
}
