//! What moves states in continuous time, learned or not, solved by the core in `f64`.

use std::sync::Arc;

use flowmap_datasets::problem::ode::{OdeField, OdeProblem};
use flowmap_models::fused::{FieldKind, HostField};
use flowmap_models::neural_de::{Equations, Parametric};
use flowmap_solvers::control::Control;
use flowmap_solvers::field::{VectorField, from_fn};
use flowmap_solvers::solve::{SaveAt, SolveOptions, solve};
use flowmap_solvers::stepper::Stepper;
use flowmap_solvers::stepper::explicit_rk::{DOPRI5, DOPRI8, ExplicitRk};
use flowmap_solvers::stepper::symplectic::{Symplectic, YOSHIDA4};
use ndarray::{Array1, Array2, s};

/// The relative tolerance of learned fields, and of the truth.
const TOLERANCE: (f64, f64) = (1e-7, 1e-11);
/// The most steps of a learned field.
const STEPS: u64 = 2_000_000;

/// A model or a baseline.
pub(super) enum Moving {
    /// A network, with entries beyond those observed, and the longest step of symplectic runs.
    Network { field: HostField, augmented: usize, step: f64 },
    /// Equations of few terms.
    Equations(Equations),
    /// The start, unchanged.
    Still,
    /// One state.
    Constant(Vec<f64>),
}

/// With what its learning has cost.
pub(super) struct Learned {
    pub(super) moving: Moving,
    pub(super) parameters: usize,
    pub(super) seconds: f64,
    pub(super) notes: Vec<String>,
}

impl Learned {
    /// What needs no learning.
    pub(super) fn of(moving: Moving) -> Self {
        Self { moving, parameters: 0, seconds: 0.0, notes: Vec::new() }
    }
}

impl Moving {
    /// The states `[time, channel]` at times from zero on; not numbers where the run does not get.
    pub(super) fn run(&self, y0: &[f64], times: &[f64]) -> Array2<f64> {
        match self {
            Self::Network { field, augmented, step } => {
                let start = [y0, &vec![0.0; *augmented]].concat();
                let all = if field.spec().kind == FieldKind::Separable {
                    symplectic(field.clone(), &start, times, *step)
                } else {
                    adaptive(field.clone(), &start, times)
                };
                all.slice(s![.., ..y0.len()]).to_owned()
            }
            Self::Equations(equations) => {
                let field = from_fn(|_t, y: &Array1<f64>, dy: &mut Array1<f64>| {
                    if let (Some(y), Some(dy)) = (y.as_slice(), dy.as_slice_mut()) {
                        equations.slope(y, dy);
                    }
                });
                adaptive(field, y0, times)
            }
            Self::Still => constant(y0, times.len()),
            Self::Constant(y) => {
                let mut out = constant(y, times.len());
                out.row_mut(0).iter_mut().zip(y0).for_each(|(o, y)| *o = *y);
                out
            }
        }
    }

    /// The slope of the observed entries, where the state is observed whole.
    pub(super) fn slope(&self, y: &[f64]) -> Option<Vec<f64>> {
        let mut dy = vec![0.0; y.len()];
        match self {
            Self::Network { field, augmented: 0, .. } => field.slope(y, &mut dy),
            Self::Equations(equations) => equations.slope(y, &mut dy),
            _ => return None,
        }
        Some(dy)
    }

    /// The weights of a network.
    pub(super) fn parameters(&self) -> Option<Vec<f64>> {
        match self {
            Self::Network { field, .. } => Some(field.parameters().to_vec()),
            Self::Equations(equations) => Some(equations.parameters()),
            _ => None,
        }
    }
}

/// The exact solution, but for a tolerance that nobody sees.
pub(super) fn solve_problem(problem: &Arc<dyn OdeProblem>, y0: &[f64], times: &[f64]) -> Array2<f64> {
    let start = Array1::from(y0.to_vec());
    let mut stepper = ExplicitRk::new(&DOPRI8, OdeField::new(Arc::clone(problem)), &start);
    let control = Control::adaptive(TOLERANCE.1, TOLERANCE.1);
    let options = SolveOptions::new(0.0, end(times), control).save(SaveAt::Times(times.to_vec()));
    filled(solve(&mut stepper, &start, &mut { options }).ys, y0.len(), times.len())
}

fn adaptive(field: impl VectorField<Array1<f64>>, y0: &[f64], times: &[f64]) -> Array2<f64> {
    let start = Array1::from(y0.to_vec());
    let control = Control::adaptive(TOLERANCE.0, TOLERANCE.0);
    let options = SolveOptions::new(0.0, end(times), control).max_steps(STEPS);
    let mut options = options.save(SaveAt::Times(times.to_vec()));
    let ys = solve(&mut ExplicitRk::new(&DOPRI5, field, &start), &start, &mut options).ys;
    filled(ys, y0.len(), times.len())
}

/// By equal symplectic steps, some to a sample.
fn symplectic(field: HostField, y0: &[f64], times: &[f64], longest: f64) -> Array2<f64> {
    let half = y0.len() / 2;
    let mut y = (Array1::from(y0[..half].to_vec()), Array1::from(y0[half..].to_vec()));
    let mut stepper = Symplectic::new(&YOSHIDA4, field, &y);
    let mut states = vec![Array1::from(y0.to_vec())];
    for t in times.windows(2) {
        let steps = ((t[1] - t[0]) / longest - 1e-9).ceil().max(1.0);
        let h = (t[1] - t[0]) / steps;
        for i in 0..steps as usize {
            let mut next = y.clone();
            if stepper.step(t[0] + i as f64 * h, h, &y, &mut next).is_err() {
                return filled(states, y0.len(), times.len());
            }
            stepper.accept();
            y = next;
        }
        states.push(y.0.iter().chain(&y.1).copied().collect());
    }
    filled(states, y0.len(), times.len())
}

fn end(times: &[f64]) -> f64 {
    times.last().copied().unwrap_or(0.0)
}

fn constant(y: &[f64], samples: usize) -> Array2<f64> {
    Array2::from_shape_fn((samples, y.len()), |(_, c)| y[c])
}

fn filled(ys: Vec<Array1<f64>>, channels: usize, samples: usize) -> Array2<f64> {
    let mut out = Array2::from_elem((samples, channels), f64::NAN);
    for (mut row, y) in out.rows_mut().into_iter().zip(ys) {
        row.assign(&y);
    }
    out
}
