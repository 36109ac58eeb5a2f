//! What stands beside a model of fields and is not learned.

use flowmap_datasets::dataset::Dataset;
use flowmap_datasets::problem::Problem;
use flowmap_datasets::simulate::simulate;
use flowmap_solvers::config::{FixedConfig, SolverConfig};
use ndarray::{ArrayD, Axis};
use rayon::prelude::*;

use crate::config::ExperimentConfig;
use crate::evaluate::Baseline;

/// The prediction of a baseline that is not learned.
pub(super) fn classical(
    baseline: Baseline,
    config: &ExperimentConfig,
    problem: &Problem,
    data: &Dataset,
    truth: &ArrayD<f64>,
    times: &[f64],
) -> Option<ArrayD<f64>> {
    let dt = config.data.dt;
    match baseline {
        // Learned, or of another family.
        Baseline::Fno
        | Baseline::ConvNet
        | Baseline::ResidualNet
        | Baseline::DilatedResnet
        | Baseline::UNet
        | Baseline::StridedUNet
        | Baseline::ModernUNet
        | Baseline::FourierOperator
        | Baseline::FactorisedOperator
        | Baseline::Sinenet
        | Baseline::EchoState
        | Baseline::Sindy
        | Baseline::Autoregressive
        | Baseline::Lstm
        | Baseline::Gru
        | Baseline::Pinn
        | Baseline::Curriculum
        | Baseline::Frozen
        | Baseline::NearestNeighbour
        | Baseline::LogSignature
        | Baseline::NeuralOde => None,
        Baseline::Persistence => {
            let mut out = truth.clone();
            for mut trajectory in out.axis_iter_mut(Axis(0)) {
                let first = trajectory.index_axis(Axis(0), 0).to_owned();
                trajectory.axis_iter_mut(Axis(0)).for_each(|mut state| state.assign(&first));
            }
            Some(out)
        }
        Baseline::Mean => {
            let statistics = data.normalisation();
            let mut out = truth.clone();
            for (mut channel, mean) in out.axis_iter_mut(Axis(2)).zip(statistics.mean) {
                channel.slice_axis_inplace(Axis(1), (1..).into());
                channel.fill(mean);
            }
            Some(out)
        }
        Baseline::Solver => Some(solved(&config.solver?.with_dt(dt), problem, truth, times)),
        Baseline::Explicit => Some(solved(&SolverConfig::Rk4(FixedConfig { dt }), problem, truth, times)),
    }
}

/// Trajectories of a classical method from the first samples; not a number after a divergence.
fn solved(solver: &SolverConfig, problem: &Problem, truth: &ArrayD<f64>, times: &[f64]) -> ArrayD<f64> {
    let starts: Vec<Vec<f64>> =
        truth.index_axis(Axis(1), 0).axis_iter(Axis(0)).map(|u| u.iter().copied().collect()).collect();
    let trajectories: Vec<_> =
        starts.par_iter().map(|u0| simulate(problem, solver, u0, times).ok()).collect();
    let mut out = ArrayD::from_elem(truth.raw_dim(), f64::NAN);
    for (mut target, trajectory) in out.axis_iter_mut(Axis(0)).zip(trajectories) {
        for (mut state, values) in
            target.axis_iter_mut(Axis(0)).zip(trajectory.into_iter().flat_map(|t| t.states))
        {
            state.iter_mut().zip(values).for_each(|(s, v)| *s = v);
        }
    }
    out
}
