//! Milstein's method.

use crate::brownian::Path;
use crate::sde::{Calculus, Commutes, Correction, DiffusionDerivative, OnPath, Reading, Sde};
use crate::state::State;
use crate::stepper::{StepFailure, Stepper, Work};

/// `y₁ = y + f h + b + ½ (∂(g ΔW)/∂y) b`, `b = g ΔW`, and for an Itô equation `− ½ h Σⱼ (∂gⱼ/∂y) gⱼ` besides: strong and weak order 1
/// for noise that commutes, in the calculus of the equation.
///
/// Noise that is not known to commute needs the Lévy area between its components and does not compile:
///
/// ```compile_fail,E0277
/// use flowmap_solvers::brownian::Brownian;
/// use flowmap_solvers::sde::{DiffusionDerivative, General, Ito, OnPath, Sde};
/// use flowmap_solvers::stepper::{Stepper, sde::Milstein};
///
/// struct Two;
/// impl Sde<[f64; 2]> for Two {
///     type Noise = [f64; 2];
///     type Calculus = Ito;
///     type Structure = General;
///     fn noise_like(&self, _y: &[f64; 2]) -> [f64; 2] { [0.0; 2] }
///     fn drift(&mut self, _t: f64, y: &[f64; 2], out: &mut [f64; 2]) { *out = *y; }
///     fn diffusion(&mut self, _t: f64, y: &[f64; 2], dw: &[f64; 2], out: &mut [f64; 2]) { *out = [dw[0], y[0] * dw[1]]; }
/// }
/// impl DiffusionDerivative<[f64; 2]> for Two {
///     fn diffusion_derivative(&mut self, _t: f64, _y: &[f64; 2], v: &[f64; 2], dw: &[f64; 2], out: &mut [f64; 2]) {
///         *out = [0.0, v[0] * dw[1]];
///     }
/// }
///
/// fn stepper<S: Stepper<[f64; 2]>>(_: S) {}
/// stepper(Milstein::new(OnPath::new(Two, Brownian::new(0, 0.0, 1.0, &[0.0; 2]), &[1.0; 2]), &[1.0; 2]));
/// ```
///
/// G. N. Milstein, "Approximate integration of stochastic differential equations", Theory of Probability and its Applications 19
/// (1975) 557-562.
#[derive(Clone, Debug)]
pub struct Milstein<S: Sde<Y>, P, Y: State> {
    equation: OnPath<S, P, Y>,
    drift: Y,
    diffusion: Y,
    second: Y,
    correction: Correction<S::Noise, Y>,
    work: Work,
}

impl<Y: State, S: Sde<Y>, P> Milstein<S, P, Y> {
    /// Binds the method to an equation on a path; `like` gives the shape of the state.
    pub fn new(equation: OnPath<S, P, Y>, like: &Y) -> Self {
        let zero = || like.zeros_like();
        let correction = Correction::new(&equation.sde, like);
        Self { equation, drift: zero(), diffusion: zero(), second: zero(), correction, work: Work::default() }
    }
}

impl<Y: State, S: DiffusionDerivative<Y>, P: Path<S::Noise>> Stepper<Y> for Milstein<S, P, Y>
where
    S::Structure: Commutes,
{
    fn order(&self) -> usize {
        1
    }

    #[inline]
    fn step(&mut self, t: f64, dt: f64, y: &Y, y1: &mut Y) -> Result<(), StepFailure> {
        self.equation.drift(t, y, &mut self.drift);
        self.equation.diffusion(t, t + dt, t, y, &mut self.diffusion);
        self.equation.diffusion_derivative(t, t + dt, t, y, &self.diffusion, &mut self.second);
        y1.combine(y, &[(dt, &self.drift), (1.0, &self.diffusion), (0.5, &self.second)]);
        if S::Calculus::READING == Reading::Ito {
            self.correction.add(&mut self.equation.sde, -dt, t, y, y1);
        }
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
