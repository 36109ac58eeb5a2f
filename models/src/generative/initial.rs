//! A normal law of starts.

use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor};

/// How much faster than other weights these move: a start may be much narrower than the states later on, and its spread is learned on a
/// logarithmic scale.
const PACE: f64 = 4.0;

/// `z = m + P⁻¹ v` with normal `v` and a lower triangular `P = diag(eᵈ) (1 + N)`: a normal law with any covariance.
#[derive(Module, Debug)]
pub(super) struct Initial {
    /// `m`, `[1, entry]`.
    mean: Param<Tensor<2>>,
    /// `d`, `[1, entry]`.
    narrowing: Param<Tensor<2>>,
    /// `N`, below its diagonal, `[entry, entry]`.
    mixing: Param<Tensor<2>>,
}

impl Initial {
    /// The standard normal law.
    pub(super) fn standard(entries: usize, device: &Device) -> Self {
        let zeros = |rows: usize| Param::from_tensor(Tensor::zeros([rows, entries], device));
        Self { mean: zeros(1), narrowing: zeros(1), mixing: zeros(entries) }
    }

    /// States `[row, entry]` from normal numbers.
    pub(super) fn place(&self, v: Tensor<2>) -> Tensor<2> {
        let [_, entries] = v.dims();
        let narrow = v * self.narrowing.val().mul_scalar(-PACE).exp();
        let mixing = self.mixing.val().mul_scalar(PACE);
        let mut found: Vec<Tensor<2>> = Vec::with_capacity(entries);
        for i in 0..entries {
            let mut entry = narrow.clone().narrow(1, i, 1);
            for (j, known) in found.iter().enumerate() {
                entry = entry - known.clone() * mixing.clone().narrow(0, i, 1).narrow(1, j, 1);
            }
            found.push(entry);
        }
        Tensor::cat(found, 1) + self.mean.val().mul_scalar(PACE)
    }

    /// The divergences `[row, 1]` of normal laws of independent entries, of mean and logarithmic deviation `[row, entry]`, from this one.
    pub(super) fn divergence(&self, mean: Tensor<2>, log_std: Tensor<2>) -> Tensor<2> {
        let [_, entries] = mean.dims();
        let device = &mean.device();
        let narrowing = self.narrowing.val().mul_scalar(PACE);
        let below = Tensor::<2>::ones([entries, entries], device).tril(-1);
        let mix = self.mixing.val().mul_scalar(PACE) * below + Tensor::eye(entries, device);
        let p = mix * narrowing.clone().exp().transpose();
        let apart = (mean - self.mean.val().mul_scalar(PACE)).matmul(p.clone().transpose());
        let spread = log_std.clone().mul_scalar(2.0).exp().matmul(p.powi_scalar(2).sum_dim(0).transpose());
        let squares = spread + apart.powi_scalar(2).sum_dim(1);
        squares.sub_scalar(entries as f64).mul_scalar(0.5) - (log_std + narrowing).sum_dim(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Against the closed form of two normal laws, with `Σ = (P ᵀP)⁻¹` by hand.
    #[test]
    fn the_divergence_is_that_of_normal_laws_and_starts_have_their_covariance() {
        let device = Device::flex();
        let row = |values: [f32; 2]| Tensor::<2>::from_data([values], &device);
        let initial = Initial {
            mean: Param::from_tensor(row([0.1, -0.05])),
            narrowing: Param::from_tensor(row([0.2, -0.1])),
            mixing: Param::from_tensor(Tensor::from_data([[7.0, 7.0], [0.15, 7.0]], &device)),
        };
        let (a, b, n) = (0.8_f64.exp(), (-0.4_f64).exp(), 0.6);
        // P = [[a, 0], [b n, b]], so P⁻¹ = [[1/a, 0], [−n/a, 1/b]].
        let covariance = [[1.0 / (a * a), -n / (a * a)], [-n / (a * a), n * n / (a * a) + 1.0 / (b * b)]];
        let read = |x: Tensor<2>| x.into_data().convert::<f64>().try_to_vec::<f64>().unwrap_or_default();
        let columns = [read(initial.place(row([1.0, 0.0]))), read(initial.place(row([0.0, 1.0])))];
        let mean = [0.4, -0.2];
        for i in 0..2 {
            for j in 0..2 {
                let found: f64 = columns.iter().map(|c| (c[i] - mean[i]) * (c[j] - mean[j])).sum();
                assert!((found - covariance[i][j]).abs() < 1e-5, "{i} {j}: {found}");
            }
        }
        let (m, log_std) = ([0.3, 0.5], [-0.7, 0.2_f64]);
        let found = read(initial.divergence(row([0.3, 0.5]), row([-0.7, 0.2])))[0];
        let determinant = covariance[0][0] * covariance[1][1] - covariance[0][1] * covariance[1][0];
        let precision = [
            [covariance[1][1] / determinant, -covariance[0][1] / determinant],
            [-covariance[1][0] / determinant, covariance[0][0] / determinant],
        ];
        let d = [m[0] - mean[0], m[1] - mean[1]];
        let mut exact = -2.0 + determinant.ln() - 2.0 * (log_std[0] + log_std[1]);
        for i in 0..2 {
            exact += precision[i][i] * (2.0 * log_std[i]).exp();
            exact += (0..2).map(|j| d[i] * precision[i][j] * d[j]).sum::<f64>();
        }
        assert!((found - 0.5 * exact).abs() < 1e-5, "{found} {}", 0.5 * exact);
    }
}
