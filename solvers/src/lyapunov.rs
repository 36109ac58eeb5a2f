//! Lyapunov exponents of flows and maps.

use nalgebra::{DMatrix, DMatrixView, DMatrixViewMut};
use ndarray::Array1;

use crate::control::Control;
use crate::field::{Jacobian, VectorField};
use crate::solve::{Outcome, SolveOptions, solve};
use crate::state::DenseState;
use crate::stepper::Stepper;
use crate::stepper::explicit_rk::{ExplicitRk, Tableau};
use crate::stepper::iterate::Iterate;

/// How exponents are measured; for a map every time is a number of steps.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LyapunovOptions {
    /// How many of the largest exponents; at most the dimension counts.
    pub count: usize,
    /// The time in which the orbit reaches its attractor and the tangent vectors their directions.
    pub transient: f64,
    /// The time measured after it.
    pub duration: f64,
    /// The time between two orthonormalisations: the growth `e^(λ₁ - λₖ) interval` has to stay far below 10¹⁶.
    pub interval: f64,
}

/// The exponents of one orbit.
#[derive(Clone, Debug, PartialEq)]
pub struct LyapunovSpectrum {
    /// `λ₁ ≥ λ₂ ≥ …` per unit of time, or per step of a map. A direction that is lost altogether has `−∞`.
    pub exponents: Vec<f64>,
    /// The times of the orthonormalisations, from the end of the transient.
    pub times: Vec<f64>,
    /// The estimates at these times, each as long as `exponents`.
    pub running: Vec<Vec<f64>>,
}

/// The exponents of a flow, `λᵢ = lim (1/t) log rᵢᵢ(t)`, with `r` the growth of an orthonormal frame `V` under the tangent
/// equation `V' = (∂f/∂y) V` and QR decompositions; state and frame move together in steps of `dt` of an explicit method.
///
/// ```
/// use flowmap_solvers::field::{Jacobian, VectorField};
/// use flowmap_solvers::lyapunov::{LyapunovOptions, flow_exponents};
/// use flowmap_solvers::stepper::explicit_rk::DOPRI8;
/// struct Decay;
/// impl VectorField<[f64; 1]> for Decay {
///     fn eval(&mut self, _t: f64, y: &[f64; 1], dy: &mut [f64; 1]) {
///         dy[0] = -3.0 * y[0];
///     }
/// }
/// impl Jacobian<[f64; 1]> for Decay {
///     fn jacobian(&mut self, _t: f64, _y: &[f64; 1], j: &mut nalgebra::DMatrix<f64>) {
///         j[(0, 0)] = -3.0;
///     }
/// }
/// let options = LyapunovOptions { count: 1, transient: 1.0, duration: 9.0, interval: 1.0 };
/// let spectrum = flow_exponents(Decay, &[1.0], &DOPRI8, 0.1, &options).expect("a decay stays finite");
/// assert!((spectrum.exponents[0] + 3.0).abs() < 1e-9);
/// ```
///
/// # Errors
/// How the orbit ended, if it or its frame did not stay finite.
///
/// G. Benettin, L. Galgani, A. Giorgilli, J.-M. Strelcyn, Meccanica 15 (1980) 9-30; J.-P. Eckmann, D. Ruelle, Rev. Mod.
/// Phys. 57 (1985) 617-656.
pub fn flow_exponents<Y: DenseState, F: Jacobian<Y>>(
    field: F,
    y0: &Y,
    tableau: &'static Tableau,
    dt: f64,
    options: &LyapunovOptions,
) -> Result<LyapunovSpectrum, Outcome> {
    let start = frame(y0.as_slice(), options.count);
    let field = Variational::new(field, y0);
    measure(&mut ExplicitRk::new(tableau, field, &start), start, y0.as_slice().len(), dt, options)
}

/// The exponents of a map `y ↦ F(y)` per step: as of a flow, with the frame `(∂F/∂y) V` after each step. The "field" writes
/// the next state, as for [`Iterate`].
///
/// # Errors
/// How the orbit ended, if it or its frame did not stay finite.
pub fn map_exponents<Y: DenseState, F: Jacobian<Y>>(
    map: F,
    y0: &Y,
    options: &LyapunovOptions,
) -> Result<LyapunovSpectrum, Outcome> {
    let start = frame(y0.as_slice(), options.count);
    let map = Variational::new(map, y0);
    let whole = LyapunovOptions { interval: options.interval.round().max(1.0), ..*options };
    measure(&mut Iterate::new(map), start, y0.as_slice().len(), 1.0, &whole)
}

