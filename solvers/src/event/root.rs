//! Where, within a step, a condition changes its sign.

use super::Direction;

/// Halvings of a step at which a condition is looked at just after it was zero.
const PROBES: i32 = 60;

impl Direction {
    /// Whether two values enclose a root that counts.
    pub(crate) fn crossed(self, before: f64, after: f64) -> bool {
        let rising = before < 0.0 && after >= 0.0;
        let falling = before > 0.0 && after <= 0.0;
        match self {
            Self::Any => rising || falling,
            Self::Rising => rising,
            Self::Falling => falling,
        }
    }
}

/// The first root that counts of `g` on `(0, 1]` as the values at the ends tell it.
pub(crate) fn crossing(
    direction: Direction,
    g: impl FnMut(f64) -> f64,
    before: f64,
    after: f64,
) -> Option<f64> {
    direction.crossed(before, after).then(|| root(g, before, after))
}

/// The same for a condition that is at its root when the step begins (it has just happened, and the state was reset): a
/// return to the root within the step is found at places `2⁻ᵏ`, since the value at the end cannot tell it. The residual
/// `before` of the root's rounding is where the condition counts as zero.
pub(crate) fn departure(
    direction: Direction,
    mut g: impl FnMut(f64) -> f64,
    before: f64,
    after: f64,
) -> Option<f64> {
    let (mut from, mut value) = (0.0, 0.0);
    for k in (0..=PROBES).rev() {
        let to = 0.5_f64.powi(k);
        let next = if k == 0 { after } else { g(to) } - before;
        if direction.crossed(value, next) {
            let s = root(|s| g(from + s * (to - from)) - before, value, next);
            return Some(from + s * (to - from));
        }
        if next != 0.0 {
            (from, value) = (to, next);
        }
    }
    None
}

/// The root in `[0, 1]` of a continuous function with values `f0`, `f1` of opposite sign at the ends, by the
/// Illinois variant of the false position, to rounding.
fn root(mut f: impl FnMut(f64) -> f64, f0: f64, f1: f64) -> f64 {
    let (mut a, mut fa, mut b, mut fb) = (0.0_f64, f0, 1.0_f64, f1);
    let mut side = 0;
    for _ in 0..100 {
        if fb == 0.0 || (b - a).abs() < 4.0 * f64::EPSILON {
            break;
        }
        let mut c = (a * fb - b * fa) / (fb - fa);
        if !(c > a.min(b) && c < a.max(b)) {
            c = 0.5 * (a + b);
        }
        let fc = f(c);
        if fc * fb < 0.0 {
            (a, fa) = (b, fb);
            side = 0;
        } else {
            side += 1;
            if side > 1 {
                fa *= 0.5;
            }
        }
        let step = (c - b).abs();
        (b, fb) = (c, fc);
        if step < 2.0 * f64::EPSILON * b.abs() {
            break;
        }
    }
    b
}
