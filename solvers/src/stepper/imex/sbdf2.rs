//! The semi-implicit backward differentiation formula.

use num_complex::Complex64;

use super::{Imex, TwoStep};

/// `(3/2 − z) y_{n+1} = 2 y_n − 1/2 y_{n−1} + h(2 N_n − N_{n−1})`, `z = hL`: order 2, one evaluation a step, strongly
/// damped at infinity.
///
/// U. M. Ascher, S. J. Ruuth, B. T. R. Wetton, SIAM J. Numer. Anal. 32 (1995) 797-823.
pub type Sbdf2<F, Y> = Imex<SemiImplicitBdf, F, Y>;

/// The weights of [`Sbdf2`].
#[derive(Clone, Copy, Debug, Default)]
pub struct SemiImplicitBdf;

impl TwoStep for SemiImplicitBdf {
    const NAME: &'static str = "sbdf2";

    fn weights(h: f64, z: Complex64) -> [Complex64; 4] {
        let d = 1.0 / (1.5 - z);
        [d * 2.0, d * -0.5, d * (2.0 * h), d * -h]
    }
}
