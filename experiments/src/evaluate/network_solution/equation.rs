//! Problems as equations that a network can solve.

use flowmap_datasets::problem::ProblemConfig;
use flowmap_models::pinn::Equation;

/// The coefficients of a problem on one axis with one channel, if it has the form.
pub(crate) fn equation(problem: &ProblemConfig) -> Option<Equation> {
    let none = Equation::default();
    Some(match problem {
        ProblemConfig::Advection(p) => Equation { speed: p.speed, ..none },
        ProblemConfig::AdvectionDiffusion(p) => {
            Equation { speed: p.speed, diffusivity: p.diffusivity, ..none }
        }
        ProblemConfig::Burgers(p) => Equation { self_advection: 1.0, diffusivity: p.viscosity, ..none },
        ProblemConfig::Heat(p) if p.dimensions == 1 => Equation { diffusivity: p.diffusivity, ..none },
        ProblemConfig::FisherKpp(p) if p.dimensions == 1 => {
            Equation { diffusivity: p.diffusivity, reaction: [p.rate, -p.rate, 0.0], ..none }
        }
        ProblemConfig::Kdv(p) => Equation {
            self_advection: p.nonlinearity,
            dispersion: p.dispersion,
            hyperdiffusivity: p.hyperdiffusion,
            ..none
        },
        ProblemConfig::KuramotoSivashinsky(_) => {
            Equation { self_advection: 1.0, diffusivity: -1.0, hyperdiffusivity: 1.0, ..none }
        }
        ProblemConfig::AllenCahn(p) if p.dimensions == 1 => {
            Equation { diffusivity: p.diffusivity, reaction: [1.0, 0.0, -1.0], ..none }
        }
        _ => return None,
    })
}

/// The same problem of advection with another speed.
pub(super) fn with_speed(problem: &ProblemConfig, speed: f64) -> Option<ProblemConfig> {
    Some(match problem.clone() {
        ProblemConfig::Advection(mut p) => {
            p.speed = speed;
            ProblemConfig::Advection(p)
        }
        ProblemConfig::AdvectionDiffusion(mut p) => {
            p.speed = speed;
            ProblemConfig::AdvectionDiffusion(p)
        }
        _ => return None,
    })
}
