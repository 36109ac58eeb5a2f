//! Gradients of a solve: of a loss of its saved states, by the start, the parameters of the field and the times.
//!
//! The steps that were taken are differentiated as the discrete maps that they are (the sizes of adaptive steps are
//! data), so the gradient is that of the computed solution to rounding. A step is pulled back by hand through its
//! stages: no tape, and the same code for host arrays and Burn tensors. [`Gradient`] says what is kept of the way:
//!
//! | | kept, of `N` steps | field evaluations beside the solve and the pull-back | exact |
//! |---|---|---|---|
//! | [`StepCheckpoint`](Gradient::StepCheckpoint) | `N` states | one step's per step | yes |
//! | [`Checkpointed`](Gradient::Checkpointed) | `S` states | `r + 1` steps' per step, `C(S + r, r) ≥ N` | yes |
//! | [`Reversible`](Gradient::Reversible) | `N / L` states | one inverse step's per step | to the reconstruction error |
//! | [`Direct`](Gradient::Direct) | `N` states and all stages | none | yes |
//! | [`Backsolve`](Gradient::Backsolve) | one state | one adjoint step's per step | no |
//!
//! `Backsolve` solves the continuous adjoint equation. It is there for comparison: it is the gradient of another
//! discretisation, its error is that of a second solve, and running a dissipative equation backward is unstable.

mod autodiff;
mod backsolve;
mod checkpointed;
mod config;
mod event;
mod jump;
mod log;
mod result;
mod reversible;
mod sweep;

pub use autodiff::{Autodiff, ParameterGradient};
pub use config::{Checkpointed, Gradient, Reversible};
pub use jump::{Jump, Jumped, differentiate_through};
pub use result::{Differentiated, GradientError, GradientStatistics, Loss, TimeGradients};

use crate::event::Grazing;
use crate::increment::{PullBack, slope};
use crate::solve::{Outcome, Solution, SolveOptions, solve};
use crate::state::State;
use crate::stepper::advance::Advance;
use crate::stepper::explicit_rk::{RK4, Tableau};
use crate::stepper::scheme::Differentiable;

use checkpointed::Checkpoints;
use log::StepLog;
use reversible::Segments;
use sweep::{Arguments, Saved, Sweep};

/// The derivative `(∂g/∂t, ∂g/∂y)` of an event's condition.
type EventGradient<Y> = Box<dyn FnMut(f64, &Y) -> (f64, Y)>;

/// How a solve is differentiated.
///
/// ```
/// use flowmap_solvers::control::Control;
/// use flowmap_solvers::gradient::{Adjoint, Gradient, Loss};
/// use flowmap_solvers::increment::{Ordinary, with_vector_jacobian};
/// use flowmap_solvers::solve::SolveOptions;
/// use flowmap_solvers::stepper::explicit_rk::{RK4, RungeKutta};
///
/// // dy/dt = −θ y, L = y(1): ∂L/∂θ = −y₀ e^{−θ}.
/// let theta = 0.5;
/// let field = with_vector_jacobian(
///     1,
///     move |_t, y: &[f64; 1], dy: &mut [f64; 1]| dy[0] = -theta * y[0],
///     move |_t, y: &[f64; 1], v: &[f64; 1], scale, y_bar: &mut [f64; 1], gradient: &mut Vec<f64>| {
///         y_bar[0] -= scale * theta * v[0];
///         gradient[0] -= scale * y[0] * v[0];
///     },
/// );
/// let mut options = SolveOptions::new(0.0, 1.0, Control::Fixed { dt: 0.01 });
/// let found = Adjoint::new(Gradient::default())
///     .differentiate(RungeKutta::new(&RK4), Ordinary(field), &[2.0], &mut options, |solution| {
///         Loss::new(solution.ys[0][0], vec![[1.0]])
///     })
///     .unwrap();
/// assert!((found.parameters[0] + 2.0 * (-theta).exp()).abs() < 1e-9);
/// ```
pub struct Adjoint<Y> {
    gradient: Gradient,
    resynchronise: Option<u64>,
    times: bool,
    adjoint_tableau: &'static Tableau,
    events: Vec<(usize, EventGradient<Y>)>,
}

impl<Y> std::fmt::Debug for Adjoint<Y> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Adjoint")
            .field("gradient", &self.gradient)
            .field("resynchronise", &self.resynchronise)
            .finish_non_exhaustive()
    }
}

/// What the solve leaves for the way back.
enum Kept<E, Y> {
    Every(Vec<E>),
    Tape(Vec<(E, Vec<Y>)>),
    Binomial(Checkpoints<E>),
    Segments(Segments<E>),
    Nothing,
}

impl<Y: State> Adjoint<Y> {
    /// With the companions of a reversible scheme started afresh at the ends of the segments, if there are any.
    pub fn new(gradient: Gradient) -> Self {
        let resynchronise = match gradient {
            Gradient::Reversible(r) => r.segment,
            _ => None,
        };
        Self { gradient, resynchronise, times: false, adjoint_tableau: &RK4, events: Vec::new() }
    }

