//! Velocity Verlet.

use super::Splitting;

/// Half a kick, a drift, half a kick: order 2, symplectic and symmetric, one force a step.
///
/// L. Verlet, Physical Review 159 (1967) 98-103; W. C. Swope et al., J. Chem. Phys. 76 (1982) 637-649.
pub const VELOCITY_VERLET: Splitting =
    Splitting { name: "velocity_verlet", order: 2, kicks: &[0.5, 0.5], drifts: &[1.0] };
