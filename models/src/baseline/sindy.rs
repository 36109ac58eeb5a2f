//! Sparse identification of nonlinear dynamics: an equation of few terms.

use flowmap_solvers::control::Control;
use flowmap_solvers::field::from_fn;
use flowmap_solvers::issue::{Check, Validate};
use flowmap_solvers::solve::{SolveOptions, solve};
use flowmap_solvers::stepper::explicit_rk::{ExplicitRk, RK4};
use nalgebra::DMatrix;
use ndarray::{Array1, Array2, ArrayView1, ArrayView2};
use serde::{Deserialize, Serialize};

use super::library::Term;
use super::ridge::Normal;
use super::selection::Scaled;
use super::smoothing::{convolve, half_width, test_function};
use super::{Baseline, FitError, Fitted, Fitting, Samples};
use crate::state_space::StateSpaceModel;

/// `x' = Ξᵀ θ(x)` with a library `θ` of monomials, and of sines and cosines if wanted.
///
/// Both sides are averaged with a test function `φ`, `−Σ φ' x = Σ φ Ξᵀ θ(x)`, so that no derivative is taken of noise. Its
/// width grows with the noise found in the series. Noise of 5 % is survived where samples are fine enough for a window to
/// average over it (Lorenz' equations at steps of 0.01 and 0.02); noise of 10 % adds terms that are not there. What noise
/// does to the mean of a nonlinear term is not corrected.
/// Columns are normalised. Least squares drop, one at a time, the term that explains least: the share of `x'` (root mean
/// square) that is lost with it; until every term is worth `threshold`. Unlike a threshold on coefficients this does not
/// take columns that nearly cancel each other for large. Then single terms are exchanged as long as that explains more.
///
/// S. L. Brunton, J. L. Proctor, J. N. Kutz, PNAS 113 (2016) 3932-3937; L. Boninsegna, F. Nüske, C. Clementi, J. Chem. Phys.
/// 148 (2018) 241723.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SindyConfig {
    /// The degree of the monomials.
    pub degree: usize,
    /// Whether the library has the sine and the cosine of every variable.
    pub waves: bool,
    /// The least share of a derivative that a term must explain.
    pub threshold: f64,
    /// The ridge, relative to columns of size one.
    pub ridge: f64,
    /// Samples on either side of a test function's centre; zero chooses them by the noise.
    pub half_width: usize,
    /// Steps of the classical Runge-Kutta method between two samples.
    pub substeps: usize,
}

impl Default for SindyConfig {
    fn default() -> Self {
        Self { degree: 3, waves: false, threshold: 0.02, ridge: 1e-10, half_width: 0, substeps: 4 }
    }
}

impl Validate for SindyConfig {
    fn validate(&self, mut check: Check<'_>) {
        check.within("degree", self.degree, 1, 5);
        check.within("threshold", self.threshold, 0.0, 1.0);
        check.non_negative("ridge", self.ridge);
        let window = self.half_width == 0 || self.half_width >= 4;
        check.require(
            window,
            "half_width",
            "too few samples for sums to be integrals",
            "give 0 or at least 4",
        );
        check.within("substeps", self.substeps, 1, 10_000);
    }
}

/// The model of [`SindyConfig`]. Its state is the sample itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Sindy {
    /// The terms of each equation with their coefficients.
    pub equations: Vec<Vec<(Term, f64)>>,
    /// Time between two samples.
    pub dt: f64,
    /// Steps between two samples.
    pub substeps: usize,
}

impl SindyConfig {
    /// Identifies the equations, and the half width of the windows.
    ///
    /// # Errors
    /// If the series are shorter than a window, or the equations are singular.
    pub fn identify(&self, samples: &Samples<'_>) -> Result<(Sindy, usize), FitError> {
        let channels = samples.width();
        let library = Term::library(channels, self.degree, self.waves);
        samples.require(library.len() + 16, "the terms of the library")?;
        let longest = samples.train.iter().max_by_key(|s| s.nrows());
        let half = match (self.half_width, longest) {
            (0, Some(series)) => half_width(*series),
            (given, _) => given,
        };
        let [value, slope] = test_function(half);
        let mut normal = Normal::new(library.len(), channels);
        for series in &samples.train {
            let of = |row: ArrayView1<'_, f64>| {
                let x = row.to_vec();
                library.iter().map(|term| term.value(&x)).collect::<Vec<_>>()
            };
            let terms: Vec<f64> = series.rows().into_iter().flat_map(of).collect();
            let terms = ArrayView2::from_shape((series.nrows(), library.len()), &terms);
            let Ok(terms) = terms else { continue };
            for t in half..series.nrows().saturating_sub(half) {
                normal.push(|features, target| {
                    for (f, term) in features.iter_mut().zip(terms.columns()) {
                        *f = convolve(term, &value, t);
                    }
                    for (y, x) in target.iter_mut().zip(series.columns()) {
                        *y = convolve(x, &slope, t) / samples.dt;
                    }
                });
            }
        }
        normal.flush();
        let needed = 2 * half + library.len() + 1;
        if normal.rows < library.len() {
            return Err(FitError::TooShort { have: normal.rows + 2 * half, needed, why: "half_width" });
        }
        let equations =
            (0..channels).map(|c| self.equation(&normal, c, &library)).collect::<Result<_, _>>()?;
        Ok((Sindy { equations, dt: samples.dt, substeps: self.substeps }, half))
    }

    /// One equation: drops terms until each is worth its place, then exchanges single ones as long as that explains more.
    fn equation(
        &self,
        normal: &Normal,
        channel: usize,
        library: &[Term],
    ) -> Result<Vec<(Term, f64)>, FitError> {
        choose(&Scaled::new(normal, channel, self.ridge), library, self.threshold)
    }
}

