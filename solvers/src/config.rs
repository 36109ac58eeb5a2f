//! The choice of a method as configuration: `[solver.NAME]`.

use ndarray::Array1;
use serde::{Deserialize, Serialize};

use crate::control::{Control, Pid};
use crate::field::{Assembled, Jacobian, SemiLinear, Separable, VectorField};
use crate::gradient::{Adjoint, Differentiated, GradientError, Loss};
use crate::increment::{Ordinary, VectorJacobian};
use crate::issue::{Check, Validate};
use crate::solve::{Solution, SolveOptions};
use crate::state::{DenseState, State};
use crate::stepper::Stepper;
use crate::stepper::etdrk::{Compatibility, Etdrk1, Etdrk2, Etdrk2Config, Etdrk2RealPhi, Etdrk3, Etdrk4};
use crate::stepper::explicit_rk::{
    BOGACKI_SHAMPINE, DOPRI5, DOPRI8, EULER, ExplicitRk, HEUN, MIDPOINT, RALSTON, RK4, RungeKutta, TSIT5,
    Tableau,
};
use crate::stepper::imex::{Cnab2, Sbdf2};
use crate::stepper::reversible::{
    AsynchronousLeapfrogConfig, BdiaConfig, CoupledConfig, EES25, ReversibleHeunConfig, ReversibleScheme,
};
use crate::stepper::semi_lagrangian::{CarryingFlow, SemiLagrangian, SemiLagrangianConfig};
use crate::stepper::stiff::{Esdirk, EsdirkTableau, KVAERNO3, KVAERNO5};
use crate::stepper::symplectic::{SYMPLECTIC_EULER, Splitting, Symplectic, VELOCITY_VERLET, YOSHIDA4};

/// Tolerances of Newton's iterations where an implicit method runs with a fixed step.
const FIXED_STEP_TOLERANCE: f64 = 1e-12;

/// A method with steps of one size.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FixedConfig {
    /// The step size, in units of the problem's time.
    pub dt: f64,
}

/// A method with an error estimate.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AdaptiveConfig {
    /// Relative tolerance of a step.
    pub rtol: f64,
    /// Absolute tolerance of a step.
    pub atol: f64,
    /// Fixed steps of this size instead of error control.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dt: Option<f64>,
    /// The most steps of one trajectory.
    pub max_steps: u64,
}

impl Default for AdaptiveConfig {
    fn default() -> Self {
        Self { rtol: 1e-6, atol: 1e-9, dt: None, max_steps: 10_000_000 }
    }
}

/// What a method needs of the equation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MethodKind {
    /// The right-hand side.
    Explicit,
    /// The right-hand side and its Jacobian.
    Stiff,
    /// A separable Hamiltonian.
    Symplectic,
    /// A linear part that is diagonal.
    Semilinear,
    /// The right-hand side; the method can be run back.
    Reversible,
    /// A drift and a diffusion.
    Stochastic,
    /// A flow that carries scalars between walls.
    Carrying,
}

/// A method and its parameters.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum SolverConfig {
    Euler(FixedConfig),
    Midpoint(FixedConfig),
    Heun(FixedConfig),
    Ralston(FixedConfig),
    Rk4(FixedConfig),
    BogackiShampine(AdaptiveConfig),
    Dopri5(AdaptiveConfig),
    Tsit5(AdaptiveConfig),
    Dopri8(AdaptiveConfig),
    Kvaerno3(AdaptiveConfig),
    Kvaerno5(AdaptiveConfig),
    SymplecticEuler(FixedConfig),
    VelocityVerlet(FixedConfig),
    Yoshida4(FixedConfig),
    Etdrk1(FixedConfig),
    Etdrk2(Etdrk2Config),
    Etdrk3(FixedConfig),
    Etdrk4(FixedConfig),
    Cnab2(FixedConfig),
    Sbdf2(FixedConfig),
    ReversibleHeun(ReversibleHeunConfig),
    AsynchronousLeapfrog(AsynchronousLeapfrogConfig),
    Coupled(CoupledConfig),
    Bdia(BdiaConfig),
    Ees25(FixedConfig),
    EulerMaruyama(FixedConfig),
    Milstein(AdaptiveConfig),
    Sra1(AdaptiveConfig),
    Shark(AdaptiveConfig),
    Spark(AdaptiveConfig),
    SlowRk(AdaptiveConfig),
    SemiLagrangian(SemiLagrangianConfig),
}

/// The least relative tolerance of a method for stochastic equations that chooses its steps.
const LEAST_STOCHASTIC_TOLERANCE: f64 = 1e-5;

