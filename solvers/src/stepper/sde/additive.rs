//! Runge-Kutta methods for additive noise, of strong order 1.5.

use crate::brownian::LevyPath;
use crate::sde::{Additive, OnPath, Sde};
use crate::state::State;
use crate::stepper::{StepFailure, Stepper, Work};

/// A method of two stages, `z₁ = y + α₁ g H`, `z₂ = y + a h f(t, z₁) + g (β W + α₂ H)`,
/// `y₁ = y + h (b₁ f(t, z₁) + b₂ f(t + c h, z₂)) + g W + (g(t + h) − g)(½ W − H)`.
#[derive(Clone, Copy, Debug)]
pub struct AdditiveTableau {
    /// The name in configs.
    pub name: &'static str,
    /// The weight of the first slope in the second stage, and its place `c`.
    pub a: f64,
    /// The weights of the slopes.
    pub b: [f64; 2],
    /// The weight `β` of the increment in the second stage.
    pub increment: f64,
    /// The weights `α` of the area in the stages.
    pub area: [f64; 2],
}

/// A method for additive noise bound to an equation on a path: strong order 1.5, weak order 2.
///
/// Both calculi agree for additive noise; other noise does not compile:
///
/// ```compile_fail,E0271
/// use flowmap_solvers::brownian::Brownian;
/// use flowmap_solvers::sde::{Diagonal, Ito, OnPath, Sde};
/// use flowmap_solvers::stepper::{Stepper, sde::{AdditiveRk, SHARK}};
///
/// struct Asset;
/// impl Sde<[f64; 1]> for Asset {
///     type Noise = [f64; 1];
///     type Calculus = Ito;
///     type Structure = Diagonal;
///     fn noise_like(&self, _y: &[f64; 1]) -> [f64; 1] { [0.0] }
///     fn drift(&mut self, _t: f64, y: &[f64; 1], out: &mut [f64; 1]) { *out = *y; }
///     fn diffusion(&mut self, _t: f64, y: &[f64; 1], dw: &[f64; 1], out: &mut [f64; 1]) { out[0] = y[0] * dw[0]; }
/// }
///
/// let equation = OnPath::new(Asset, Brownian::new(0, 0.0, 1.0, &[0.0]), &[1.0]);
/// fn stepper<S: Stepper<[f64; 1]>>(_: S) {}
/// stepper(AdditiveRk::new(&SHARK, equation, &[1.0]));
/// ```
#[derive(Clone, Debug)]
pub struct AdditiveRk<S: Sde<Y>, P, Y: State> {
    tableau: &'static AdditiveTableau,
    equation: OnPath<S, P, Y>,
    slopes: [Y; 2],
    noises: [Y; 4],
    stage: Y,
    work: Work,
    dt: f64,
}

impl<Y: State, S: Sde<Y, Structure = Additive>, P> AdditiveRk<S, P, Y> {
    /// Binds a method to an equation on a path; `like` gives the shape of the state.
    pub fn new(tableau: &'static AdditiveTableau, equation: OnPath<S, P, Y>, like: &Y) -> Self {
        let zero = || like.zeros_like();
        let (slopes, noises) = (std::array::from_fn(|_| zero()), std::array::from_fn(|_| zero()));
        Self { tableau, equation, slopes, noises, stage: zero(), work: Work::default(), dt: 0.0 }
    }
}

impl<Y: State, S: Sde<Y, Structure = Additive>, P: LevyPath<S::Noise>> Stepper<Y> for AdditiveRk<S, P, Y> {
    fn order(&self) -> usize {
        2
    }

    fn embedded_order(&self) -> Option<usize> {
        Some(1)
    }

    #[inline]
    fn step(&mut self, t: f64, dt: f64, y: &Y, y1: &mut Y) -> Result<(), StepFailure> {
        let AdditiveTableau { a, b, increment, area, .. } = *self.tableau;
        let interval = (t, t + dt);
        self.dt = dt;
        let [w, h, w_end, h_end] = &mut self.noises;
        self.equation.along_increment(interval, t, y, w);
        self.equation.along_area(interval, t, y, h);
        self.equation.along_increment(interval, t + dt, y, w_end);
        self.equation.along_area(interval, t + dt, y, h_end);
        let (w, h, w_end, h_end) = (&*w, &*h, &*w_end, &*h_end);
        let [first, second] = &mut self.slopes;
        self.stage.combine(y, &[(area[0], h)]);
        self.equation.drift(t, &self.stage, first);
        self.stage.combine(y, &[(a * dt, &*first), (increment, w), (area[1], h)]);
        self.equation.drift(t + a * dt, &self.stage, second);
        y1.combine(
            y,
            &[(b[0] * dt, &*first), (b[1] * dt, &*second), (0.5, w), (1.0, h), (0.5, w_end), (-1.0, h_end)],
        );
        self.work.evaluations += 2;
        Ok(())
    }

    fn error_norm(&mut self, y0: &Y, y1: &Y, atol: f64, rtol: f64) -> Option<f64> {
        // Against the method that takes the first slope alone.
        let weight = self.tableau.b[1] * self.dt;
        self.stage.assign(&self.slopes[1]);
        self.stage.axpy(-1.0, &self.slopes[0]);
        self.stage.scale(weight);
        Some(Y::error_norm(&self.stage, y0, y1, atol, rtol))
    }

    fn revisits(&self) -> bool {
        true
    }

    fn work(&self) -> Work {
        self.work
    }
}
