//! Points and their densities carried along a velocity field.

use std::f64::consts::TAU;

use burn::tensor::Tensor;
use flowmap_solvers::config::SolverConfig;
use flowmap_solvers::field::VectorField;
use flowmap_solvers::solve::{Outcome, SolveOptions, Statistics, solve};
use flowmap_solvers::state::State;

/// A velocity field `v(t, x)` of points `[row, coordinate]`.
pub trait Velocity {
    /// `v` at the points, all at one time.
    fn velocity(&self, t: f64, x: Tensor<2>) -> Tensor<2>;

    /// `v`, and its directional derivatives `(∂v/∂x) d` along each of the directions `[row, coordinate]`.
    fn along(&self, t: f64, x: Tensor<2>, directions: Vec<Tensor<2>>) -> (Tensor<2>, Vec<Tensor<2>>);
}

/// How the trace of `∂v/∂x` is had.
#[derive(Clone, Debug)]
#[allow(clippy::large_enum_variant, reason = "there is one of it in a solve")]
pub enum Trace {
    /// The sum over all coordinates: one directional derivative each.
    Exact,
    /// `εᵀ (∂v/∂x) ε` with one direction `[row, coordinate]` of independent signs for the whole solve: right in the mean.
    ///
    /// M. F. Hutchinson, Comm. Statistics - Simulation 18 (1989) 1059-1076; W. Grathwohl et al., "FFJORD", ICLR 2019.
    Probe(Tensor<2>),
}

impl Trace {
    /// `v` and `tr ∂v/∂x`, `[row, 1]`.
    fn of<V: Velocity + ?Sized>(&self, velocity: &V, t: f64, x: Tensor<2>) -> (Tensor<2>, Tensor<2>) {
        match self {
            Self::Exact => {
                let [rows, coordinates] = x.dims();
                let device = x.device();
                let axis = |c: usize| {
                    let one = Tensor::<2>::ones([rows, 1], &device);
                    Tensor::zeros([rows, coordinates], &device).slice_assign([0..rows, c..c + 1], one)
                };
                let (v, derivatives) = velocity.along(t, x, (0..coordinates).map(axis).collect());
                let diagonal = derivatives.into_iter().enumerate().map(|(c, d)| d.narrow(1, c, 1));
                (v, diagonal.reduce(|sum, d| sum + d).unwrap_or_else(|| Tensor::zeros([rows, 1], &device)))
            }
            Self::Probe(direction) => {
                let (v, mut derivatives) = velocity.along(t, x, vec![direction.clone()]);
                let derivative = derivatives.remove(0);
                (v, (derivative * direction.clone()).sum_dim(1))
            }
        }
    }
}

/// Why a flow has no end.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum FlowError {
    /// The method is none for a plain vector field.
    #[error("'{0}' cannot follow a learned velocity: take euler, midpoint, rk4, dopri5 or tsit5")]
    Method(&'static str),
    /// The solve did not reach its end.
    #[error("{0}")]
    Unfinished(Outcome),
}

/// Where a flow has carried its points, and at what cost.
#[derive(Clone, Debug)]
pub struct Carried<Y> {
    /// The end.
    pub end: Y,
    /// Steps and evaluations.
    pub stats: Statistics,
}

/// Carries points `[row, coordinate]` from `span.0` to `span.1`, forwards or backwards.
///
/// # Errors
/// If the method does not fit, or the solve ends early.
pub fn carry<V: Velocity + ?Sized>(
    velocity: &V,
    x: &Tensor<2>,
    span: (f64, f64),
    method: &SolverConfig,
) -> Result<Carried<Tensor<2>>, FlowError> {
    run(Points(velocity), x, span, method)
}

/// `log p(x)`, `[row]`, of points `x` at `span.0`, carried back to `span.1` where the density is that of independent normal
/// coordinates with standard deviation `deviation`: the instantaneous change of variables
/// `d log p/dt = −tr ∂v/∂x` along the flow.
///
/// R. T. Q. Chen et al., "Neural Ordinary Differential Equations", NeurIPS 2018, theorem 1.
///
/// # Errors
/// If the method does not fit, or the solve ends early.
pub fn log_density<V: Velocity + ?Sized>(
    velocity: &V,
    x: &Tensor<2>,
    span: (f64, f64),
    deviation: f64,
    trace: &Trace,
    method: &SolverConfig,
) -> Result<Carried<Tensor<1>>, FlowError> {
    let [rows, coordinates] = x.dims();
    let start = (x.clone(), Tensor::zeros([rows, 1], &x.device()));
    let Carried { end: (base, change), stats } = run(Densities { velocity, trace }, &start, span, method)?;
    let square = base.powi_scalar(2).sum_dim(1).mul_scalar(0.5 / (deviation * deviation));
    let constant = 0.5 * coordinates as f64 * (TAU * deviation * deviation).ln();
    Ok(Carried { end: (square + change).neg().sub_scalar(constant).reshape([rows]), stats })
}

fn run<Y: State, F: VectorField<Y>>(
    field: F,
    start: &Y,
    (t0, t1): (f64, f64),
    method: &SolverConfig,
) -> Result<Carried<Y>, FlowError> {
    let mut stepper = method.explicit_stepper(field, start).ok_or(FlowError::Method(method.name()))?;
    let mut options = SolveOptions::new(t0, t1, method.control()).max_steps(method.max_steps());
    let mut solution = solve(&mut stepper, start, &mut options);
    match solution.ys.pop() {
        Some(end) if solution.outcome == Outcome::Reached => Ok(Carried { end, stats: solution.stats }),
        _ => Err(FlowError::Unfinished(solution.outcome)),
    }
}

/// Points along a velocity.
struct Points<'a, V: ?Sized>(&'a V);

impl<V: Velocity + ?Sized> VectorField<Tensor<2>> for Points<'_, V> {
    fn eval(&mut self, t: f64, x: &Tensor<2>, dx: &mut Tensor<2>) {
        *dx = self.0.velocity(t, x.clone());
    }
}

/// Points `[row, coordinate]` along a velocity, and the logarithm of the density that moves with them, `[row, 1]`.
struct Densities<'a, V: ?Sized> {
    velocity: &'a V,
    trace: &'a Trace,
}

impl<V: Velocity + ?Sized> VectorField<(Tensor<2>, Tensor<2>)> for Densities<'_, V> {
    fn eval(&mut self, t: f64, y: &(Tensor<2>, Tensor<2>), dy: &mut (Tensor<2>, Tensor<2>)) {
        let (v, trace) = self.trace.of(self.velocity, t, y.0.clone());
        *dy = (v, trace.neg());
    }
}
