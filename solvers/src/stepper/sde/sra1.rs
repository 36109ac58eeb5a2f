//! SRA1.

use super::AdditiveTableau;

/// Rößler's method for additive noise: the second stage lies at `¾`, displaced by `³⁄₂ g I₍₁₀₎/h = g (¾ W + ³⁄₂ H)`.
///
/// A. Rößler, "Runge-Kutta methods for the strong approximation of solutions of stochastic differential equations", SIAM Journal on
/// Numerical Analysis 48 (2010) 922-952.
pub const SRA1: AdditiveTableau =
    AdditiveTableau { name: "sra1", a: 0.75, b: [1.0 / 3.0, 2.0 / 3.0], increment: 0.75, area: [0.0, 1.5] };
