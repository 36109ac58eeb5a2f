//! Dormand-Prince 5(4).

use super::tableau::{Dense, Tableau};

/// Order 5 with an embedded order 4: seven stages, first same as last, interpolant of order 4.
///
/// J. R. Dormand, P. J. Prince, "A family of embedded Runge-Kutta formulae", Journal of Computational and Applied
/// Mathematics 6 (1980) 19-26; the interpolant as in Hairer, Nørsett and Wanner, II.6.
pub const DOPRI5: Tableau = Tableau {
    name: "dopri5",
    order: 5,
    embedded_order: Some(4),
    a: &[
        &[1.0 / 5.0],
        &[3.0 / 40.0, 9.0 / 40.0],
        &[44.0 / 45.0, -56.0 / 15.0, 32.0 / 9.0],
        &[19372.0 / 6561.0, -25360.0 / 2187.0, 64448.0 / 6561.0, -212.0 / 729.0],
        &[9017.0 / 3168.0, -355.0 / 33.0, 46732.0 / 5247.0, 49.0 / 176.0, -5103.0 / 18656.0],
        &[35.0 / 384.0, 0.0, 500.0 / 1113.0, 125.0 / 192.0, -2187.0 / 6784.0, 11.0 / 84.0],
    ],
    b: &[35.0 / 384.0, 0.0, 500.0 / 1113.0, 125.0 / 192.0, -2187.0 / 6784.0, 11.0 / 84.0, 0.0],
    c: &[0.0, 0.2, 0.3, 0.8, 8.0 / 9.0, 1.0, 1.0],
    error: &[
        71.0 / 57600.0,
        0.0,
        -71.0 / 16695.0,
        71.0 / 1920.0,
        -17253.0 / 339200.0,
        22.0 / 525.0,
        -1.0 / 40.0,
    ],
    third_order_error: &[],
    dense: Dense::Stages { order: 4, extra_a: &[], extra_c: &[], weights },
};

/// The coefficients of the term `θ²(1−θ)²` of the interpolant.
const D: [f64; 7] = [
    -12715105075.0 / 11282082432.0,
    0.0,
    87487479700.0 / 32700410799.0,
    -10690763975.0 / 1880347072.0,
    701980252875.0 / 199316789632.0,
    -1453857185.0 / 822651844.0,
    69997945.0 / 29380423.0,
];

/// `y(θ) = y₀ + θ(F₀ + (1−θ)(F₁ + θ(F₂ + (1−θ)F₃)))`, written as weights of the stages.
fn weights(theta: f64, w: &mut [f64]) {
    let (t, s) = (theta, 1.0 - theta);
    let f = [t, t * s, t * t * s, t * t * s * s];
    for i in 0..7 {
        w[i] = DOPRI5.b[i] * (f[0] - f[1] + 2.0 * f[2]) + f[3] * D[i];
    }
    w[0] += f[1] - f[2];
    w[6] -= f[2];
}
