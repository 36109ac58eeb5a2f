//! EES(2,5).

use crate::stepper::explicit_rk::{Dense, Tableau};

/// The explicit and effectively symmetric method EES(2,5) with parameter 1/10: three stages, order 2, and a step
/// forward followed by a step backward is the identity up to `O(h⁶)`.
///
/// D. Shmelev, J. Foster, "Explicit and effectively symmetric Runge-Kutta methods", arXiv:2507.21006 (2025).
pub const EES25: Tableau = Tableau {
    name: "ees25",
    order: 2,
    embedded_order: None,
    a: &[&[1.0 / 3.0], &[-5.0 / 48.0, 15.0 / 16.0]],
    b: &[0.1, 0.5, 0.4],
    c: &[0.0, 1.0 / 3.0, 5.0 / 6.0],
    error: &[],
    third_order_error: &[],
    dense: Dense::Hermite,
};
