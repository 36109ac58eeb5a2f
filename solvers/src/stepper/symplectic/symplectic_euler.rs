//! Symplectic Euler.

use super::Splitting;

/// `p₁ = p + hF(q)`, `q₁ = q + hV(p₁)`: order 1, symplectic.
///
/// E. Hairer, Ch. Lubich, G. Wanner, "Geometric Numerical Integration", 2nd ed., Springer 2006, VI.3.
pub const SYMPLECTIC_EULER: Splitting =
    Splitting { name: "symplectic_euler", order: 1, kicks: &[1.0], drifts: &[1.0] };
