//! Explicit Euler.

use super::tableau::{Dense, Tableau};

/// `y₁ = y + h f(t, y)`: one stage, order 1.
///
/// L. Euler, "Institutionum calculi integralis", 1768.
pub const EULER: Tableau = Tableau {
    name: "euler",
    order: 1,
    embedded_order: None,
    a: &[],
    b: &[1.0],
    c: &[0.0],
    error: &[],
    third_order_error: &[],
    dense: Dense::Hermite,
};
