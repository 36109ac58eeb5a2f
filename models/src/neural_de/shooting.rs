//! Parameters and starts that fit trajectories best: Gauss-Newton with exact sensitivities.

use nalgebra::{DMatrix, DVector};
use ndarray::{Array2, ArrayView2};
use rayon::prelude::*;

use super::Parametric;

/// Damping at the start, and the factors by which it grows and falls.
const DAMPING: (f64, f64, f64) = (1e-2, 4.0, 0.3);
/// The relative decrease of the cost below which a fit has converged, and steps in a row that must be so.
const CONVERGED: (f64, usize) = (1e-7, 3);

/// The least squares of trajectories: `min Σ |(y(tᵢ; θ, y₀) − xᵢ) / σ|² + decay |θ|²` over `θ` and the starts `y₀` of all.
///
/// `y` moves by the classical Runge-Kutta method, whose steps are differentiated exactly with it. K. Levenberg (1944),
/// D. W. Marquardt, SIAM J. Appl. Math. 11 (1963) 431.
#[derive(Clone, Debug)]
pub struct Shooting<'a> {
    /// The trajectories, each `[time, channel]`.
    pub series: Vec<ArrayView2<'a, f64>>,
    /// The standard deviation of the noise on each channel, or what an error counts in.
    pub scale: Vec<f64>,
    /// Time between two samples.
    pub dt: f64,
    /// Steps between two samples.
    pub substeps: usize,
    /// The penalty on the squares of the parameters.
    pub decay: f64,
}

/// What a fit has found.
#[derive(Clone, Debug)]
pub struct Fitted {
    /// The trajectories from the fitted starts, each `[time, channel]`.
    pub trajectories: Vec<Array2<f64>>,
    /// The root of the mean square of the residuals, in units of the scale.
    pub residual: f64,
    /// Steps taken.
    pub steps: usize,
}

