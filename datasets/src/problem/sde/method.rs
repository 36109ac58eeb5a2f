//! Which methods solve a stochastic problem, and on which path.

use std::marker::PhantomData;
use std::sync::Arc;

use flowmap_solvers::brownian::Brownian;
use flowmap_solvers::config::{MethodKind, SolverConfig};
use flowmap_solvers::control::Control;
use flowmap_solvers::issue::Issue;
use flowmap_solvers::sde::{
    Additive, Calculus, Commutative, Commutes, Diagonal, DiffusionDerivative, General, Ito, NoiseKind,
    OnPath, Reading, Sde, Stratonovich, Structure,
};
use flowmap_solvers::state::DenseState;
use flowmap_solvers::stepper::Stepper;
use flowmap_solvers::stepper::sde::{
    AdditiveRk, AdditiveTableau, Doubled, EulerMaruyama, IncrementRk, Milstein, SHARK, SLOW_RK, SPARK, SRA1,
    StratonovichRk,
};
use ndarray::Array1;

use super::SdeProblem;
use crate::simulate::Realisation;

/// A problem as an equation for the steppers: read in the calculus `C`, with noise of the structure `N`.
///
/// Both are what the problem says of itself, or weaker: [`stepper`] sees to that.
#[derive(Clone)]
pub struct SdeField<C, N> {
    problem: Arc<dyn SdeProblem>,
    types: PhantomData<(C, N)>,
}

impl<C: Calculus, N: Structure> SdeField<C, N> {
    /// The problem as the equation that it is; none if the types say more of it than it does of itself.
    pub fn new(problem: Arc<dyn SdeProblem>) -> Option<Self> {
        let additive = problem.noise() == NoiseKind::Additive;
        let fits = (additive || problem.reading() == C::READING)
            && match N::KIND {
                NoiseKind::Additive => additive,
                NoiseKind::Diagonal => problem.noise() == NoiseKind::Diagonal,
                NoiseKind::Commutative => problem.noise() != NoiseKind::General,
                NoiseKind::General => true,
            };
        fits.then_some(Self { problem, types: PhantomData })
    }
}

impl<C: Calculus, N: Structure> Sde<Array1<f64>> for SdeField<C, N> {
    type Noise = Array1<f64>;
    type Calculus = C;
    type Structure = N;

    fn noise_like(&self, _y: &Array1<f64>) -> Array1<f64> {
        Array1::zeros(self.problem.noises())
    }

    fn drift(&mut self, t: f64, y: &Array1<f64>, out: &mut Array1<f64>) {
        self.problem.drift(t, DenseState::as_slice(y), out.as_mut_slice());
    }

    fn diffusion(&mut self, t: f64, y: &Array1<f64>, dw: &Array1<f64>, out: &mut Array1<f64>) {
        self.problem.diffusion(t, DenseState::as_slice(y), DenseState::as_slice(dw), out.as_mut_slice());
    }
}

impl<C: Calculus, N: Structure> DiffusionDerivative<Array1<f64>> for SdeField<C, N> {
    fn diffusion_derivative(
        &mut self,
        t: f64,
        y: &Array1<f64>,
        v: &Array1<f64>,
        dw: &Array1<f64>,
        out: &mut Array1<f64>,
    ) {
        let (y, v, dw) = (DenseState::as_slice(y), DenseState::as_slice(v), DenseState::as_slice(dw));
        self.problem.diffusion_derivative(t, y, v, dw, out.as_mut_slice());
    }
}

/// The path of a realisation of a problem, from zero to `end`.
pub fn path(problem: &dyn SdeProblem, realisation: Realisation, end: f64) -> Brownian {
    let like = Array1::zeros(problem.noises());
    Brownian::new(realisation.seed, 0.0, end, &like).first_row(realisation.row)
}

