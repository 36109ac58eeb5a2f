//! The velocity of the discrete solution within its last step.

use crate::increment::PullBack;
use crate::state::State;
use crate::stepper::Stepper;
use crate::stepper::advance::Advance;
use crate::stepper::scheme::Differentiable;

/// The degree of polynomials that are differentiated exactly; the interpolants of all tableaus are of at most 7.
const DEGREE: usize = 8;

/// The derivative by time of the interpolant of the last step at `t`.
///
/// The derivative of a polynomial from its values at `DEGREE + 1` points, so that the gradient through an event is that
/// of the discrete solution itself.
pub(super) fn velocity<M, F, Y>(advance: &mut Advance<'_, M, F, Y>, like: &Y, t: f64) -> Y
where
    Y: State,
    F: PullBack<Y>,
    M: Differentiable<Y, F>,
{
    let mut velocity = like.zeros_like();
    let Some((y0, y1, start, h)) = advance.last_step() else { return velocity };
    let theta = (t - start) / h;
    let nodes: Vec<f64> = (0..=DEGREE).map(|j| j as f64 / DEGREE as f64).collect();
    let mut value = like.zeros_like();
    for (j, node) in nodes.iter().enumerate() {
        let others = || nodes.iter().enumerate().filter(move |(l, _)| *l != j);
        let weight: f64 = others()
            .map(|(m, at_m)| {
                let rest = others().filter(|(l, _)| *l != m).map(|(_, at)| (theta - at) / (node - at));
                rest.product::<f64>() / (node - at_m)
            })
            .sum();
        advance.interpolate(*node, &y0, &y1, &mut value);
        velocity.axpy(weight / h, &value);
    }
    velocity
}
