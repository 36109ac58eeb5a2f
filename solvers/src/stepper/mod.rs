//! One step of a time integrator.

pub mod advance;
pub mod etdrk;
pub mod explicit_rk;
pub mod imex;
pub mod iterate;
pub mod reversible;
pub mod scheme;
pub mod sde;
pub mod semi_lagrangian;
pub mod stiff;
pub mod symplectic;

use crate::state::State;

/// The work that a stepper has done since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Work {
    /// Evaluations of the vector field, or of the nonlinear part of a semilinear one.
    pub evaluations: u64,
    /// Jacobians formed.
    pub jacobians: u64,
    /// Matrix factorisations.
    pub factorisations: u64,
    /// Linear solves, Newton iterations among them.
    pub linear_solves: u64,
    /// Times that coefficients which depend on the step size (φ-functions, say) were built.
    pub preparations: u64,
}

impl Work {
    /// The work of both.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        self.zip(other, |a, b| a + b)
    }

    /// The work since an earlier count.
    #[must_use]
    pub fn since(self, earlier: Self) -> Self {
        self.zip(earlier, u64::saturating_sub)
    }

    fn zip(self, other: Self, f: impl Fn(u64, u64) -> u64) -> Self {
        Self {
            evaluations: f(self.evaluations, other.evaluations),
            jacobians: f(self.jacobians, other.jacobians),
            factorisations: f(self.factorisations, other.factorisations),
            linear_solves: f(self.linear_solves, other.linear_solves),
            preparations: f(self.preparations, other.preparations),
        }
    }
}

/// Why a step could not be formed; an adaptive driver answers with a smaller step.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum StepFailure {
    /// Newton's method did not converge.
    #[error("the Newton iteration did not converge within {iterations} iterations")]
    Newton {
        /// Iterations made.
        iterations: usize,
    },
    /// The iteration matrix `I − hγJ` could not be inverted.
    #[error("the iteration matrix is singular")]
    Singular,
    /// The field wrote a slope, or a Jacobian, of another shape than the state's; smaller steps do not help.
    #[error("the field gave a value of another shape than the state's")]
    Shape,
    /// A step would have to be made in too many parts to be stable.
    #[error(
        "a step is stable in {needed:.3e} parts at least, and {most:.0e} are allowed: lower the step, the viscosity or the speeds"
    )]
    Parts {
        /// Parts that are needed.
        needed: f64,
        /// Parts that are allowed.
        most: f64,
    },
}

/// A method bound to a field: proposes steps, estimates their error, remembers what the next step can reuse.
///
/// The driver's protocol is `step` (any number of times from the same state), then `accept` once; after
/// that, and until the next `step`, `interpolate` refers to the accepted step.
pub trait Stepper<Y: State> {
    /// The order of convergence of the solution.
    fn order(&self) -> usize;

    /// The order of the embedded solution that estimates the error, if the method has one.
    fn embedded_order(&self) -> Option<usize> {
        None
    }

    /// Proposes `y1 ≈ y(t + dt)` from `y = y(t)`. `dt` may be negative.
    fn step(&mut self, t: f64, dt: f64, y: &Y, y1: &mut Y) -> Result<(), StepFailure>;

    /// The weighted norm of the last proposal's error estimate (one is the tolerance), if the method has one.
    fn error_norm(&mut self, _y0: &Y, _y1: &Y, _atol: f64, _rtol: f64) -> Option<f64> {
        None
    }

    /// Takes the last proposal as the new state: first-same-as-last stages and multistep history move on.
    fn accept(&mut self) {}

    /// Forgets all that earlier steps left (after an event or an external change of the state).
    fn reset(&mut self) {}

    /// Appends what the next step takes over from those before, beside its state: a first-same-as-last slope, multistep
    /// history, a Jacobian with its age. Nothing, if a step depends on its state alone; what is built from the step size
    /// (factors, φ-functions) is left out, for it is built anew to the same bits.
    fn write_memory(&self, _out: &mut Vec<f64>) {}

    /// Continues from what [`write_memory`](Self::write_memory) gave, so that all further steps are the same to the bit;
    /// `false` if the numbers are not those of this method.
    fn read_memory(&mut self, memory: &[f64]) -> bool {
        self.reset();
        memory.is_empty()
    }

    /// Whether an adaptive driver comes back to the end of every step that it rejected.
    ///
    /// On a random path a rejection tells of the path beyond the step that is taken instead. Steps that then skip the end of the
    /// rejected one would be chosen with that knowledge, and the solution would be biased.
    fn revisits(&self) -> bool {
        false
    }

    /// The order of the method's dense output; zero if it has none, and then a driver lands on save times exactly.
    fn dense_order(&self) -> usize {
        0
    }

