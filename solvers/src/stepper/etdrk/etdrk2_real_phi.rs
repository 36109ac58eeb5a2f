//! ETDRK2 with the real parts of its φ-functions, as a published benchmark was made.

use num_complex::Complex64;

use super::etdrk2::{Order2, coefficients};
use super::{Etdrk, Scheme};
use crate::field::SemiLinear;
use crate::state::State;

/// [`Etdrk2`](super::Etdrk2) with `Re φ₁(hL)` and `Re φ₂(hL)` in place of the complex values; `e^{hL}` stays complex.
///
/// **A wrong method for an equation whose `L` is not real**, such as KdV's: a wave is pushed out of phase by every step, and the order
/// falls to one. Where `L` is real it is [`Etdrk2`](super::Etdrk2). It reproduces the data of APEBench 0.1 (F. Koehler et al.,
/// "APEBench: A Benchmark for Autoregressive Neural Emulators of PDEs", NeurIPS 2024), whose solver Exponax 0.1 takes these real parts:
/// what is learned there is this discrete map, not the equation's flow.
pub type Etdrk2RealPhi<F, Y> = Etdrk<Order2RealPhi, F, Y>;

/// The scheme of [`Etdrk2RealPhi`].
#[derive(Clone, Copy, Debug, Default)]
pub struct Order2RealPhi;

impl<Y: State, F: SemiLinear<Y>> Scheme<Y, F> for Order2RealPhi {
    /// What holds for every `L`.
    const ORDER: usize = 1;
    type Coefficients = [F::Diagonal; 4];

    fn prepare(field: &F, h: f64, z: &[Complex64]) -> Self::Coefficients {
        coefficients(field, h, z, |phi| Complex64::new(phi.re, 0.0))
    }

    fn step(
        c: &Self::Coefficients,
        field: &mut F,
        stages: &mut [Y],
        t: f64,
        h: f64,
        y: &Y,
        y1: &mut Y,
    ) -> u64 {
        Order2::step(c, field, stages, t, h, y, y1)
    }
}