    /// Starts the companions of a reversible scheme afresh after every `steps` steps, also where nothing is
    /// reconstructed: so all kinds of gradient see the same discrete solution.
    #[must_use]
    pub fn resynchronised(mut self, steps: Option<u64>) -> Self {
        if !matches!(self.gradient, Gradient::Reversible(r) if r.segment.is_some()) {
            self.resynchronise = steps;
        }
        self
    }

    /// Finds the gradients by the times too: one evaluation per saved state.
    #[must_use]
    pub fn with_times(mut self) -> Self {
        self.times = true;
        self
    }

    /// The method of the adjoint equation for [`Gradient::Backsolve`], RK4 unless given.
    #[must_use]
    pub fn adjoint_method(mut self, tableau: &'static Tableau) -> Self {
        self.adjoint_tableau = tableau;
        self
    }

    /// Gives the derivative `(∂g/∂t, ∂g/∂y)` of the condition of the terminal event with the given index.
    #[must_use]
    pub fn event_gradient(
        mut self,
        index: usize,
        derivative: impl FnMut(f64, &Y) -> (f64, Y) + 'static,
    ) -> Self {
        self.events.push((index, Box::new(derivative)));
        self
    }

    /// Solves from `y0`, asks for the loss of the solution, and differentiates it.
    ///
    /// # Errors
    /// If the solve did not end as asked, or the cotangents do not fit it.
    pub fn differentiate<M, F>(
        self,
        scheme: M,
        field: F,
        y0: &Y,
        options: &mut SolveOptions<Y>,
        loss: impl FnOnce(&Solution<Y>) -> Loss<Y>,
    ) -> Result<Differentiated<Y, F::Gradient>, GradientError>
    where
        F: PullBack<Y>,
        M: Differentiable<Y, F>,
    {
        let gradient = field.zero_gradient();
        self.differentiate_onto(gradient, scheme, field, y0, options, loss)
    }

    /// The same, with the gradient by the parameters added to one that is there.
    fn differentiate_onto<M, F>(
        mut self,
        gradient: F::Gradient,
        scheme: M,
        field: F,
        y0: &Y,
        options: &mut SolveOptions<Y>,
        loss: impl FnOnce(&Solution<Y>) -> Loss<Y>,
    ) -> Result<Differentiated<Y, F::Gradient>, GradientError>
    where
        F: PullBack<Y>,
        M: Differentiable<Y, F>,
    {
        if matches!(self.gradient, Gradient::Backsolve {}) && !field.ordinary() {
            return Err(GradientError::Ordinary("backsolve"));
        }
        let mut log = StepLog::default();
        let mut kept = self.keeper();
        let mut advance = Advance::new(scheme, field).resynchronised(self.resynchronise);
        advance.observer = Some(Box::new(|scheme: &M, t, dt, from: &M::Extended, to: &M::Extended| {
            let n = log.len();
            log.push(t, dt);
            match &mut kept {
                Kept::Every(states) => states.push(from.clone()),
                Kept::Tape(steps) => steps.push((from.clone(), scheme.arguments())),
                Kept::Binomial(checkpoints) => checkpoints.offer(n, from),
                Kept::Segments(segments) => segments.offer(n, from, to),
                Kept::Nothing => {}
            }
        }));
        let solution = solve(&mut advance, y0, options);
        if !solution.outcome.is_success() {
            return Err(GradientError::Unfinished(solution.outcome));
        }
        if let Some(record) = solution.events.iter().find(|record| record.after.is_some()) {
            return Err(GradientError::Reset { index: record.index, t: record.t });
        }
        let loss = loss(&solution);
        if loss.ys.len() != solution.ys.len() {
            return Err(GradientError::Cotangents { given: loss.ys.len(), saved: solution.ys.len() });
        }
        let value = loss.value;
        let event = self.through_event(&mut advance, &solution, y0, &loss)?;
        let (scheme, field, to) = advance.into_parts();
        let saved = Saved::new(&log, &solution, options.t1, loss.ys, event);
        let mut stats = GradientStatistics {
            steps: log.len(),
            forward_evaluations: solution.stats.work.evaluations,
            record_bytes: log.bytes(),
            ..GradientStatistics::default()
        };
        let counted = scheme.counts();
        let mut sweep = Sweep::new(scheme, field, log, self.resynchronise, (saved, gradient), y0);
        // An empty interval has no step.
        if let (true, Some(end)) = (stats.steps > 0, to) {
            self.sweep_back(&mut sweep, kept, end, y0, &solution, &mut stats);
        }
        let times = self.times.then(|| time_gradients(&mut sweep, &solution, y0)).flatten();
        let counts = sweep.scheme.counts();
        stats.backward_evaluations = counts.evaluations - counted.evaluations + sweep.extra.evaluations;
        stats.pull_backs = counts.pull_backs + sweep.extra.pull_backs;
        let y0 = sweep.scheme.value(&sweep.bar).clone();
        Ok(Differentiated { solution, value, y0, parameters: sweep.gradient, times, stats })
    }