/// Every method for stochastic equations; [`Heun`](SolverConfig::Heun) and other explicit methods solve those of Stratonovich, too.
pub const STOCHASTIC_METHODS: &[(&str, &str)] = &[
    ("euler_maruyama", "Euler-Maruyama, strong order 1/2, for Itô equations"),
    ("milstein", "Milstein, strong order 1, for noise that commutes, adaptive"),
    ("sra1", "Rößler, strong order 3/2, for additive noise, adaptive"),
    ("shark", "shifted Runge-Kutta, strong order 3/2, for additive noise, adaptive"),
    ("spark", "splitting path Runge-Kutta, strong order 1/2 to 1, for Stratonovich equations, adaptive"),
    ("slow_rk", "strong order 3/2 for Stratonovich equations whose noise commutes, adaptive"),
];

/// Every method for flows between walls.
pub const FLOW_METHODS: &[(&str, &str)] =
    &[("semi_lagrangian", "semi-Lagrangian advection and projection, order 1, for flows between walls")];

/// Every method for deterministic equations: its name, and what it is.
pub const METHODS: &[(&str, &str)] = &[
    ("euler", "explicit Euler, order 1"),
    ("midpoint", "explicit midpoint, order 2"),
    ("heun", "Heun, order 2"),
    ("ralston", "Ralston, order 2"),
    ("rk4", "the classical Runge-Kutta method, order 4"),
    ("bogacki_shampine", "Bogacki-Shampine, order 3(2), adaptive"),
    ("dopri5", "Dormand-Prince, order 5(4), adaptive"),
    ("tsit5", "Tsitouras, order 5(4), adaptive"),
    ("dopri8", "Dormand-Prince, order 8(5,3), adaptive"),
    ("kvaerno3", "Kværnø ESDIRK, order 3(2), for stiff systems, adaptive"),
    ("kvaerno5", "Kværnø ESDIRK, order 5(4), for stiff systems, adaptive"),
    ("symplectic_euler", "symplectic Euler, order 1, for separable Hamiltonians"),
    ("velocity_verlet", "velocity Verlet, order 2, for separable Hamiltonians"),
    ("yoshida4", "Yoshida, order 4, for separable Hamiltonians"),
    ("etdrk1", "exponential Euler, order 1, for semilinear equations"),
    ("etdrk2", "exponential Runge-Kutta, order 2, for semilinear equations"),
    ("etdrk3", "exponential Runge-Kutta, order 3, for semilinear equations"),
    ("etdrk4", "exponential Runge-Kutta, order 4, for semilinear equations"),
    ("cnab2", "Crank-Nicolson and Adams-Bashforth, order 2, for semilinear equations"),
    ("sbdf2", "semi-implicit BDF, order 2, for semilinear equations"),
    ("reversible_heun", "reversible Heun, order 2"),
    ("asynchronous_leapfrog", "asynchronous leapfrog, order 2, reversible"),
    ("coupled", "any explicit method, coupled to be reversible, of its order"),
    ("bdia", "bidirectional integration approximation of any explicit method, reversible"),
    ("ees25", "explicit and effectively symmetric, order 2 (5 when run forth and back)"),
];

