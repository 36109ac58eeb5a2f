//! Mean, anomalies, inflation, rotation, and the transform of the square-root filters.

use nalgebra::{DMatrix, DVector};
use rand::{Rng, RngExt};
use rand_distr::StandardNormal;

/// The mean over the columns, and the columns less it.
pub fn centred(ensemble: &DMatrix<f64>) -> (DVector<f64>, DMatrix<f64>) {
    let mean = ensemble.column_mean();
    let mut anomalies = ensemble.clone();
    anomalies.column_iter_mut().for_each(|mut c| c -= &mean);
    (mean, anomalies)
}

/// The root mean square deviation of the members from their mean, unbiased, over all entries.
pub fn spread(ensemble: &DMatrix<f64>) -> f64 {
    let (_, anomalies) = centred(ensemble);
    let freedom = (ensemble.ncols().max(2) - 1) * ensemble.nrows().max(1);
    (anomalies.norm_squared() / freedom as f64).sqrt()
}

/// Stretches the anomalies by `factor`.
pub fn inflate(ensemble: &mut DMatrix<f64>, factor: f64) {
    if factor != 1.0 {
        let mean = ensemble.column_mean();
        ensemble.column_iter_mut().for_each(|mut c| {
            let stretched = &mean + (&c - &mean) * factor;
            c.copy_from(&stretched);
        });
    }
}

/// Turns the anomalies by a random orthogonal matrix that keeps mean and covariance (P. Sakov, P. R. Oke, Monthly Weather
/// Review 136 (2008) 1042): members that a symmetric square root leaves peculiar are mixed.
pub fn rotate(ensemble: &mut DMatrix<f64>, rng: &mut dyn Rng) {
    let n = ensemble.ncols();
    if n < 3 {
        return;
    }
    let normal = |rows: usize, columns: usize, rng: &mut dyn Rng| {
        DMatrix::from_fn(rows, columns, |_, _| rng.sample::<f64, _>(StandardNormal))
    };
    // A basis whose first direction is the mean's.
    let mut basis = normal(n, n, rng);
    basis.column_mut(0).fill(1.0);
    let basis = basis.qr().q();
    let (q, r) = normal(n - 1, n - 1, rng).qr().unpack();
    // Signs that make the distribution uniform (F. Mezzadri, Notices AMS 54 (2007) 592).
    let signs = r.diagonal().map(f64::signum);
    let mut inner = DMatrix::identity(n, n);
    for j in 0..n - 1 {
        for i in 0..n - 1 {
            inner[(i + 1, j + 1)] = q[(i, j)] * signs[j];
        }
    }
    let turn = &basis * inner * basis.transpose();
    let (mean, anomalies) = centred(ensemble);
    *ensemble = anomalies * turn;
    ensemble.column_iter_mut().for_each(|mut c| c += &mean);
}

/// The weights of the mean and the symmetric square root of the ensemble transform, of the observed anomalies `Y` and the
/// innovation `d`, both scaled by the observations' deviations:
/// `P = ((N − 1) I + YᵀY)⁻¹`, `w = P Yᵀ d`, `T = ((N − 1) P)^½`.
pub fn transform(innovation: &DVector<f64>, observed: &DMatrix<f64>) -> (DVector<f64>, DMatrix<f64>) {
    let n = observed.ncols();
    let freedom = (n - 1) as f64;
    let mut hessian = observed.transpose() * observed;
    (0..n).for_each(|i| hessian[(i, i)] += freedom);
    let eigen = hessian.symmetric_eigen();
    let v = &eigen.eigenvectors;
    let projected = v.transpose() * (observed.transpose() * innovation);
    let weights = v * projected.component_div(&eigen.eigenvalues);
    let mut scaled = v.clone();
    for (mut column, value) in scaled.column_iter_mut().zip(eigen.eigenvalues.iter()) {
        column *= (freedom / value).sqrt();
    }
    (weights, scaled * v.transpose())
}

/// Writes `x̄ 1ᵀ + A (w 1ᵀ + T)`.
pub fn recombine(
    ensemble: &mut DMatrix<f64>,
    mean: &DVector<f64>,
    anomalies: &DMatrix<f64>,
    weights: &DVector<f64>,
    mut transform: DMatrix<f64>,
) {
    transform.column_iter_mut().for_each(|mut c| c += weights);
    ensemble.gemm(1.0, anomalies, &transform, 0.0);
    ensemble.column_iter_mut().for_each(|mut c| c += mean);
}