/// Whether a method converges to the solution that a problem means.
///
/// # Errors
/// An issue at `solver.NAME` that says why not.
pub fn check_method(problem: &dyn SdeProblem, solver: &SolverConfig) -> Result<(), Issue> {
    let (method, name) = (solver.name(), problem.name());
    let (reading, noise) = (problem.reading(), problem.noise());
    let misfit = |why: String, hint: &str| Err(Issue::new(format!("solver.{method}"), why).hint(hint));
    let needs = |wanted: Reading| {
        if reading == wanted || noise == NoiseKind::Additive {
            return Ok(());
        }
        misfit(
            format!("'{method}' converges to the {wanted} solution, and '{name}' means that of {reading}"),
            match reading {
                Reading::Ito => {
                    "take euler_maruyama or milstein, or a problem with calculus = \"stratonovich\""
                }
                Reading::Stratonovich => {
                    "take heun, milstein, spark or slow_rk, or a problem with calculus = \"ito\""
                }
            },
        )
    };
    match solver {
        SolverConfig::EulerMaruyama(_) => needs(Reading::Ito),
        SolverConfig::Milstein(_) if noise == NoiseKind::General => misfit(
            format!("'{method}' needs noise that commutes, and that of '{name}' does not"),
            "take euler_maruyama for an Itô equation, spark for a Stratonovich one",
        ),
        SolverConfig::Milstein(_) => Ok(()),
        SolverConfig::Sra1(_) | SolverConfig::Shark(_) if noise == NoiseKind::Additive => Ok(()),
        SolverConfig::Sra1(_) | SolverConfig::Shark(_) => misfit(
            format!("'{method}' needs additive noise, and that of '{name}' is {noise}"),
            match reading {
                Reading::Ito => "take euler_maruyama or milstein",
                Reading::Stratonovich => "take slow_rk or spark",
            },
        ),
        SolverConfig::Spark(_) | SolverConfig::SlowRk(_) => needs(Reading::Stratonovich),
        _ => match (solver.kind(), solver.tableau(), solver.control()) {
            (MethodKind::Explicit, Some(tableau), Control::Fixed { .. }) if tableau.order >= 2 => {
                needs(Reading::Stratonovich)
            }
            _ => misfit(
                format!("'{method}' does not solve a stochastic equation"),
                match (noise, reading) {
                    (NoiseKind::Additive, _) => "take shark, sra1 or euler_maruyama",
                    (_, Reading::Ito) => "take euler_maruyama or milstein",
                    (_, Reading::Stratonovich) => "take heun, slow_rk or spark",
                },
            ),
        },
    }
}

type Boxed = Box<dyn Stepper<Array1<f64>>>;

/// A method on a path, if it converges to the solution that the problem means.
pub fn stepper(
    problem: &Arc<dyn SdeProblem>,
    solver: &SolverConfig,
    path: Brownian,
    like: &Array1<f64>,
) -> Option<Boxed> {
    check_method(&**problem, solver).ok()?;
    let adaptive = matches!(solver.control(), Control::Pid(_));
    Some(match solver {
        SolverConfig::EulerMaruyama(_) => {
            Box::new(EulerMaruyama::new(on_path::<Ito, General>(problem, path, like)?, like))
        }
        SolverConfig::Milstein(_) => match (problem.reading(), problem.noise()) {
            (Reading::Ito, NoiseKind::Diagonal) => milstein::<Ito, Diagonal>(problem, path, like, adaptive)?,
            (Reading::Ito, _) => milstein::<Ito, Commutative>(problem, path, like, adaptive)?,
            (Reading::Stratonovich, _) => {
                milstein::<Stratonovich, Commutative>(problem, path, like, adaptive)?
            }
        },
        SolverConfig::Sra1(_) => additive(&SRA1, problem, path, like)?,
        SolverConfig::Shark(_) => additive(&SHARK, problem, path, like)?,
        SolverConfig::Spark(_) => Box::new(StratonovichRk::new(
            &SPARK,
            on_path::<Stratonovich, General>(problem, path, like)?,
            like,
        )),
        SolverConfig::SlowRk(_) => {
            let equation = on_path::<Stratonovich, General>(problem, path, like)?;
            doubled(StratonovichRk::new(&SLOW_RK, equation, like), like, adaptive)
        }
        _ => Box::new(IncrementRk::new(
            solver.tableau()?,
            on_path::<Stratonovich, General>(problem, path, like)?,
            like,
        )),
    })
}

fn on_path<C: Calculus, N: Structure>(
    problem: &Arc<dyn SdeProblem>,
    path: Brownian,
    like: &Array1<f64>,
) -> Option<OnPath<SdeField<C, N>, Brownian, Array1<f64>>> {
    Some(OnPath::new(SdeField::new(problem.clone())?, path, like))
}

fn additive(
    tableau: &'static AdditiveTableau,
    problem: &Arc<dyn SdeProblem>,
    path: Brownian,
    like: &Array1<f64>,
) -> Option<Boxed> {
    Some(Box::new(AdditiveRk::new(tableau, on_path::<Ito, Additive>(problem, path, like)?, like)))
}

fn milstein<C: Calculus, N: Commutes>(
    problem: &Arc<dyn SdeProblem>,
    path: Brownian,
    like: &Array1<f64>,
    adaptive: bool,
) -> Option<Boxed> {
    Some(doubled(Milstein::new(on_path::<C, N>(problem, path, like)?, like), like, adaptive))
}

/// With an error estimate by halved steps if the steps are to be chosen.
fn doubled<S: Stepper<Array1<f64>> + 'static>(stepper: S, like: &Array1<f64>, adaptive: bool) -> Boxed {
    if adaptive { Box::new(Doubled::new(stepper, like)) } else { Box::new(stepper) }
}
