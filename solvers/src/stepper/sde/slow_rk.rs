//! SlowRK.

use super::StratonovichTableau;

const NONE: (f64, f64, f64) = (0.0, 0.0, 0.0);
const SIXTH: (f64, f64, f64) = (0.0, 1.0 / 6.0, 0.0);

/// The Strang-like splitting with the log-ODE's space-time area as a Runge-Kutta method: strong order 1.5 for noise that commutes, ½ for
/// general noise; two evaluations of the drift, five of the diffusion.
///
/// J. Foster, G. dos Reis, C. Strange, "High order splitting methods for SDEs satisfying a commutativity condition", SIAM Journal on
/// Numerical Analysis 62 (2024), equation (6.2).
pub const SLOW_RK: StratonovichTableau = StratonovichTableau {
    name: "slow_rk",
    rows: &[
        &[(0.5, 0.0, 0.0)],
        &[(0.5, 0.0, 0.0), (0.0, 0.5, 0.0)],
        &[(0.5, 0.0, 0.0), NONE, (0.0, 0.5, 0.0)],
        &[(0.5, 0.0, 0.0), NONE, NONE, (0.0, 1.0, 0.0)],
        &[(0.75, 0.0, 0.0), NONE, NONE, (0.0, 0.75, 1.5), NONE],
        &[(1.0, 0.0, 0.0), NONE, (0.0, 0.5, 0.0), NONE, NONE, NONE],
        &[
            (1.0 / 3.0, 0.0, 0.0),
            SIXTH,
            (0.0, 1.0 / 3.0, 0.0),
            (0.0, 1.0 / 3.0, 2.0),
            SIXTH,
            (2.0 / 3.0, 0.0, 0.0),
            (0.0, 0.0, -2.0),
        ],
    ],
    c: &[0.0, 0.5, 0.5, 0.5, 0.5, 0.75, 1.0],
    error: &[],
    weak_order: 2,
};