    /// Writes the dense output at `t + θ·dt`, `θ ∈ [0, 1]`, of the last accepted step from `y0` to `y1`.
    ///
    /// May evaluate the field (once per step) where the interpolant needs extra stages. A method without
    /// dense output interpolates linearly.
    fn interpolate(&mut self, theta: f64, y0: &Y, y1: &Y, out: &mut Y) {
        out.combine(y0, &[(-theta, y0), (theta, y1)]);
    }

    /// The dense output of the last accepted step as a value of its own.
    fn dense_step(&mut self, y0: &Y, y1: &Y) -> DenseStep<Y> {
        DenseStep {
            base: y0.clone(),
            terms: vec![y0.clone(), y1.clone()],
            scale: 1.0,
            weights: linear_weights,
        }
    }

    /// Writes `dy/dt` at `(t, y)` into `dy` where the method can give it; a driver guesses its first step from it.
    fn derivative(&mut self, _t: f64, _y: &Y, _dy: &mut Y) -> bool {
        false
    }

    /// The work done so far.
    fn work(&self) -> Work;
}

fn linear_weights(theta: f64, w: &mut [f64]) {
    w[0] = -theta;
    w[1] = theta;
}

/// The interpolant of one step, `y(θ) = base + scale · Σᵢ wᵢ(θ) termᵢ`.
#[derive(Clone, Debug)]
pub struct DenseStep<Y> {
    /// The value at `θ = 0`.
    pub base: Y,
    /// Stages, or end values.
    pub terms: Vec<Y>,
    /// A factor common to all weights (the step size for stages).
    pub scale: f64,
    /// Writes the weights of the terms at `θ`.
    pub weights: fn(f64, &mut [f64]),
}

impl<Y: State> DenseStep<Y> {
    /// The value at `θ ∈ [0, 1]`.
    pub fn at(&self, theta: f64) -> Y {
        let mut w = vec![0.0; self.terms.len()];
        (self.weights)(theta, &mut w);
        let terms: Vec<_> = w.iter().zip(&self.terms).map(|(w, y)| (self.scale * w, y)).collect();
        let mut out = self.base.zeros_like();
        out.combine(&self.base, &terms);
        out
    }
}

/// The Hermite weights of `(y₁ − y₀)/h`-free terms: `−y₀`, `y₁`, `h f₀`, `h f₁`.
pub(crate) fn hermite(theta: f64) -> [f64; 4] {
    let (t, s) = (theta, 1.0 - theta);
    let value = t * t * (3.0 - 2.0 * t);
    [-value, value, t * s * s, -t * t * s]
}

/// The cubic Hermite polynomial of a step with end slopes `f0` and `f1`.
fn hermite_step<Y: State>(y0: &Y, y1: &Y, dt: f64, f0: &Y, f1: &Y) -> DenseStep<Y> {
    let scaled = |f: &Y| {
        let mut f = f.clone();
        f.scale(dt);
        f
    };
    DenseStep {
        base: y0.clone(),
        terms: vec![y0.clone(), y1.clone(), scaled(f0), scaled(f1)],
        scale: 1.0,
        weights: |theta, w| w.copy_from_slice(&hermite(theta)),
    }
}

impl<Y: State, S: Stepper<Y> + ?Sized> Stepper<Y> for Box<S> {
    fn order(&self) -> usize {
        (**self).order()
    }
    fn embedded_order(&self) -> Option<usize> {
        (**self).embedded_order()
    }
    fn step(&mut self, t: f64, dt: f64, y: &Y, y1: &mut Y) -> Result<(), StepFailure> {
        (**self).step(t, dt, y, y1)
    }
    fn error_norm(&mut self, y0: &Y, y1: &Y, atol: f64, rtol: f64) -> Option<f64> {
        (**self).error_norm(y0, y1, atol, rtol)
    }
    fn accept(&mut self) {
        (**self).accept();
    }
    fn reset(&mut self) {
        (**self).reset();
    }
    fn write_memory(&self, out: &mut Vec<f64>) {
        (**self).write_memory(out);
    }
    fn read_memory(&mut self, memory: &[f64]) -> bool {
        (**self).read_memory(memory)
    }

    fn revisits(&self) -> bool {
        (**self).revisits()
    }
    fn dense_order(&self) -> usize {
        (**self).dense_order()
    }
    fn interpolate(&mut self, theta: f64, y0: &Y, y1: &Y, out: &mut Y) {
        (**self).interpolate(theta, y0, y1, out);
    }
    fn dense_step(&mut self, y0: &Y, y1: &Y) -> DenseStep<Y> {
        (**self).dense_step(y0, y1)
    }
    fn derivative(&mut self, t: f64, y: &Y, dy: &mut Y) -> bool {
        (**self).derivative(t, y, dy)
    }
    fn work(&self) -> Work {
        (**self).work()
    }
}
