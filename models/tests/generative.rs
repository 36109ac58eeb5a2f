//! Generative models of points: divergences, likelihoods of flows that are known, gradients.

#![allow(clippy::unwrap_used)]

use std::f64::consts::TAU;

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use flowmap_models::generative::{
    ContinuousFlowConfig, Process, RectifiedFlowConfig, ScoreSdeConfig, Trace, TraceKind, Velocity,
    Weighting, carry, log_density,
};
use flowmap_models::seeded;
use flowmap_solvers::config::{AdaptiveConfig, FixedConfig, SolverConfig};

fn host<const D: usize>(x: Tensor<D>) -> Vec<f64> {
    x.into_data().convert::<f64>().try_to_vec::<f64>().unwrap()
}

fn points(rows: usize, device: &Device) -> Tensor<2> {
    let value = |i: usize| ((i + 1) as f64 * 0.7548776662466927 % 1.0) as f32 * 3.0 - 1.5;
    let values: Vec<f32> = (0..2 * rows).map(value).collect();
    Tensor::<1>::from_floats(values.as_slice(), device).reshape([rows, 2])
}

fn close() -> SolverConfig {
    SolverConfig::Dopri5(AdaptiveConfig { rtol: 1e-6, atol: 1e-6, ..AdaptiveConfig::default() })
}

/// `v = A x`, whose flow and density are known.
struct Linear([[f64; 2]; 2]);

impl Velocity for Linear {
    fn velocity(&self, t: f64, x: Tensor<2>) -> Tensor<2> {
        self.along(t, x, Vec::new()).0
    }

    fn along(&self, _t: f64, x: Tensor<2>, directions: Vec<Tensor<2>>) -> (Tensor<2>, Vec<Tensor<2>>) {
        let rows: Vec<f32> = (0..4).map(|i| self.0[i % 2][i / 2] as f32).collect();
        let a = Tensor::<1>::from_floats(rows.as_slice(), &x.device()).reshape([2, 2]);
        (x.matmul(a.clone()), directions.into_iter().map(|d| d.matmul(a.clone())).collect())
    }
}

#[test]
fn a_linear_flow_carries_a_normal_density_as_it_must() {
    let device = Device::flex();
    // Rotation and growth: e^{A} is e^{0.3} times a rotation by 0.8, so that p(x) = N(0, e^{0.6} I).
    let flow = Linear([[0.3, -0.8], [0.8, 0.3]]);
    let x = points(50, &device);
    for trace in [Trace::Exact, Trace::Probe(Tensor::ones([50, 2], &device))] {
        let found = host(log_density(&flow, &x, (1.0, 0.0), 1.0, &trace, &close()).unwrap().end);
        for (row, found) in host(x.clone()).chunks_exact(2).zip(found) {
            let square = row[0] * row[0] + row[1] * row[1];
            let exact = -0.5 * square / 0.6_f64.exp() - TAU.ln() - 0.6;
            // Signs that are equal see the symmetric part alone, here the exact trace.
            assert!((found - exact).abs() < 2e-5, "{trace:?} {found} {exact}");
        }
    }
    let there = carry(&flow, &x, (0.0, 1.0), &close()).unwrap().end;
    let back = host(carry(&flow, &there, (1.0, 0.0), &close()).unwrap().end);
    assert!(back.iter().zip(host(x)).all(|(a, b)| (a - b).abs() < 1e-5));
}

#[test]
fn divergences_of_all_networks_are_those_of_differences() {
    let device = Device::flex();
    let process = Process::VarianceExploding { sigma_min: 0.05, sigma_max: 5.0 };
    let rectified = RectifiedFlowConfig { width: 16, ..Default::default() };
    let preserving = ScoreSdeConfig { width: 16, ..Default::default() };
    let exploding = ScoreSdeConfig { width: 16, process, ..Default::default() };
    let continuous = ContinuousFlowConfig { width: 16, ..Default::default() };
    let networks: Vec<(&str, Box<dyn Velocity>)> = vec![
        ("rectified", Box::new(seeded(&device, 3, || rectified.init(2, &device)))),
        ("preserving", Box::new(seeded(&device, 4, || preserving.init(2, &device)))),
        ("exploding", Box::new(seeded(&device, 5, || exploding.init(2, &device)))),
        ("continuous", Box::new(seeded(&device, 6, || continuous.init(2, &device)))),
    ];
    let (x, h) = (points(20, &device), 0.02);
    for (name, network) in networks {
        for (c, unit) in [[1.0_f32, 0.0], [0.0, 1.0]].into_iter().enumerate() {
            let direction = Tensor::<1>::from_floats(unit, &device).reshape([1, 2]).repeat_dim(0, 20);
            let (v, derivatives) = network.along(0.4, x.clone(), vec![direction.clone()]);
            assert_eq!(host(v), host(network.velocity(0.4, x.clone())), "{name}");
            let at = |step: f64| network.velocity(0.4, x.clone() + direction.clone().mul_scalar(step));
            let difference = host((at(h) - at(-h)).div_scalar(2.0 * h));
            for (a, b) in host(derivatives[0].clone()).into_iter().zip(difference) {
                assert!((a - b).abs() < 2e-3 * (1.0 + b.abs()), "{name}, {c}: {a} {b}");
            }
        }
    }
}

