//! Heun's method of order 2.

use super::tableau::{Dense, Tableau};

/// The explicit trapezoidal rule `y₁ = y + h/2 (k₁ + k₂)`, `k₂ = f(t + h, y + h k₁)`: two stages, order 2.
///
/// K. Heun, Zeitschrift für Mathematik und Physik 45 (1900) 23-38.
pub const HEUN: Tableau = Tableau {
    name: "heun",
    order: 2,
    embedded_order: None,
    a: &[&[1.0]],
    b: &[0.5, 0.5],
    c: &[0.0, 1.0],
    error: &[],
    third_order_error: &[],
    dense: Dense::Hermite,
};
