//! The Euler-Maruyama method.

use crate::brownian::Path;
use crate::sde::{Ito, MeansIn, OnPath, Sde};
use crate::state::State;
use crate::stepper::{StepFailure, Stepper, Work};

/// `y₁ = y + f h + g ΔW`, for Itô equations: strong order ½ (1 for additive noise), weak order 1.
///
/// A Stratonovich equation, whose solution is another one, does not compile:
///
/// ```compile_fail,E0277
/// use flowmap_solvers::brownian::Brownian;
/// use flowmap_solvers::sde::{Diagonal, OnPath, Sde, Stratonovich};
/// use flowmap_solvers::stepper::{Stepper, sde::EulerMaruyama};
///
/// struct Asset;
/// impl Sde<[f64; 1]> for Asset {
///     type Noise = [f64; 1];
///     type Calculus = Stratonovich;
///     type Structure = Diagonal;
///     fn noise_like(&self, _y: &[f64; 1]) -> [f64; 1] { [0.0] }
///     fn drift(&mut self, _t: f64, y: &[f64; 1], out: &mut [f64; 1]) { *out = *y; }
///     fn diffusion(&mut self, _t: f64, y: &[f64; 1], dw: &[f64; 1], out: &mut [f64; 1]) { out[0] = y[0] * dw[0]; }
/// }
///
/// fn stepper<S: Stepper<[f64; 1]>>(_: S) {}
/// stepper(EulerMaruyama::new(OnPath::new(Asset, Brownian::new(0, 0.0, 1.0, &[0.0]), &[1.0]), &[1.0]));
/// ```
///
/// G. Maruyama, Rendiconti del Circolo Matematico di Palermo 4 (1955) 48-90.
#[derive(Clone, Debug)]
pub struct EulerMaruyama<S: Sde<Y>, P, Y: State> {
    equation: OnPath<S, P, Y>,
    drift: Y,
    diffusion: Y,
    work: Work,
}

impl<Y: State, S: Sde<Y>, P> EulerMaruyama<S, P, Y> {
    /// Binds the method to an equation on a path; `like` gives the shape of the state.
    pub fn new(equation: OnPath<S, P, Y>, like: &Y) -> Self {
        let (drift, diffusion) = (like.zeros_like(), like.zeros_like());
        Self { equation, drift, diffusion, work: Work::default() }
    }
}

impl<Y: State, S: Sde<Y>, P: Path<S::Noise>> Stepper<Y> for EulerMaruyama<S, P, Y>
where
    (S::Calculus, S::Structure): MeansIn<Ito>,
{
    fn order(&self) -> usize {
        1
    }

    #[inline]
    fn step(&mut self, t: f64, dt: f64, y: &Y, y1: &mut Y) -> Result<(), StepFailure> {
        self.equation.drift(t, y, &mut self.drift);
        self.equation.diffusion(t, t + dt, t, y, &mut self.diffusion);
        y1.combine(y, &[(dt, &self.drift), (1.0, &self.diffusion)]);
        self.work.evaluations += 1;
        Ok(())
    }

    fn revisits(&self) -> bool {
        true
    }

    fn work(&self) -> Work {
        self.work
    }
}