/// The dimension that Kaplan and Yorke conjectured for the attractor with these exponents,
/// `D = j + (λ₁ + … + λⱼ) / |λⱼ₊₁|` with the largest `j` whose sum is not negative; the exponents may come in any order.
///
/// J. L. Kaplan, J. A. Yorke, Lecture Notes in Mathematics 730 (1979) 204-227.
pub fn kaplan_yorke_dimension(exponents: &[f64]) -> f64 {
    let mut sorted = exponents.to_vec();
    sorted.sort_by(|a, b| b.total_cmp(a));
    let mut sum = 0.0;
    for (j, exponent) in sorted.iter().enumerate() {
        if sum + exponent < 0.0 {
            return j as f64 + sum / exponent.abs();
        }
        sum += exponent;
    }
    sorted.len() as f64
}

/// State and frame in one vector: `n` entries of the state, then the columns of the frame.
fn frame(y0: &[f64], count: usize) -> Array1<f64> {
    let n = y0.len();
    // Directions in general position, so that none is orthogonal to what it shall find.
    let generic = (1..=n * count.min(n)).map(|i| (0.618_033_988_75 * (i * i) as f64).sin());
    let mut start = Array1::from_iter(y0.iter().copied().chain(generic));
    orthonormalise(&mut start.as_mut_slice()[n..], n, |_, _| {});
    start
}

/// The field `(f(t, y), (∂f/∂y) V)` of a state with its frame.
struct Variational<F, Y> {
    field: F,
    y: Y,
    dy: Y,
    jacobian: DMatrix<f64>,
}

impl<F, Y: DenseState> Variational<F, Y> {
    fn new(field: F, like: &Y) -> Self {
        let n = like.as_slice().len();
        Self { field, y: like.clone(), dy: like.zeros_like(), jacobian: DMatrix::zeros(n, n) }
    }
}

impl<F: Jacobian<Y>, Y: DenseState> VectorField<Array1<f64>> for Variational<F, Y> {
    fn eval(&mut self, t: f64, u: &Array1<f64>, du: &mut Array1<f64>) {
        let n = self.jacobian.nrows();
        let (y, frame) = DenseState::as_slice(u).split_at(n);
        let (dy, slope) = du.as_mut_slice().split_at_mut(n);
        self.y.as_mut_slice().copy_from_slice(y);
        self.field.eval(t, &self.y, &mut self.dy);
        dy.copy_from_slice(self.dy.as_slice());
        self.field.jacobian(t, &self.y, &mut self.jacobian);
        let columns = frame.len() / n;
        DMatrixViewMut::from_slice(slope, n, columns).gemm(
            1.0,
            &self.jacobian,
            &DMatrixView::from_slice(frame, n, columns),
            0.0,
        );
    }
}

/// Moves the frame through the transient and what is measured, and means the logarithms of its growth.
fn measure(
    stepper: &mut impl Stepper<Array1<f64>>,
    mut u: Array1<f64>,
    n: usize,
    dt: f64,
    options: &LyapunovOptions,
) -> Result<LyapunovSpectrum, Outcome> {
    let count = u.len() / n - 1;
    let mut growth = vec![0.0; count];
    let mut spectrum = LyapunovSpectrum { exponents: Vec::new(), times: Vec::new(), running: Vec::new() };
    let settle = (options.transient / options.interval).ceil() as usize;
    let measured = ((options.duration / options.interval).round() as usize).max(1);
    for i in 0..settle + measured {
        let t = i as f64 * options.interval;
        let mut along = SolveOptions::new(t, t + options.interval, Control::Fixed { dt });
        let solution = solve(stepper, &u, &mut along);
        match solution.ys.into_iter().next_back() {
            Some(end) if solution.outcome.is_success() => u = end,
            _ => return Err(solution.outcome),
        }
        orthonormalise(&mut u.as_mut_slice()[n..], n, |j, norm| {
            if i >= settle {
                growth[j] += norm.ln();
            }
        });
        if i >= settle {
            let time = (i + 1 - settle) as f64 * options.interval;
            spectrum.times.push(time);
            spectrum.running.push(growth.iter().map(|g| g / time).collect());
        }
    }
    spectrum.exponents = spectrum.running.last().cloned().unwrap_or_default();
    spectrum.exponents.sort_by(|a, b| b.total_cmp(a));
    Ok(spectrum)
}

/// Makes the columns orthonormal in their order, telling for each the part of its length that is new.
fn orthonormalise(columns: &mut [f64], n: usize, mut norm_of: impl FnMut(usize, f64)) {
    for j in 0..columns.len() / n {
        let (before, rest) = columns.split_at_mut(j * n);
        let column = &mut rest[..n];
        // Twice is enough: the second pass removes what rounding left of the first.
        for _ in 0..2 {
            for other in before.chunks(n) {
                let dot: f64 = other.iter().zip(&*column).map(|(a, b)| a * b).sum();
                other.iter().zip(&mut *column).for_each(|(a, b)| *b -= dot * a);
            }
        }
        let norm = column.iter().map(|c| c * c).sum::<f64>().sqrt();
        norm_of(j, norm);
        if norm > 0.0 {
            column.iter_mut().for_each(|c| *c /= norm);
        }
    }
}
