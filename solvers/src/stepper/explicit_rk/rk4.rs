//! The classical Runge-Kutta method.

use super::tableau::{Dense, Tableau};

/// The classical method of order 4: four stages.
///
/// W. Kutta, Zeitschrift für Mathematik und Physik 46 (1901) 435-453.
pub const RK4: Tableau = Tableau {
    name: "rk4",
    order: 4,
    embedded_order: None,
    a: &[&[0.5], &[0.0, 0.5], &[0.0, 0.0, 1.0]],
    b: &[1.0 / 6.0, 1.0 / 3.0, 1.0 / 3.0, 1.0 / 6.0],
    c: &[0.0, 0.5, 0.5, 1.0],
    error: &[],
    third_order_error: &[],
    dense: Dense::Hermite,
};
