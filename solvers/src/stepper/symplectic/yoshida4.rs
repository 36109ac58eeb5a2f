//! Yoshida's method of order 4.

use super::Splitting;

/// `1/(2 − 2^{1/3})`.
const OUTER: f64 = 1.3512071919596578;
/// `−2^{1/3}/(2 − 2^{1/3})`.
const INNER: f64 = -1.7024143839193153;

/// Three velocity Verlet steps of lengths `w₁h, w₀h, w₁h`, the middle one backward: order 4, symplectic and symmetric.
///
/// H. Yoshida, "Construction of higher order symplectic integrators", Physics Letters A 150 (1990) 262-268.
pub const YOSHIDA4: Splitting = Splitting {
    name: "yoshida4",
    order: 4,
    kicks: &[0.5 * OUTER, 0.5 * (OUTER + INNER), 0.5 * (INNER + OUTER), 0.5 * OUTER],
    drifts: &[OUTER, INNER, OUTER],
};