#[test]
fn processes_have_the_variances_of_their_equations() {
    let processes = [
        Process::VariancePreserving { beta_min: 0.1, beta_max: 20.0 },
        Process::VarianceExploding { sigma_min: 0.01, sigma_max: 8.0 },
    ];
    for process in processes {
        for t in [0.01, 0.3, 0.9] {
            let h = 1e-5;
            let slope = |of: &dyn Fn(f64) -> f64| (of(t + h) - of(t - h)) / (2.0 * h);
            // α' = f α, (σ²)' = 2 f σ² + g².
            let (f, alpha, sigma) = (process.drift(t), process.alpha(t), process.sigma(t));
            assert!((slope(&|t| process.alpha(t)) - f * alpha).abs() < 1e-6 * (1.0 + (f * alpha).abs()));
            let variance = 2.0 * f * sigma * sigma + process.diffusion_squared(t);
            assert!((slope(&|t| process.sigma(t).powi(2)) - variance).abs() < 1e-6 * variance.abs().max(1.0));
        }
    }
    let preserving = processes[0];
    assert!((preserving.alpha(0.5).powi(2) + preserving.sigma(0.5).powi(2) - 1.0).abs() < 1e-12);
    assert!((preserving.sigma(1e-9).powi(2) - 1e-10).abs() < 1e-16);
}

#[test]
fn the_weights_of_a_likelihood_are_one_in_the_mean() {
    let device = Device::flex();
    for process in [
        Process::VariancePreserving { beta_min: 0.1, beta_max: 20.0 },
        Process::VarianceExploding { sigma_min: 0.1, sigma_max: 8.0 },
    ] {
        let config =
            ScoreSdeConfig { width: 4, weighting: Weighting::Likelihood, process, ..Default::default() };
        // A network without weights tells no noise: the loss is the mean of the weights.
        let model = config.init(2, &device).map(&mut Zero);
        let rows = 200_000;
        let times: Vec<f64> =
            (0..rows).map(|i| 1e-3 + (1.0 - 1e-3) * (i as f64 + 0.5) / f64::from(rows)).collect();
        let x = Tensor::zeros([rows as usize, 2], &device);
        let loss = host(model.loss(x.clone(), x.ones_like(), &times))[0];
        assert!((loss - 1.0).abs() < 0.01, "{process:?}: {loss}");
    }
}

struct Zero;

impl burn::module::ModuleMapper for Zero {
    fn map_float<const D: usize>(
        &mut self,
        param: burn::module::Param<Tensor<D>>,
    ) -> burn::module::Param<Tensor<D>> {
        let (id, value, mapper) = param.consume();
        burn::module::Param::from_mapped_value(id, value.zeros_like(), mapper)
    }
}

#[test]
fn what_a_method_cannot_do_is_said() {
    let device = Device::flex();
    let x = points(3, &device);
    let flow = Linear([[1.0, 0.0], [0.0, 1.0]]);
    let stiff = SolverConfig::Etdrk4(FixedConfig { dt: 0.1 });
    let told = carry(&flow, &x, (0.0, 1.0), &stiff).unwrap_err().to_string();
    assert!(told.contains("etdrk4") && told.contains("dopri5"), "{told}");
    let blown = Linear([[1e30, 0.0], [0.0, 1e30]]);
    let fixed = SolverConfig::Rk4(FixedConfig { dt: 0.5 });
    let told = carry(&blown, &x, (0.0, 1.0), &fixed).unwrap_err().to_string();
    assert!(told.contains("no longer finite"), "{told}");
}

#[test]
fn likelihoods_are_trained_by_the_gradients_of_the_tape() {
    use burn::module::{ModuleVisitor, Param};
    use burn::optim::GradientsParams;

    struct Collect<'a>(&'a GradientsParams, Vec<Vec<f64>>);
    impl ModuleVisitor for Collect<'_> {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            self.1.push(host(self.0.get::<D>(param.id).unwrap()));
        }
    }
    let device = Device::flex().autodiff();
    for (trace, rows) in [(TraceKind::Exact, 300), (TraceKind::Hutchinson, 70)] {
        let config = ContinuousFlowConfig { width: 12, layers: 2, steps: 4, trace };
        let model = seeded(&device, 5, || config.init(2, &device));
        let x = points(rows, &device);
        let probe = (trace == TraceKind::Hutchinson).then(|| points(rows, &device).sign());
        let steps = config.steps;
        let (fused, gradients) = model.likelihood_gradients(x.clone(), probe.clone(), steps).unwrap();
        let (taped, tape) = model.likelihood_gradients_by_tape(x.clone(), probe.clone(), steps).unwrap();
        let plain = model.valid().negative_log_likelihood(x.inner(), probe.map(Tensor::inner), steps);
        assert!((fused - taped).abs() < 1e-5 && (plain - taped).abs() < 1e-5, "{fused} {taped} {plain}");
        let [mut a, mut b] = [Collect(&gradients, Vec::new()), Collect(&tape, Vec::new())];
        model.visit(&mut a);
        model.visit(&mut b);
        for (k, (a, b)) in a.1.iter().zip(&b.1).enumerate() {
            let size = b.iter().map(|v| v * v).sum::<f64>().sqrt();
            let off = a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt();
            assert!(off < 1e-4 * size + 1e-6, "{trace:?}, parameter {k}: {off} of {size}");
        }
    }
}