impl Shooting<'_> {
    /// Fits the equations, from the parameters that they have and the first samples.
    ///
    /// `on_step` is told the steps so far and the residual; `false` stops where it is.
    pub fn fit(
        &self,
        equations: &mut (impl Parametric + Clone + Send + Sync),
        steps: usize,
        mut on_step: impl FnMut(usize, f64) -> bool,
    ) -> Fitted {
        let mut starts: Vec<Vec<f64>> = self.series.iter().map(|s| s.row(0).to_vec()).collect();
        let mut theta = equations.parameters();
        let (p, n) = (theta.len(), equations.dim());
        let mut cost = self.cost(equations, &starts);
        let (mut damping, mut quiet, mut taken) = (DAMPING.0, 0, 0);
        while taken < steps && quiet < CONVERGED.1 && on_step(taken, self.root(cost, &theta)) {
            let (normal, gradient) = self.normal(equations, &starts, &theta);
            taken += 1;
            let mut better = None;
            for _ in 0..12 {
                let mut damped = normal.clone();
                for i in 0..damped.nrows() {
                    damped[(i, i)] += damping * damped[(i, i)].max(1e-9);
                }
                let moved = damped.cholesky().map(|c| c.solve(&gradient)).map(|step| {
                    let next: Vec<f64> = theta.iter().zip(step.iter()).map(|(t, s)| t - s).collect();
                    let entries = starts.iter().enumerate().map(|(i, y)| {
                        let step = step.rows(p + i * n, n);
                        y.iter().zip(step.iter()).map(|(y, s)| y - s).collect::<Vec<f64>>()
                    });
                    (next, entries.collect::<Vec<_>>())
                });
                if let Some((next, entries)) = moved {
                    let mut candidate = equations.clone();
                    candidate.set(&next);
                    let found = self.cost(&candidate, &entries);
                    if found < cost {
                        better = Some((next, entries, found));
                        break;
                    }
                }
                damping *= DAMPING.1;
            }
            let Some((next, entries, found)) = better else { break };
            quiet = if (cost - found) < CONVERGED.0 * cost { quiet + 1 } else { 0 };
            (theta, starts, cost) = (next, entries, found);
            equations.set(&theta);
            damping = (damping * DAMPING.2).max(1e-12);
        }
        let run =
            |(start, series): (&Vec<f64>, &ArrayView2<'_, f64>)| self.run(equations, start, series.nrows());
        let trajectories = starts.iter().zip(&self.series).map(run).collect();
        Fitted { trajectories, residual: self.root(cost, &theta), steps: taken }
    }

    /// The root mean square of the residuals alone.
    fn root(&self, cost: f64, theta: &[f64]) -> f64 {
        let penalty = self.decay * theta.iter().map(|t| t * t).sum::<f64>();
        let count = self.series.iter().map(|s| s.len()).sum::<usize>().max(1);
        ((cost - penalty).max(0.0) / count as f64).sqrt()
    }

    fn cost(&self, equations: &(impl Parametric + Sync), starts: &[Vec<f64>]) -> f64 {
        let errors = starts.iter().zip(&self.series).map(|(start, series)| {
            let run = self.run(equations, start, series.nrows());
            let of_row = |(y, x): (ndarray::ArrayView1<'_, f64>, ndarray::ArrayView1<'_, f64>)| {
                y.iter().zip(x).zip(&self.scale).map(|((y, x), s)| ((y - x) / s).powi(2)).sum::<f64>()
            };
            run.rows().into_iter().zip(series.rows()).map(of_row).sum::<f64>()
        });
        let penalty = self.decay * equations.parameters().iter().map(|t| t * t).sum::<f64>();
        let cost = errors.sum::<f64>() + penalty;
        if cost.is_finite() { cost } else { f64::INFINITY }
    }

    /// A trajectory `[time, channel]`.
    fn run(&self, equations: &impl Parametric, start: &[f64], samples: usize) -> Array2<f64> {
        let n = start.len();
        let mut out = Array2::zeros((samples, n));
        let mut y = start.to_vec();
        let h = self.dt / self.substeps as f64;
        let (mut k, mut at) = (vec![vec![0.0; n]; 4], vec![0.0; n]);
        for (i, mut row) in out.rows_mut().into_iter().enumerate() {
            for _ in 0..if i == 0 { 0 } else { self.substeps } {
                for s in 0..4 {
                    let c = [0.0, 0.5, 0.5, 1.0][s] * h;
                    (0..n).for_each(|j| at[j] = y[j] + if s > 0 { c * k[s - 1][j] } else { 0.0 });
                    equations.slope(&at, &mut k[s]);
                }
                (0..n).for_each(|j| y[j] += h / 6.0 * (k[0][j] + 2.0 * k[1][j] + 2.0 * k[2][j] + k[3][j]));
            }
            row.iter_mut().zip(&y).for_each(|(r, y)| *r = *y);
        }
        out
    }

    /// `JᵀJ + decay` and `Jᵀr + decay θ`, the parameters first, then the starts.
    fn normal(
        &self,
        equations: &(impl Parametric + Sync),
        starts: &[Vec<f64>],
        theta: &[f64],
    ) -> (DMatrix<f64>, DVector<f64>) {
        let (p, n) = (theta.len(), equations.dim());
        let parts: Vec<_> = starts
            .par_iter()
            .zip(&self.series)
            .map(|(start, series)| self.normal_of(equations, start, series.view(), p))
            .collect();
        let size = p + n * starts.len();
        let (mut normal, mut gradient) = (DMatrix::zeros(size, size), DVector::zeros(size));
        for (i, (a, g)) in parts.into_iter().enumerate() {
            let place = |k: usize| if k < p { k } else { k + i * n };
            for column in 0..p + n {
                gradient[place(column)] += g[column];
                for row in 0..p + n {
                    normal[(place(row), place(column))] += a[(row, column)];
                }
            }
        }
        for k in 0..p {
            normal[(k, k)] += self.decay;
            gradient[k] += self.decay * theta[k];
        }
        (normal, gradient)
    }

    /// The part of one trajectory, its own start last.
    fn normal_of(
        &self,
        equations: &impl Parametric,
        start: &[f64],
        series: ArrayView2<'_, f64>,
        p: usize,
    ) -> (DMatrix<f64>, DVector<f64>) {
        let n = start.len();
        let h = self.dt / self.substeps as f64;
        let mut y = DVector::from_column_slice(start);
        // ∂y/∂θ, then ∂y/∂y₀.
        let mut s = DMatrix::zeros(n, p + n);
        (0..n).for_each(|i| s[(i, p + i)] = 1.0);
        let (mut by_state, mut by_parameter) = (DMatrix::zeros(n, n), DMatrix::zeros(n, p));
        let (mut k, mut ks) = (vec![DVector::zeros(n); 4], vec![DMatrix::zeros(n, p + n); 4]);
        let (mut a, mut g) = (DMatrix::zeros(p + n, p + n), DVector::zeros(p + n));
        for (i, x) in series.rows().into_iter().enumerate() {
            for _ in 0..if i == 0 { 0 } else { self.substeps } {
                for stage in 0..4 {
                    let c = [0.0, 0.5, 0.5, 1.0][stage] * h;
                    let (mut at, mut dat) = (y.clone(), s.clone());
                    if stage > 0 {
                        at.axpy(c, &k[stage - 1], 1.0);
                        dat.zip_apply(&ks[stage - 1], |d, k| *d += c * k);
                    }
                    equations.slope(at.as_slice(), k[stage].as_mut_slice());
                    equations.derivatives(at.as_slice(), &mut by_state, &mut by_parameter);
                    ks[stage].gemm(1.0, &by_state, &dat, 0.0);
                    let mut direct = ks[stage].columns_mut(0, p);
                    direct += &by_parameter;
                }
                for (stage, w) in [1.0, 2.0, 2.0, 1.0].into_iter().enumerate() {
                    y.axpy(h / 6.0 * w, &k[stage], 1.0);
                    s.zip_apply(&ks[stage], |d, k| *d += h / 6.0 * w * k);
                }
            }
            for j in 0..n {
                let row = s.row(j).transpose() / self.scale[j];
                let r = (y[j] - x[j]) / self.scale[j];
                a.ger(1.0, &row, &row, 1.0);
                g.axpy(r, &row, 1.0);
            }
        }
        (a, g)
    }
}
