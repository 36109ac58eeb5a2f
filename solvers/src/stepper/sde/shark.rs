//! ShARK.

use super::AdditiveTableau;

/// The shifted Runge-Kutta method for additive noise: both stages start at `y + g H`, the second lies at `⅚`.
///
/// J. Foster, G. dos Reis, C. Strange, "High order splitting methods for SDEs satisfying a commutativity condition", SIAM Journal on
/// Numerical Analysis 62 (2024), equation (6.1).
pub const SHARK: AdditiveTableau =
    AdditiveTableau { name: "shark", a: 5.0 / 6.0, b: [0.4, 0.6], increment: 5.0 / 6.0, area: [1.0, 1.0] };
