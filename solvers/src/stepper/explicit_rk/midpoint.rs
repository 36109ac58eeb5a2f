//! Explicit midpoint.

use super::tableau::{Dense, Tableau};

/// `y₁ = y + h f(t + h/2, y + h/2 f(t, y))`: two stages, order 2.
///
/// C. Runge, Mathematische Annalen 46 (1895) 167-178.
pub const MIDPOINT: Tableau = Tableau {
    name: "midpoint",
    order: 2,
    embedded_order: None,
    a: &[&[0.5]],
    b: &[0.0, 1.0],
    c: &[0.0, 0.5],
    error: &[],
    third_order_error: &[],
    dense: Dense::Hermite,
};
