//! The continuous adjoint.

use super::GradientStatistics;
use super::sweep::Sweep;
use crate::increment::PullBack;
use crate::solve::Solution;
use crate::state::State;
use crate::stepper::explicit_rk::Tableau;
use crate::stepper::scheme::Differentiable;

/// Solves `ẏ = f`, `ȧ = −(∂f/∂y)ᵀ a`, `Ġ = −(∂f/∂θ)ᵀ a` backward over the steps of the solve, with jumps of `a` by the
/// cotangents of the saved states.
pub(super) fn sweep<M, F, Y>(
    sweep: &mut Sweep<M, F, Y>,
    tableau: &'static Tableau,
    end: &M::Extended,
    y0: &Y,
    solution: &Solution<Y>,
    stats: &mut GradientStatistics,
) where
    Y: State,
    F: PullBack<Y>,
    M: Differentiable<Y, F>,
{
    stats.checkpoints = 1;
    stats.peak_bytes = 2 * y0.bytes() as u64;
    let mut y = sweep.scheme.value(end).clone();
    let mut a = sweep.scheme.value(&sweep.bar).clone();
    let event = solution.outcome.time();
    for n in (0..sweep.log.len()).rev() {
        let (start, h) = sweep.log.get(n);
        let mut inside = sweep.saved.inside.get(&n).cloned().unwrap_or_default();
        inside.sort_by(|p, q| q.0.total_cmp(&p.0));
        let mut theta = 1.0;
        // Beyond a terminal event there is nothing.
        if n + 1 == sweep.log.len()
            && let (Some(t), Some(record)) = (event, solution.events.last())
        {
            theta = (t - start) / h;
            y.assign(&record.y);
        }
        for (at, v) in inside.into_iter().map(|(at, v)| (at, Some(v))).chain([(0.0, None)]) {
            if at < theta {
                step(sweep, tableau, start + theta * h, start + at * h, &mut y, &mut a);
                theta = at;
            }
            if let Some(v) = v {
                a.axpy(1.0, &v);
            }
        }
        if let Some(v) = sweep.saved.at(n) {
            a.axpy(1.0, v);
        }
    }
    let mut difference = y;
    difference.axpy(-1.0, y0);
    stats.reconstruction_error = difference.rms() / y0.rms().max(f64::MIN_POSITIVE);
    sweep.bar = sweep.zero();
    sweep.scheme.value_mut(&mut sweep.bar).assign(&a);
}

/// One step of the three equations from `t0` to `t1`.
fn step<M, F, Y>(
    sweep: &mut Sweep<M, F, Y>,
    tableau: &'static Tableau,
    t0: f64,
    t1: f64,
    y: &mut Y,
    a: &mut Y,
) where
    Y: State,
    F: PullBack<Y>,
    M: Differentiable<Y, F>,
{
    let stages = tableau.stages();
    let (mut of_y, mut of_a) = (Vec::<Y>::with_capacity(stages), Vec::<Y>::with_capacity(stages));
    let mut unused = sweep.field.zero_gradient();
    for i in 0..stages {
        let (mut y_i, mut a_i) = (y.clone(), a.clone());
        y_i.combine_stages(y, 1.0, tableau.row(i), &of_y);
        a_i.combine_stages(a, 1.0, tableau.row(i), &of_a);
        let mut k = y.zeros_like();
        sweep.field.increment(t0, t1, tableau.c[i], &y_i, &mut k);
        of_y.push(k);
        // The weight enters the gradient by the parameters, and leaves the increment of a again.
        let b = tableau.b[i];
        let (weight, gradient) = if b == 0.0 { (1.0, &mut unused) } else { (b, &mut sweep.gradient) };
        a_i.scale(-weight);
        let mut k = y.zeros_like();
        sweep.field.pull_back(t0, t1, tableau.c[i], &y_i, &a_i, &mut k, gradient);
        k.scale(1.0 / weight);
        of_a.push(k);
        sweep.extra.evaluations += 1;
        sweep.extra.pull_backs += 1;
    }
    let (base_y, base_a) = (y.clone(), a.clone());
    y.combine_stages(&base_y, 1.0, tableau.b, &of_y);
    a.combine_stages(&base_a, 1.0, tableau.b, &of_a);
}
