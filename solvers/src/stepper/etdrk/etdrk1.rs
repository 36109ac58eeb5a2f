//! ETDRK1: exponential Euler.

use num_complex::Complex64;

use super::{Etdrk, Scheme, diagonal};
use crate::field::SemiLinear;
use crate::fourier::phi::phi123;
use crate::state::State;

/// `y₁ = e^{hL} y + h φ₁(hL) N(t, y)`: order 1, one evaluation. The step of the semilinear neural operator.
pub type Etdrk1<F, Y> = Etdrk<Order1, F, Y>;

/// The scheme of [`Etdrk1`].
#[derive(Clone, Copy, Debug, Default)]
pub struct Order1;

impl<Y: State, F: SemiLinear<Y>> Scheme<Y, F> for Order1 {
    const ORDER: usize = 1;
    type Coefficients = [F::Diagonal; 2];

    fn prepare(field: &F, h: f64, z: &[Complex64]) -> Self::Coefficients {
        [diagonal(field, z, |z| z.exp()), diagonal(field, z, |z| phi123(z)[0] * h)]
    }

    fn step(
        [e, q]: &Self::Coefficients,
        field: &mut F,
        k: &mut [Y],
        t: f64,
        _h: f64,
        y: &Y,
        y1: &mut Y,
    ) -> u64 {
        field.nonlinear(t, y, &mut k[0]);
        field.apply(&[(e, y), (q, &k[0])], y1);
        1
    }
}
