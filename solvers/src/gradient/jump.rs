//! Gradients through events that reset the state.

use super::{Adjoint, Gradient, GradientError, Loss};
use crate::event::{Direction, Event, Grazing};
use crate::increment::{PullBack, slope};
use crate::solve::{SaveAt, Solution, SolveOptions, solve};
use crate::state::State;
use crate::stepper::advance::Advance;
use crate::stepper::scheme::Differentiable;

/// An event that resets the state, with the derivatives that a gradient through it needs.
pub trait Jump<Y>: Clone + Send + 'static {
    /// The function `g(t, y)` whose roots are the events.
    fn condition(&self, t: f64, y: &Y) -> f64;

    /// `(∂g/∂t, ∂g/∂y)`.
    fn condition_gradient(&self, t: f64, y: &Y) -> (f64, Y);

    /// Which sign change counts.
    fn direction(&self) -> Direction {
        Direction::Any
    }

    /// Turns the state before into that after, `y⁺ = r(t, y⁻)`.
    fn reset(&self, t: f64, y: &mut Y);

    /// Turns a cotangent `v` of `y⁺` into that of `y⁻`, `(∂r/∂y)ᵀ v`, and returns `∂r/∂t · v`.
    fn pull_back(&self, t: f64, y: &Y, v: &mut Y) -> f64;
}

/// A solve with resets, and its gradient.
#[derive(Clone, Debug)]
pub struct Jumped<Y, G> {
    /// The times of the resets.
    pub resets: Vec<f64>,
    /// The saved states.
    pub ys: Vec<Y>,
    /// The loss.
    pub value: f64,
    /// The gradient by the start.
    pub y0: Y,
    /// The gradient by the parameters of the field.
    pub parameters: G,
}

/// Solves from `y0` at `options.t0` through all resets to `options.t1`, asks for the loss of the states at `times`, and differentiates it:
/// each flight between two resets by its own [`Adjoint`], joined by the derivative of the reset and that of its time,
/// `dt = −(∂g/∂y · dy) / (∂g/∂t + ∂g/∂y · f)`.
///
/// `options` give the interval, the control and the limit of steps. What depends on the time of a reset is the derivative of the flow, so a
/// gradient through resets differs from differences of the discrete solution by the solution's error.
///
/// # Errors
/// If the solve does not end as asked, the loss gives a wrong number of cotangents, or a trajectory grazes the condition.
#[allow(clippy::too_many_arguments)]
pub fn differentiate_through<Y, M, F, J>(
    gradient: Gradient,
    scheme: impl Fn() -> M,
    field: impl Fn() -> F,
    jump: &J,
    y0: &Y,
    options: &SolveOptions<Y>,
    times: &[f64],
    loss: impl FnOnce(&[Y]) -> (f64, Vec<Y>),
) -> Result<Jumped<Y, F::Gradient>, GradientError>
where
    Y: State,
    F: PullBack<Y>,
    M: Differentiable<Y, F>,
    J: Jump<Y>,
{
    let over = |t0: f64, t1: f64, saves: Vec<f64>| {
        let mut over = SolveOptions::new(t0, t1, options.control).max_steps(options.max_steps);
        over.initial_step = options.initial_step;
        over.save(SaveAt::Times(saves))
    };
    let (condition, reset) = (jump.clone(), jump.clone());
    let event = Event::new(move |t, y: &Y| condition.condition(t, y)).direction(jump.direction());
    let event = event.reset(move |t, y| reset.reset(t, y));
    let mut whole = over(options.t0, options.t1, times.to_vec()).event(event);
    let solution = solve(&mut Advance::new(scheme(), field()), y0, &mut whole);
    if !solution.outcome.is_success() {
        return Err(GradientError::Unfinished(solution.outcome));
    }
    let (value, mut cotangents) = loss(&solution.ys);
    if cotangents.len() != solution.ys.len() {
        return Err(GradientError::Cotangents { given: cotangents.len(), saved: solution.ys.len() });
    }
    let sign = if options.t1 < options.t0 { -1.0 } else { 1.0 };
    let mut parameters = field().zero_gradient();
    // Of the flight after: the cotangents of its start, and of the time of that.
    let mut next: Option<(Y, f64)> = None;
    for k in (0..=solution.events.len()).rev() {
        let (t0, start) = match k.checked_sub(1).map(|k| &solution.events[k]) {
            None => (options.t0, y0),
            Some(record) => (record.t, record.after.as_ref().unwrap_or(&record.y)),
        };
        let first = solution.ts.iter().take_while(|t| k > 0 && (**t - t0) * sign <= 0.0).count();
        let mut saves = solution.ts[first..cotangents.len()].to_vec();
        let mut bars = cotangents.split_off(first);
        let t1 = solution.events.get(k).map_or(options.t1, |record| record.t);
        if let Some((record, (mut v, by_time))) = solution.events.get(k).zip(next.take()) {
            let by_time = by_time + jump.pull_back(record.t, &record.y, &mut v);
            through_time(jump, &mut field(), (record.t, &record.y), by_time, &mut v)?;
            match bars.last_mut().filter(|_| saves.last() == Some(&t1)) {
                Some(last) => last.axpy(1.0, &v),
                None => {
                    saves.push(t1);
                    bars.push(v);
                }
            }
        }
        let mut options = over(t0, t1, saves);
        let adjoint = Adjoint::new(gradient).with_times();
        let given = |_: &Solution<Y>| Loss::new(value, bars);
        let found = adjoint.differentiate_onto(parameters, scheme(), field(), start, &mut options, given)?;
        next = Some((found.y0, found.times.map_or(0.0, |times| times.t0)));
        parameters = found.parameters;
    }
    let resets = solution.events.iter().map(|record| record.t).collect();
    let y0 = next.map_or_else(|| y0.zeros_like(), |(y, _)| y);
    Ok(Jumped { resets, ys: solution.ys, value, y0, parameters })
}

/// Turns the cotangent of a state at the time of a reset into that at a fixed time, given the cotangent of the time beside it.
fn through_time<Y: State, F: PullBack<Y>>(
    jump: &impl Jump<Y>,
    field: &mut F,
    (t, y): (f64, &Y),
    by_time: f64,
    v: &mut Y,
) -> Result<(), GradientError> {
    let (g_t, g_y) = jump.condition_gradient(t, y);
    let mut f = y.zeros_like();
    slope(field, t, y, &mut f);
    let rate = g_t + g_y.dot(&f);
    let size = g_t.abs() + (g_y.dot(&g_y) * f.dot(&f)).sqrt();
    if rate.is_nan() || rate.abs() <= 8.0 * f64::EPSILON * size {
        return Err(Grazing { rate }.into());
    }
    let along = (by_time + v.dot(&f)) / rate;
    v.axpy(-along, &g_y);
    Ok(())
}
