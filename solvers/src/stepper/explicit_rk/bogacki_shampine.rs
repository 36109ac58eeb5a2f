//! Bogacki-Shampine 3(2).

use super::tableau::{Dense, Tableau};

/// Order 3 with an embedded order 2: four stages, first same as last, cubic Hermite interpolant. For low accuracy.
///
/// P. Bogacki, L. F. Shampine, "A 3(2) pair of Runge-Kutta formulas", Applied Mathematics Letters 2 (1989) 321-325.
pub const BOGACKI_SHAMPINE: Tableau = Tableau {
    name: "bogacki_shampine",
    order: 3,
    embedded_order: Some(2),
    a: &[&[0.5], &[0.0, 0.75], &[2.0 / 9.0, 1.0 / 3.0, 4.0 / 9.0]],
    b: &[2.0 / 9.0, 1.0 / 3.0, 4.0 / 9.0, 0.0],
    c: &[0.0, 0.5, 0.75, 1.0],
    error: &[2.0 / 9.0 - 7.0 / 24.0, 1.0 / 3.0 - 1.0 / 4.0, 4.0 / 9.0 - 1.0 / 3.0, -1.0 / 8.0],
    third_order_error: &[],
    dense: Dense::Hermite,
};
