//! A twin experiment: the ensemble transform Kalman filter follows Kuramoto-Sivashinsky, 3000 cycles with 20 members;
//! `solvers/benches/peers/etkf.py` has the case.
#![allow(missing_docs, clippy::print_stdout, clippy::unwrap_used)]

#[path = "../../solvers/benches/peers/mod.rs"]
mod peers;

use flowmap_datasets::flow::Flow;
use flowmap_datasets::problem::ProblemConfig;
use flowmap_datasets::problem::pde::KuramotoSivashinsky;
use flowmap_datasets::rng::stream;
use flowmap_solvers::assimilation::etkf::Etkf;
use flowmap_solvers::assimilation::{Filter, Observation, Operator};
use flowmap_solvers::config::{FixedConfig, SolverConfig};
use nalgebra::{DMatrix, DVector};
use rand::RngExt;
use rand_distr::StandardNormal;

const POINTS: usize = 128;
const MEMBERS: usize = 20;
const CYCLES: usize = 3000;

/// The root mean square error of the analysis, the mean over the cycles after the first tenth.
fn twin(flow: &mut Flow, start: &DVector<f64>) -> f64 {
    let mut rng = stream(0, "twin", 0);
    let near = 0.001_f64.sqrt();
    let mut normal = |deviation: f64| deviation * rng.sample::<f64, _>(StandardNormal);
    let mut truth = start.map(|v| v + normal(near));
    let mut ensemble = DMatrix::from_fn(POINTS, MEMBERS, |i, _| start[i] + normal(near));
    let mut etkf = Etkf { members: MEMBERS, inflation: 1.05, rotate: false };
    let operator = Operator::Identity {};
    let mut sum = 0.0;
    let mut unused = stream(0, "unused", 0);
    for cycle in 0..CYCLES {
        let (t0, t1) = (cycle as f64, (cycle + 1) as f64);
        assert!(flow.advance(truth.as_mut_slice(), t0, t1).is_success());
        for mut member in ensemble.column_iter_mut() {
            assert!(flow.advance(member.as_mut_slice(), t0, t1).is_success());
        }
        let seen = truth.map(|v| v + normal(1.0));
        let observation =
            Observation { operator: &operator, values: seen.as_slice(), deviation: &[1.0; POINTS] };
        etkf.analyse(&mut ensemble, &observation, &mut unused).unwrap();
        if cycle >= CYCLES / 10 {
            sum += (ensemble.column_mean() - &truth).norm() / (POINTS as f64).sqrt();
        }
    }
    sum / (CYCLES - CYCLES / 10) as f64
}

fn main() {
    let problem = KuramotoSivashinsky { points: POINTS, ..KuramotoSivashinsky::default() };
    let problem = ProblemConfig::KuramotoSivashinsky(problem).build().unwrap();
    let mut flow = Flow::new(&problem, &SolverConfig::Etdrk4(FixedConfig { dt: 0.5 })).unwrap();
    let x = |i: usize| 32.0 * std::f64::consts::PI * i as f64 / POINTS as f64 / 16.0;
    let mut start = DVector::from_fn(POINTS, |i, _| x(i).cos() * (1.0 + x(i).sin()));
    assert!(flow.advance(start.as_mut_slice(), 0.0, 150.0).is_success());
    let flow = std::cell::RefCell::new(flow);
    peers::compare("etkf.py", &[("etkf", &|| twin(&mut flow.borrow_mut(), &start))]);
}