    fn keeper<E: State>(&self) -> Kept<E, Y> {
        match self.gradient {
            Gradient::StepCheckpoint {} => Kept::Every(Vec::new()),
            Gradient::Direct {} => Kept::Tape(Vec::new()),
            Gradient::Checkpointed(c) => Kept::Binomial(Checkpoints::new(c)),
            Gradient::Reversible(r) => Kept::Segments(Segments::new(r)),
            Gradient::Backsolve {} => Kept::Nothing,
        }
    }

    fn sweep_back<M, F>(
        &self,
        sweep: &mut Sweep<M, F, Y>,
        kept: Kept<M::Extended, Y>,
        end: M::Extended,
        y0: &Y,
        solution: &Solution<Y>,
        stats: &mut GradientStatistics,
    ) where
        F: PullBack<Y>,
        M: Differentiable<Y, F>,
    {
        match kept {
            Kept::Every(mut states) => {
                stats.checkpoints = states.len() as u64;
                stats.peak_bytes = states.iter().map(|e| e.bytes() as u64).sum();
                while let Some(e) = states.pop() {
                    sweep.pull(states.len() as u64, &e, Arguments::Unknown);
                }
            }
            Kept::Tape(mut steps) => {
                stats.checkpoints = steps.len() as u64;
                stats.peak_bytes = steps
                    .iter()
                    .map(|(e, stages)| e.bytes() + stages.iter().map(State::bytes).sum::<usize>())
                    .sum::<usize>() as u64;
                while let Some((e, arguments)) = steps.pop() {
                    sweep.pull(steps.len() as u64, &e, Arguments::Kept(&arguments));
                }
            }
            Kept::Binomial(checkpoints) => checkpoints.sweep(sweep, stats),
            Kept::Segments(segments) => segments.sweep(sweep, end, y0, stats),
            Kept::Nothing => backsolve::sweep(sweep, self.adjoint_tableau, &end, y0, solution, stats),
        }
    }

    /// The cotangent of the state at the terminal event, if the solve ended at one.
    fn through_event<M, F>(
        &mut self,
        advance: &mut Advance<'_, M, F, Y>,
        solution: &Solution<Y>,
        y0: &Y,
        loss: &Loss<Y>,
    ) -> Result<Option<Y>, GradientError>
    where
        F: PullBack<Y>,
        M: Differentiable<Y, F>,
    {
        let Outcome::Event { index, t } = solution.outcome else { return Ok(None) };
        let Some(y) = solution.events.last().map(|record| &record.y) else { return Ok(None) };
        let mut v = y0.zeros_like();
        // The last saved state is the event's, unless only given times were saved.
        if solution.ts.last() == Some(&t)
            && let Some(last) = loss.ys.last()
        {
            v.assign(last);
        }
        let mut by_time = 0.0;
        if let Some((time, state)) = &loss.event {
            v.axpy(1.0, state);
            by_time = *time;
        }
        if v.rms() == 0.0 && by_time == 0.0 {
            return Ok(Some(v));
        }
        let Some((_, derivative)) = self.events.iter_mut().find(|(i, _)| *i == index) else {
            return Err(GradientError::EventGradient { index });
        };
        let (g_t, g_y) = derivative(t, y);
        let velocity = event::velocity(advance, y0, t);
        // The time of the event moves by dt* = −⟨g_y, ∂y⟩ / (g_t + ⟨g_y, ẏ⟩), and the state there by ∂y + ẏ dt*.
        let rate = g_t + g_y.dot(&velocity);
        let size = g_t.abs() + (g_y.dot(&g_y) * velocity.dot(&velocity)).sqrt();
        if rate.is_nan() || rate.abs() <= 8.0 * f64::EPSILON * size {
            return Err(Grazing { rate }.into());
        }
        let along = (by_time + v.dot(&velocity)) / rate;
        v.axpy(-along, &g_y);
        Ok(Some(v))
    }
}

/// The gradients by the times, of an ordinary equation.
fn time_gradients<M, F, Y>(
    sweep: &mut Sweep<M, F, Y>,
    solution: &Solution<Y>,
    y0: &Y,
) -> Option<TimeGradients>
where
    Y: State,
    F: PullBack<Y>,
    M: Differentiable<Y, F>,
{
    if !sweep.field.ordinary() {
        return None;
    }
    let mut f = y0.zeros_like();
    let mut ts = Vec::with_capacity(solution.ts.len());
    for ((t, y), v) in solution.ts.iter().zip(&solution.ys).zip(&sweep.saved.given) {
        slope(&mut sweep.field, *t, y, &mut f);
        ts.push(v.dot(&f));
    }
    let t0 = sweep.start_time();
    slope(&mut sweep.field, t0, y0, &mut f);
    sweep.extra.evaluations += 1 + ts.len() as u64;
    let mut flowing = sweep.scheme.value(&sweep.bar).clone();
    if let Some(v) = sweep.saved.at_start() {
        flowing.axpy(-1.0, v);
    }
    Some(TimeGradients { t0: -flowing.dot(&f), ts })
}
