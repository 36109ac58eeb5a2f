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

/// `YᵀY + (N − 1) I` of observed anomalies `Y` of `N` members, scaled by the observations' deviations.
pub fn hessian(observed: &DMatrix<f64>) -> DMatrix<f64> {
    let n = observed.ncols();
    let mut hessian = observed.transpose() * observed;
    (0..n).for_each(|i| hessian[(i, i)] += (n - 1) as f64);
    hessian
}

/// What the observations say in the space of the members: `YᵀY = V diag(s²) Vᵀ`, and the innovation as `Vᵀ Yᵀ d`, both of
/// anomalies and innovation scaled by the observations' deviations.
#[derive(Clone, Debug)]
pub struct Spectrum {
    /// `s²`, one for each member.
    pub squares: DVector<f64>,
    /// `V`.
    pub vectors: DMatrix<f64>,
    /// `Vᵀ Yᵀ d`.
    pub innovation: DVector<f64>,
}

impl Spectrum {
    /// Of an innovation and observed anomalies.
    pub fn of(innovation: &DVector<f64>, observed: &DMatrix<f64>) -> Self {
        let eigen = (observed.transpose() * observed).symmetric_eigen();
        let innovation = eigen.eigenvectors.tr_mul(&observed.tr_mul(innovation));
        Self { squares: eigen.eigenvalues, vectors: eigen.eigenvectors, innovation }
    }

    /// The weights of the mean and the symmetric square root of the ensemble transform, of anomalies stretched by
    /// `inflation` before: `P = ((N − 1) I + YᵀY)⁻¹`, `w = P Yᵀ d`, `T = ((N − 1) P)^½`.
    pub fn transform(&self, inflation: f64) -> (DVector<f64>, DMatrix<f64>) {
        let freedom = (self.squares.len() - 1) as f64;
        let values = self.squares.map(|s2| freedom + s2.max(0.0) * inflation * inflation);
        let v = &self.vectors;
        let weights = v * (&self.innovation * inflation).component_div(&values);
        let mut scaled = v.clone();
        for (mut column, value) in scaled.column_iter_mut().zip(values.iter()) {
            column *= (freedom / value).sqrt();
        }
        (weights, scaled * v.transpose())
    }
}

/// The weights and the square root of [`Spectrum::transform`] without inflation.
pub fn transform(innovation: &DVector<f64>, observed: &DMatrix<f64>) -> (DVector<f64>, DMatrix<f64>) {
    Spectrum::of(innovation, observed).transform(1.0)
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
