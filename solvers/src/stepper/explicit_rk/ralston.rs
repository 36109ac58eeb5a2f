//! Ralston's method of order 2.

use super::tableau::{Dense, Tableau};

/// The method of order 2 with two stages whose error bound is least (node 2/3).
///
/// A. Ralston, Mathematics of Computation 16 (1962) 431-437.
pub const RALSTON: Tableau = Tableau {
    name: "ralston",
    order: 2,
    embedded_order: None,
    a: &[&[2.0 / 3.0]],
    b: &[0.25, 0.75],
    c: &[0.0, 2.0 / 3.0],
    error: &[],
    third_order_error: &[],
    dense: Dense::Hermite,
};
