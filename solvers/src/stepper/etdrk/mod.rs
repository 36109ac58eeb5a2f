//! Exponential time differencing Runge-Kutta methods for `dy/dt = L y + N(t, y)`: the linear part is exact.
//!
//! S. M. Cox, P. C. Matthews, "Exponential time differencing for stiff systems", J. Comput. Phys. 176 (2002) 430-455;
//! coefficients as Kassam and Trefethen compute them ([`crate::fourier::phi`]).

mod etdrk1;
mod etdrk2;
mod etdrk2_real_phi;
mod etdrk3;
mod etdrk4;

pub use etdrk1::Etdrk1;
pub use etdrk2::{Compatibility, Etdrk2, Etdrk2Config};
pub use etdrk2_real_phi::Etdrk2RealPhi;
pub use etdrk3::Etdrk3;
pub use etdrk4::Etdrk4;

use num_complex::Complex64;

use super::{StepFailure, Stepper, Work};
use crate::field::SemiLinear;
use crate::fourier::phi::phi123;
use crate::state::State;

/// Step sizes whose coefficients are kept: a run of equal steps with a few cut ones at save times.
const KEPT: usize = 4;

/// What a method of the family is: its coefficients and its stages.
pub trait Scheme<Y: State, F: SemiLinear<Y>>: Default {
    /// The order of convergence.
    const ORDER: usize;
    /// The coefficients for one step size.
    type Coefficients;

    /// Builds the coefficients; `z = h·L`.
    fn prepare(field: &F, h: f64, z: &[Complex64]) -> Self::Coefficients;

    /// Writes the step from `y` into `y1`; returns the evaluations of `N`. `stages` has at least five states.
    fn step(
        c: &Self::Coefficients,
        field: &mut F,
        stages: &mut [Y],
        t: f64,
        h: f64,
        y: &Y,
        y1: &mut Y,
    ) -> u64;
}

/// An ETDRK method bound to a semilinear field.
#[derive(Debug)]
pub struct Etdrk<M: Scheme<Y, F>, F: SemiLinear<Y>, Y: State> {
    field: F,
    symbol: Vec<Complex64>,
    /// Newest first.
    coefficients: Vec<(f64, M::Coefficients)>,
    stages: Vec<Y>,
    last: (f64, f64),
    work: Work,
}

impl<M: Scheme<Y, F>, F: SemiLinear<Y>, Y: State> Etdrk<M, F, Y> {
    /// Binds the method to a field; `like` gives the shape of the state.
    pub fn new(field: F, like: &Y) -> Self {
        Self {
            symbol: field.symbol(),
            field,
            coefficients: Vec::new(),
            stages: (0..5).map(|_| like.zeros_like()).collect(),
            last: (0.0, 0.0),
            work: Work::default(),
        }
    }

    /// The field.
    pub fn field(&self) -> &F {
        &self.field
    }

    /// Brings the coefficients for `h` to the front.
    fn prepare(&mut self, h: f64) {
        if self.coefficients.first().is_some_and(|(k, _)| *k == h) {
            return;
        }
        if let Some(i) = self.coefficients.iter().position(|(k, _)| *k == h) {
            self.coefficients.swap(0, i);
            return;
        }
        let z: Vec<_> = self.symbol.iter().map(|l| l * h).collect();
        self.coefficients.truncate(KEPT - 1);
        self.coefficients.insert(0, (h, M::prepare(&self.field, h, &z)));
        self.work.preparations += 1;
    }

    fn advance(&mut self, t: f64, h: f64, y: &Y, y1: &mut Y) {
        self.prepare(h);
        if let Some((_, c)) = self.coefficients.first() {
            self.work.evaluations += M::step(c, &mut self.field, &mut self.stages, t, h, y, y1);
        }
    }
}

impl<M: Scheme<Y, F>, F: SemiLinear<Y>, Y: State> Stepper<Y> for Etdrk<M, F, Y> {
    fn order(&self) -> usize {
        M::ORDER
    }

    fn step(&mut self, t: f64, dt: f64, y: &Y, y1: &mut Y) -> Result<(), StepFailure> {
        self.last = (t, dt);
        self.advance(t, dt, y, y1);
        Ok(())
    }

    /// A step of the method to the place inside the step; exact for the linear part, of the method's order.
    fn interpolate(&mut self, theta: f64, y0: &Y, _y1: &Y, out: &mut Y) {
        let (t, dt) = self.last;
        if theta == 0.0 {
            out.assign(y0);
        } else {
            self.advance(t, theta * dt, y0, out);
        }
    }

    fn work(&self) -> Work {
        self.work
    }
}

/// `diag(f(z))` for every entry of `z`.
fn diagonal<Y, F: SemiLinear<Y>>(
    field: &F,
    z: &[Complex64],
    f: impl Fn(Complex64) -> Complex64,
) -> F::Diagonal {
    field.diagonal(z.iter().map(|z| f(*z)).collect())
}

/// The coefficients of a half step that orders three and four share: `e^(z/2)` and `h/2 φ₁(z/2)`.
fn half_step(h: f64, z: Complex64) -> (Complex64, Complex64) {
    let half = z * 0.5;
    (half.exp(), phi123(half)[0] * (0.5 * h))
}

/// `h(φ₁ − 3φ₂ + 4φ₃)`, `h(2φ₂ − 4φ₃)`, `h(−φ₂ + 4φ₃)`: the last row of orders three (middle one doubled) and four.
fn last_row(h: f64, z: Complex64) -> [Complex64; 3] {
    let [p1, p2, p3] = phi123(z);
    [(p1 - p2 * 3.0 + p3 * 4.0) * h, (p2 * 2.0 - p3 * 4.0) * h, (p3 * 4.0 - p2) * h]
}
