//! Fields that are linear in the state.

use nalgebra::{DMatrix, DVectorView, DVectorViewMut};

use super::{MatrixField, MatrixPullBack, MatrixTangent};

/// `f(z) dx = Σᵢ dxᵢ Aᵢ z`: a linear equation, whose solution is the time-ordered exponential along the control.
#[derive(Clone, Debug, PartialEq)]
pub struct LinearField {
    matrices: Vec<DMatrix<f64>>,
}

impl LinearField {
    /// From a matrix `h × h` for each channel of the control.
    pub fn new(matrices: Vec<DMatrix<f64>>) -> Self {
        Self { matrices }
    }

    /// The matrices.
    pub fn matrices(&self) -> &[DMatrix<f64>] {
        &self.matrices
    }

    /// The matrices, to be changed.
    pub fn matrices_mut(&mut self) -> &mut [DMatrix<f64>] {
        &mut self.matrices
    }
}

fn vector(z: &[f64]) -> DVectorView<'_, f64> {
    DVectorView::from_slice(z, z.len())
}

impl MatrixField for LinearField {
    fn product(&mut self, z: &[f64], dx: &[f64], out: &mut [f64]) {
        out.fill(0.0);
        let mut out = DVectorViewMut::from_slice(out, z.len());
        for (a, dx) in self.matrices.iter().zip(dx) {
            out.gemv(*dx, a, &vector(z), 1.0);
        }
    }
}

impl MatrixPullBack for LinearField {
    type Gradient = Vec<DMatrix<f64>>;

    fn zero_gradient(&self) -> Self::Gradient {
        self.matrices.iter().map(|a| DMatrix::zeros(a.nrows(), a.ncols())).collect()
    }

    fn pull_back(
        &mut self,
        z: &[f64],
        dx: &[f64],
        v: &[f64],
        scale: f64,
        z_bar: &mut [f64],
        dx_bar: &mut [f64],
        gradient: &mut Self::Gradient,
    ) {
        let (z, v) = (vector(z), vector(v));
        let mut z_bar = DVectorViewMut::from_slice(z_bar, z.len());
        for (i, a) in self.matrices.iter().enumerate() {
            z_bar.gemv_tr(scale * dx[i], a, &v, 1.0);
            dx_bar[i] += scale * v.dot(&(a * z));
            gradient[i].ger(scale * dx[i], &v, &z, 1.0);
        }
    }
}

impl MatrixTangent for LinearField {
    fn tangent(&mut self, _z: &[f64], dx: &[f64], w: &[f64], out: &mut [f64]) {
        self.product(w, dx, out);
    }

    fn second_tangent(&mut self, _z: &[f64], _dx: &[f64], _w: &[f64], _u: &[f64], out: &mut [f64]) {
        out.fill(0.0);
    }
}