enum Method {
    Explicit(&'static Tableau),
    Stiff(&'static EsdirkTableau),
    Symplectic(&'static Splitting),
    Semilinear,
    Reversible(ReversibleScheme),
    Stochastic,
    Carrying,
}

enum Parameters {
    Fixed(FixedConfig),
    Adaptive(AdaptiveConfig),
}

impl SolverConfig {
    /// One row per method: its name, its parameters, what executes it.
    fn parts(&self) -> (&'static str, Parameters, Method) {
        use Method::{Carrying, Explicit, Reversible, Semilinear, Stiff, Stochastic, Symplectic};
        use Parameters::{Adaptive, Fixed};
        match *self {
            Self::Euler(c) => ("euler", Fixed(c), Explicit(&EULER)),
            Self::Midpoint(c) => ("midpoint", Fixed(c), Explicit(&MIDPOINT)),
            Self::Heun(c) => ("heun", Fixed(c), Explicit(&HEUN)),
            Self::Ralston(c) => ("ralston", Fixed(c), Explicit(&RALSTON)),
            Self::Rk4(c) => ("rk4", Fixed(c), Explicit(&RK4)),
            Self::BogackiShampine(c) => ("bogacki_shampine", Adaptive(c), Explicit(&BOGACKI_SHAMPINE)),
            Self::Dopri5(c) => ("dopri5", Adaptive(c), Explicit(&DOPRI5)),
            Self::Tsit5(c) => ("tsit5", Adaptive(c), Explicit(&TSIT5)),
            Self::Dopri8(c) => ("dopri8", Adaptive(c), Explicit(&DOPRI8)),
            Self::Kvaerno3(c) => ("kvaerno3", Adaptive(c), Stiff(&KVAERNO3)),
            Self::Kvaerno5(c) => ("kvaerno5", Adaptive(c), Stiff(&KVAERNO5)),
            Self::SymplecticEuler(c) => ("symplectic_euler", Fixed(c), Symplectic(&SYMPLECTIC_EULER)),
            Self::VelocityVerlet(c) => ("velocity_verlet", Fixed(c), Symplectic(&VELOCITY_VERLET)),
            Self::Yoshida4(c) => ("yoshida4", Fixed(c), Symplectic(&YOSHIDA4)),
            Self::Etdrk1(c) => ("etdrk1", Fixed(c), Semilinear),
            Self::Etdrk2(c) => ("etdrk2", Fixed(FixedConfig { dt: c.dt }), Semilinear),
            Self::Etdrk3(c) => ("etdrk3", Fixed(c), Semilinear),
            Self::Etdrk4(c) => ("etdrk4", Fixed(c), Semilinear),
            Self::Cnab2(c) => ("cnab2", Fixed(c), Semilinear),
            Self::Sbdf2(c) => ("sbdf2", Fixed(c), Semilinear),
            Self::ReversibleHeun(c) => {
                ("reversible_heun", Fixed(FixedConfig { dt: c.dt }), Reversible(ReversibleScheme::Heun(c)))
            }
            Self::AsynchronousLeapfrog(c) => (
                "asynchronous_leapfrog",
                Fixed(FixedConfig { dt: c.dt }),
                Reversible(ReversibleScheme::Leapfrog(c)),
            ),
            Self::Coupled(c) => {
                ("coupled", Fixed(FixedConfig { dt: c.dt }), Reversible(ReversibleScheme::Coupled(c)))
            }
            Self::Bdia(c) => ("bdia", Fixed(FixedConfig { dt: c.dt }), Reversible(ReversibleScheme::Bdia(c))),
            Self::Ees25(c) => ("ees25", Fixed(c), Explicit(&EES25)),
            Self::EulerMaruyama(c) => ("euler_maruyama", Fixed(c), Stochastic),
            Self::Milstein(c) => ("milstein", Adaptive(c), Stochastic),
            Self::Sra1(c) => ("sra1", Adaptive(c), Stochastic),
            Self::Shark(c) => ("shark", Adaptive(c), Stochastic),
            Self::Spark(c) => ("spark", Adaptive(c), Stochastic),
            Self::SlowRk(c) => ("slow_rk", Adaptive(c), Stochastic),
            Self::SemiLagrangian(c) => ("semi_lagrangian", Fixed(FixedConfig { dt: c.dt }), Carrying),
        }
    }

    /// The name in configs.
    pub fn name(&self) -> &'static str {
        self.parts().0
    }

    /// What it reproduces in place of solving as well as it could, in words.
    pub fn deviates(&self) -> Option<&'static str> {
        match self {
            Self::Etdrk2(Etdrk2Config { compatibility: Some(Compatibility::Exponax01), .. }) => Some(
                "solver.etdrk2.compatibility = \"exponax-0.1\" keeps the real parts of the φ-functions alone: the data reproduce a published benchmark; where the linear part is not real they are a discrete map, of order one, and no converged solution of the equation",
            ),
            _ => None,
        }
    }

    /// What the method needs of the equation.
    pub fn kind(&self) -> MethodKind {
        match self.parts().2 {
            Method::Explicit(_) => MethodKind::Explicit,
            Method::Stiff(_) => MethodKind::Stiff,
            Method::Symplectic(_) => MethodKind::Symplectic,
            Method::Semilinear => MethodKind::Semilinear,
            Method::Reversible(_) => MethodKind::Reversible,
            Method::Stochastic => MethodKind::Stochastic,
            Method::Carrying => MethodKind::Carrying,
        }
    }

    /// The step control.
    pub fn control(&self) -> Control {
        match self.parts().1 {
            Parameters::Fixed(c) => Control::Fixed { dt: c.dt },
            Parameters::Adaptive(c) => match c.dt {
                Some(dt) => Control::Fixed { dt },
                None if self.kind() == MethodKind::Stochastic => Control::Pid(Pid::for_noise(c.rtol, c.atol)),
                None => Control::Pid(Pid { rtol: c.rtol, atol: c.atol, ..Pid::default() }),
            },
        }
    }

    /// The step size, of a method with steps of one size.
    pub fn dt(&self) -> Option<f64> {
        match self.control() {
            Control::Fixed { dt } => Some(dt),
            Control::Pid(_) => None,
        }
    }

    /// The most steps of one trajectory.
    pub fn max_steps(&self) -> u64 {
        match self.parts().1 {
            Parameters::Fixed(_) => u64::MAX,
            Parameters::Adaptive(c) => c.max_steps,
        }
    }

    /// The same method with half the step, or with tolerances of a thirty-second: the difference to it measures the
    /// error.
    #[must_use]
    pub fn refined(&self) -> Self {
        let mut refined = *self;
        refined.parameters_mut(
            |dt| *dt *= 0.5,
            |c| match &mut c.dt {
                Some(dt) => *dt *= 0.5,
                None => {
                    c.rtol = (c.rtol / 32.0).max(1e-14);
                    c.atol /= 32.0;
                }
            },
        );
        refined
    }

    /// The same method with steps of `dt`.
    #[must_use]
    pub fn with_dt(&self, dt: f64) -> Self {
        let mut changed = *self;
        changed.parameters_mut(|own| *own = dt, |c| c.dt = Some(dt));
        changed
    }

    fn parameters_mut(&mut self, fixed: impl FnOnce(&mut f64), adaptive: impl FnOnce(&mut AdaptiveConfig)) {
        match self {
            Self::Euler(c)
            | Self::Midpoint(c)
            | Self::Heun(c)
            | Self::Ralston(c)
            | Self::Rk4(c)
            | Self::SymplecticEuler(c)
            | Self::VelocityVerlet(c)
            | Self::Yoshida4(c)
            | Self::Etdrk1(c)
            | Self::Etdrk3(c)
            | Self::Etdrk4(c)
            | Self::Cnab2(c)
            | Self::Sbdf2(c)
            | Self::EulerMaruyama(c)
            | Self::Ees25(c) => fixed(&mut c.dt),
            Self::Etdrk2(c) => fixed(&mut c.dt),
            Self::ReversibleHeun(c) => fixed(&mut c.dt),
            Self::AsynchronousLeapfrog(c) => fixed(&mut c.dt),
            Self::Coupled(c) => fixed(&mut c.dt),
            Self::Bdia(c) => fixed(&mut c.dt),
            Self::SemiLagrangian(c) => fixed(&mut c.dt),
            Self::BogackiShampine(c)
            | Self::Dopri5(c)
            | Self::Tsit5(c)
            | Self::Dopri8(c)
            | Self::Kvaerno3(c)
            | Self::Kvaerno5(c)
            | Self::Milstein(c)
            | Self::Sra1(c)
            | Self::Shark(c)
            | Self::Spark(c)
            | Self::SlowRk(c) => adaptive(c),
        }
    }

    /// The explicit Runge-Kutta method, if it is one.
    pub fn tableau(&self) -> Option<&'static Tableau> {
        match self.parts().2 {
            Method::Explicit(tableau) => Some(tableau),
            _ => None,
        }
    }

