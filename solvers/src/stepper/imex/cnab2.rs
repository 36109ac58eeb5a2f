//! Crank-Nicolson and Adams-Bashforth.

use num_complex::Complex64;

use super::{Imex, TwoStep};

/// `(1 − z/2) y_{n+1} = (1 + z/2) y_n + h(3/2 N_n − 1/2 N_{n−1})`, `z = hL`: order 2, one evaluation a step. A-stable in
/// `L` but without damping at infinity.
///
/// U. M. Ascher, S. J. Ruuth, B. T. R. Wetton, SIAM J. Numer. Anal. 32 (1995) 797-823.
pub type Cnab2<F, Y> = Imex<CrankNicolsonAdamsBashforth, F, Y>;

/// The weights of [`Cnab2`].
#[derive(Clone, Copy, Debug, Default)]
pub struct CrankNicolsonAdamsBashforth;

impl TwoStep for CrankNicolsonAdamsBashforth {
    const NAME: &'static str = "cnab2";

    fn weights(h: f64, z: Complex64) -> [Complex64; 4] {
        let d = 1.0 / (1.0 - z * 0.5);
        [(1.0 + z * 0.5) * d, Complex64::ZERO, d * (1.5 * h), d * (-0.5 * h)]
    }
}