/// The terms that are left when each is worth the threshold, and no single exchange explains more.
pub(super) fn choose(
    scaled: &Scaled,
    library: &[Term],
    threshold: f64,
) -> Result<Vec<(Term, f64)>, FitError> {
    let mut active: Vec<usize> = (0..library.len()).collect();
    loop {
        let fit = scaled.solve(&active).ok_or(FitError::Singular("ridge"))?;
        let least = (0..active.len()).min_by(|a, b| fit.worth[*a].total_cmp(&fit.worth[*b]));
        match least {
            Some(least) if fit.worth[least] < threshold => active.remove(least),
            _ => break,
        };
    }
    scaled.exchange(&mut active);
    let fit = scaled.solve(&active).ok_or(FitError::Singular("ridge"))?;
    let terms = active.iter().zip(&fit.weights);
    Ok(terms.map(|(j, w)| (library[*j].clone(), w * scaled.target / scaled.size[*j])).collect())
}

impl Baseline for SindyConfig {
    fn fit(&self, samples: &Samples<'_>, _: &mut Fitting<'_>) -> Result<Fitted, FitError> {
        let (model, half) = self.identify(samples)?;
        let mut notes = vec![format!("SINDy: weak form with windows of {} samples.", 2 * half + 1)];
        notes.extend(model.text(samples.channels));
        let parameters = model.equations.iter().map(Vec::len).sum();
        Ok(Fitted { parameters, model: Box::new(model), notes })
    }
}

impl Sindy {
    /// The equations to read, such as `x' = -9.98 x + 9.97 y`.
    pub fn text(&self, channels: &[String]) -> Vec<String> {
        let line = |(channel, terms): (&String, &Vec<(Term, f64)>)| {
            let mut text = format!("{channel}' =");
            for (i, (term, c)) in terms.iter().enumerate() {
                let sign = match (i, *c < 0.0) {
                    (0, false) => " ",
                    (0, true) => " -",
                    (_, false) => " + ",
                    (_, true) => " - ",
                };
                let number = significant(c.abs());
                text.push_str(format!("{sign}{number} {}", term.name(channels)).trim_end());
            }
            if terms.is_empty() { text + " 0" } else { text }
        };
        channels.iter().zip(&self.equations).map(line).collect()
    }

    fn slope(&self, x: &[f64], dx: &mut [f64]) {
        for (dx, terms) in dx.iter_mut().zip(&self.equations) {
            *dx = terms.iter().map(|(term, c)| c * term.value(x)).sum();
        }
    }

    /// Moves a state over one sample; not a number where it diverges.
    fn flow(&self, y0: Array1<f64>, mut slope: impl FnMut(&[f64], &mut [f64])) -> Array1<f64> {
        let field = from_fn(move |_t, y: &Array1<f64>, dy: &mut Array1<f64>| {
            if let (Some(y), Some(dy)) = (y.as_slice(), dy.as_slice_mut()) {
                slope(y, dy);
            }
        });
        let mut stepper = ExplicitRk::new(&RK4, field, &y0);
        let control = Control::Fixed { dt: self.dt / self.substeps as f64 };
        let mut solution = solve(&mut stepper, &y0, &mut SolveOptions::new(0.0, self.dt, control));
        match solution.ys.pop() {
            Some(end) if solution.outcome.is_success() => end,
            _ => Array1::from_elem(y0.len(), f64::NAN),
        }
    }
}

/// Four significant digits.
fn significant(v: f64) -> String {
    if v == 0.0 || !(1e-3..1e5).contains(&v) {
        return format!("{v:.3e}");
    }
    let decimals = (3 - v.log10().floor() as i32).max(0) as usize;
    format!("{v:.decimals$}")
}

impl StateSpaceModel for Sindy {
    fn state_size(&self) -> usize {
        self.equations.len()
    }

    fn channels(&self) -> usize {
        self.equations.len()
    }

    fn filter(&self, series: ArrayView2<'_, f64>) -> Array2<f64> {
        series.to_owned()
    }

    fn observe(&self, z: &[f64], x: &mut [f64]) {
        x.copy_from_slice(z);
    }

    fn next(&self, z: &[f64], next: &mut [f64]) {
        let end = self.flow(Array1::from(z.to_vec()), |x, dx| self.slope(x, dx));
        next.iter_mut().zip(&end).for_each(|(n, e)| *n = *e);
    }

    /// The derivative of the steps themselves, by the variational equation `M' = ∂f/∂x M` in the same method.
    fn jacobian(&self, z: &[f64], j: &mut DMatrix<f64>) {
        let n = z.len();
        let mut start = vec![0.0; n + n * n];
        start[..n].copy_from_slice(z);
        (0..n).for_each(|i| start[n + i * n + i] = 1.0);
        let mut partial = vec![0.0; n];
        let end = self.flow(Array1::from(start), |y, dy| {
            let (x, m) = y.split_at(n);
            let (dx, dm) = dy.split_at_mut(n);
            self.slope(x, dx);
            for (i, terms) in self.equations.iter().enumerate() {
                for (k, p) in partial.iter_mut().enumerate() {
                    *p = terms.iter().map(|(term, c)| c * term.derivative(x, k)).sum();
                }
                for column in 0..n {
                    dm[i * n + column] = (0..n).map(|k| partial[k] * m[k * n + column]).sum();
                }
            }
        });
        for i in 0..n {
            for k in 0..n {
                j[(i, k)] = end[n + i * n + k];
            }
        }
    }
}