    /// The method for a plain vector field, if it is explicit.
    pub fn explicit_stepper<'a, Y: State + 'a, F: VectorField<Y> + 'a>(
        &self,
        field: F,
        like: &Y,
    ) -> Option<Box<dyn Stepper<Y> + 'a>> {
        match self.parts().2 {
            Method::Explicit(tableau) => Some(Box::new(ExplicitRk::new(tableau, field, like))),
            Method::Reversible(scheme) => Some(scheme.stepper(field)),
            _ => None,
        }
    }

    /// The method for a vector field with a Jacobian, if it is explicit or implicit.
    pub fn dense_stepper<'a, Y: DenseState + 'a, F: Jacobian<Y> + 'a>(
        &self,
        field: F,
        like: &Y,
    ) -> Option<Box<dyn Stepper<Y> + 'a>> {
        let (_, parameters, method) = self.parts();
        match (method, parameters) {
            (Method::Explicit(tableau), _) => Some(Box::new(ExplicitRk::new(tableau, field, like))),
            (Method::Reversible(scheme), _) => Some(scheme.stepper(field)),
            (Method::Stiff(tableau), Parameters::Adaptive(c)) => {
                let (rtol, atol) = match c.dt {
                    Some(_) => (FIXED_STEP_TOLERANCE, FIXED_STEP_TOLERANCE),
                    None => (c.rtol, c.atol),
                };
                Some(Box::new(Esdirk::new(tableau, field, like, rtol, atol)))
            }
            _ => None,
        }
    }

    /// Solves with this method and differentiates a loss of the solution, if the method is explicit or reversible.
    ///
    /// Step control, save times and events are those of `options`; the companions of a reversible method start afresh
    /// as its config says, unless the gradient has segments.
    pub fn differentiate<Y: State, F: VectorJacobian<Y>>(
        &self,
        adjoint: Adjoint<Y>,
        field: F,
        y0: &Y,
        options: &mut SolveOptions<Y>,
        loss: impl FnOnce(&Solution<Y>) -> Loss<Y>,
    ) -> Option<Result<Differentiated<Y, F::Gradient>, GradientError>> {
        match self.parts().2 {
            Method::Explicit(tableau) => {
                let scheme = RungeKutta::new(tableau);
                Some(adjoint.differentiate(scheme, Ordinary(field), y0, options, loss))
            }
            Method::Reversible(scheme) => Some(scheme.differentiate(adjoint, field, y0, options, loss)),
            Method::Stiff(_)
            | Method::Symplectic(_)
            | Method::Semilinear
            | Method::Stochastic
            | Method::Carrying => None,
        }
    }

    /// The method for a separable Hamiltonian, if it is symplectic.
    pub fn symplectic_stepper<'a, Q: State + 'a, F: Separable<Q> + 'a>(
        &self,
        field: F,
        like: &(Q, Q),
    ) -> Option<Box<dyn Stepper<(Q, Q)> + 'a>> {
        match self.parts().2 {
            Method::Symplectic(splitting) => Some(Box::new(Symplectic::new(splitting, field, like))),
            _ => None,
        }
    }

    /// The method for a flow between walls that carries scalars, if it is one.
    pub fn carrying_stepper<'a, F: CarryingFlow + 'a>(
        &self,
        flow: F,
    ) -> Option<Box<dyn Stepper<Array1<f64>> + 'a>> {
        match self {
            Self::SemiLagrangian(c) => Some(Box::new(SemiLagrangian::new(flow, *c))),
            _ => None,
        }
    }

    /// The method for a semilinear equation: exponential, semi-implicit, or explicit with `L` assembled into the field.
    pub fn semilinear_stepper<'a, Y: State + 'a, F: SemiLinear<Y> + 'a>(
        &self,
        field: F,
        like: &Y,
    ) -> Option<Box<dyn Stepper<Y> + 'a>> {
        Some(match self {
            Self::Etdrk1(_) => Box::new(Etdrk1::new(field, like)),
            Self::Etdrk2(c) => match c.compatibility {
                None => Box::new(Etdrk2::new(field, like)),
                Some(Compatibility::Exponax01) => Box::new(Etdrk2RealPhi::new(field, like)),
            },
            Self::Etdrk3(_) => Box::new(Etdrk3::new(field, like)),
            Self::Etdrk4(_) => Box::new(Etdrk4::new(field, like)),
            Self::Cnab2(_) => Box::new(Cnab2::new(field, like)),
            Self::Sbdf2(_) => Box::new(Sbdf2::new(field, like)),
            _ => return self.explicit_stepper(Assembled::new(field, like), like),
        })
    }
}

impl Validate for SolverConfig {
    fn validate(&self, mut check: Check<'_>) {
        let (name, parameters, method) = self.parts();
        let mut check = check.table(name);
        match parameters {
            Parameters::Fixed(c) => check.positive("dt", c.dt),
            Parameters::Adaptive(c) => {
                check.positive("atol", c.atol);
                check.within("rtol", c.rtol, 1e-15, 1.0);
                check.require(c.max_steps > 0, "max_steps", "0 allows no step", "it must be at least 1");
                if let Some(dt) = c.dt {
                    check.positive("dt", dt);
                } else if self.kind() == MethodKind::Stochastic {
                    check.require(
                        c.rtol >= LEAST_STOCHASTIC_TOLERANCE,
                        "rtol",
                        format!("{:e} asks a rough path for steps too small to be taken", c.rtol),
                        format!("give dt, or a tolerance of at least {LEAST_STOCHASTIC_TOLERANCE:e}"),
                    );
                }
            }
        }
        if let Method::Reversible(scheme) = method {
            scheme.validate(&mut check);
        }
    }
}
