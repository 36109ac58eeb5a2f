//! The affine observation `x = B z + b`.

use burn::module::{Initializer, Module, Param};
use burn::tensor::{Device, Tensor, TensorData};
use nalgebra::{DMatrix, DVector, SVD};
use ndarray::{ArrayView2, Axis};

use super::network::{matrix, read, to_host};

/// Singular values below this share of the largest count as zero.
const RANK: f64 = 1e-6;

/// `x = B z + b`, and its pseudo-inverse.
#[derive(Module, Debug)]
pub(super) struct Affine {
    /// `[channel, latent]`.
    pub(super) b: Param<Tensor<2>>,
    /// `[channel]`.
    pub(super) offset: Param<Tensor<1>>,
}

impl Affine {
    pub(super) fn init(channels: usize, latent: usize, device: &Device) -> Self {
        let bound = 1.0 / (latent as f64).sqrt();
        let uniform = Initializer::Uniform { min: -bound, max: bound };
        Self {
            b: uniform.init([channels, latent], device),
            offset: Initializer::Zeros.init([channels], device),
        }
    }

    /// `B = V √λ` of the leading eigenvectors and eigenvalues of the covariance of the series, `b` their mean.
    pub(super) fn principal(self, series: &[ArrayView2<'_, f64>]) -> Self {
        let [channels, latent] = self.b.dims();
        let joined = ndarray::concatenate(Axis(0), series).unwrap_or_default();
        if latent > channels || joined.ncols() != channels || joined.nrows() < 2 {
            return self;
        }
        let mean = joined.mean_axis(Axis(0)).unwrap_or_default();
        let centred = &joined - &mean;
        let covariance = centred.t().dot(&centred) / joined.nrows() as f64;
        let covariance = DMatrix::from_fn(channels, channels, |i, j| covariance[[i, j]]);
        let eigen = covariance.symmetric_eigen();
        let mut order: Vec<usize> = (0..channels).collect();
        order.sort_by(|a, b| eigen.eigenvalues[*b].total_cmp(&eigen.eigenvalues[*a]));
        let column = |j: usize| {
            let k = order[j];
            eigen.eigenvectors.column(k) * eigen.eigenvalues[k].max(0.0).sqrt()
        };
        let b = DMatrix::from_columns(&(0..latent).map(column).collect::<Vec<_>>());
        let device = self.b.val().device();
        let offset = Tensor::from_data(TensorData::new(mean.to_vec(), [channels]), &device);
        Self { b: replaced(self.b, matrix(&b, &device)), offset: replaced(self.offset, offset) }
    }

    pub(super) fn forward(&self, z: Tensor<3>) -> Tensor<3> {
        product(z, self.b.val()) + self.offset.val().unsqueeze()
    }

    /// `B⁺ (x − b)`.
    pub(super) fn inverse(&self, x: Tensor<3>) -> Tensor<3> {
        product(x - self.offset.val().unsqueeze(), self.pseudo_inverse())
    }

    /// `B⁺`, differentiable: its value from the singular value decomposition on the host, its derivative
    /// `dB⁺ = −B⁺ dB B⁺ + (BᵀB)⁺ dBᵀ (I − B B⁺) + (I − B⁺B) dBᵀ (B Bᵀ)⁺` from products with constants.
    ///
    /// G. H. Golub, V. Pereyra, SIAM J. Numer. Anal. 10 (1973). The rank is taken to be constant.
    fn pseudo_inverse(&self) -> Tensor<2> {
        let b = self.b.val();
        let device = b.device();
        let host = to_host(b.clone());
        let (channels, latent) = host.shape();
        let inverse = pseudo_inverse(&host);
        let constant = |values: &DMatrix<f64>| matrix(values, &device);
        let p = constant(&inverse);
        let change = b.clone() - b.detach();
        let mut result = p.clone() - p.clone().matmul(change.clone()).matmul(p);
        if channels > latent {
            let outside = DMatrix::identity(channels, channels) - &host * &inverse;
            let square = &inverse * inverse.transpose();
            result = result + constant(&square).matmul(change.clone().transpose()).matmul(constant(&outside));
        }
        if latent > channels {
            let outside = DMatrix::identity(latent, latent) - &inverse * &host;
            let square = inverse.transpose() * &inverse;
            result = result + constant(&outside).matmul(change.transpose()).matmul(constant(&square));
        }
        result
    }

    /// `(1 − s₁/s_min)²` with the largest and the smallest singular value of `B`: exact, and with the exact derivative
    /// `ds = uᵀ dB v`, unless singular values coincide.
    pub(super) fn condition(&self) -> Tensor<1> {
        let b = self.b.val();
        let device = b.device();
        let svd = SVD::new(to_host(b.clone()), true, true);
        let (Some(u), Some(vt)) = (&svd.u, &svd.v_t) else { return Tensor::zeros([1], &device) };
        let value = |i: usize| (b.clone() * matrix(&(u.column(i) * vt.row(i)), &device)).sum();
        // Decreasing.
        let last = svd.singular_values.len() - 1;
        (value(0) / value(last)).neg().add_scalar(1.0).powi_scalar(2)
    }

    /// `B`, `b` and `B⁺`.
    pub(super) fn to_host(&self) -> (DMatrix<f64>, DVector<f64>, DMatrix<f64>) {
        let b = to_host(self.b.val());
        let inverse = pseudo_inverse(&b);
        (b, DVector::from_vec(read(self.offset.val())), inverse)
    }
}

/// The parameter with another value.
fn replaced<const D: usize>(parameter: Param<Tensor<D>>, value: Tensor<D>) -> Param<Tensor<D>> {
    let (id, _, mapper) = parameter.consume();
    Param::from_mapped_value(id, value.require_grad(), mapper)
}

fn pseudo_inverse(b: &DMatrix<f64>) -> DMatrix<f64> {
    let svd = SVD::new(b.clone(), true, true);
    let largest = svd.singular_values.max();
    // Fails only where u or vᵀ were not asked for.
    svd.pseudo_inverse(RANK * largest).unwrap_or_else(|_| DMatrix::zeros(b.ncols(), b.nrows()))
}

/// `x Wᵀ` for `x` of `[step, batch, entry]`.
fn product(x: Tensor<3>, w: Tensor<2>) -> Tensor<3> {
    let ([steps, batch, entries], [out, _]) = (x.dims(), w.dims());
    x.reshape([steps * batch, entries]).matmul(w.transpose()).reshape([steps, batch, out])
}
