//! Models of dynamics: structure that holds by construction, sensitivities, what is read out, what is refused.

#![allow(clippy::unwrap_used)]

use burn::optim::{AdamConfig, GradientsParams};
use burn::tensor::{Device, Tensor, TensorData};
use flowmap_models::baseline::{Term, read_out};
use flowmap_models::fused::{FieldKind, FieldSpec, HostField, SolveError, odeint};
use flowmap_models::neural_de::{
    Equations, Flow, HamiltonianNetworkConfig, KnownTerm, LagrangianNetworkConfig, LatentOdeConfig, Method,
    NeuralOdeConfig, Parametric, Shooting, Steps, UniversalDeConfig,
};
use flowmap_solvers::control::Control;
use flowmap_solvers::solve::{SaveAt, SolveOptions, solve};
use flowmap_solvers::stepper::explicit_rk::{DOPRI5, ExplicitRk};
use nalgebra::DMatrix;
use ndarray::{Array1, Array2};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

fn rng() -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(1)
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|n| (*n).to_owned()).collect()
}

fn read<const D: usize>(x: Tensor<D>) -> Vec<f64> {
    x.into_data().convert::<f64>().try_to_vec::<f64>().unwrap()
}

#[test]
fn a_hamiltonian_field_is_without_divergence_and_a_separable_one_splits() {
    for separable in [false, true] {
        let config = HamiltonianNetworkConfig { hidden: vec![9, 8], separable, ..Default::default() };
        let host = config.init(4, 0.1, &mut rng(), &Device::flex()).unwrap().to_host().unwrap();
        let y = [0.3, -0.8, 0.5, 1.1];
        let (mut j, mut theta) = (DMatrix::zeros(4, 4), DMatrix::zeros(4, host.parameters().len()));
        host.derivatives(&y, &mut j, &mut theta);
        assert!(j.trace().abs() < 1e-12, "{j}");
        // J = [[H_pq, H_pp], [−H_qq, −H_qp]].
        for (a, b) in [(0, 1), (1, 0)] {
            assert!(
                (j[(a, b + 2)] - j[(b, a + 2)]).abs() < 1e-12
                    && (j[(a + 2, b)] - j[(b + 2, a)]).abs() < 1e-12
            );
            assert!((j[(a, b)] + j[(b + 2, a + 2)]).abs() < 1e-12);
        }
        let mixed = j.view((0, 0), (2, 2)).norm();
        assert_eq!(mixed < 1e-12, separable, "{mixed}");
    }
}

#[test]
fn a_lagrangian_field_conserves_its_energy() {
    let config = LagrangianNetworkConfig { hidden: vec![9, 8], ..Default::default() };
    let host = config.init(4, 0.1, &mut rng(), &Device::flex()).unwrap().to_host().unwrap();
    // `L` by hand, for the energy `v · ∂L/∂v − L`, its slopes by differences.
    let theta = host.parameters();
    let lagrangian = |y: &[f64]| {
        let (mut x, mut first) = (y.to_vec(), 0);
        for (layer, s) in host.spec().sizes.windows(2).enumerate() {
            let (w, b) = (&theta[first..first + s[0] * s[1]], &theta[first + s[0] * s[1]..]);
            let a = |i: usize| b[i] + (0..s[0]).map(|j| w[i * s[0] + j] * x[j]).sum::<f64>();
            x = (0..s[1]).map(|i| if layer < 2 { a(i).tanh() } else { a(i) }).collect();
            first += (s[0] + 1) * s[1];
        }
        x[0] + 0.5 * (y[2] * y[2] + y[3] * y[3])
    };
    let energy = |y: &[f64]| {
        let slope = |i: usize| {
            let at = |h: f64| lagrangian(&[&y[..i], &[y[i] + h], &y[i + 1..]].concat());
            (at(1e-5) - at(-1e-5)) / 2e-5
        };
        y[2] * slope(2) + y[3] * slope(3) - lagrangian(y)
    };
    let start = Array1::from(vec![0.3, -0.8, 0.9, -0.6]);
    let mut options =
        SolveOptions::new(0.0, 8.0, Control::adaptive(1e-10, 1e-10)).save(SaveAt::Steps { every: 5 });
    let ys = solve(&mut ExplicitRk::new(&DOPRI5, host.clone(), &start), &start, &mut options).ys;
    let energies: Vec<f64> = ys.iter().map(|y| energy(y.as_slice().unwrap())).collect();
    let moved = ys.iter().map(|y| (y[0] - 0.3).abs()).fold(0.0, f64::max);
    assert!(moved > 0.5 && energies.len() > 5, "{moved}");
    for e in &energies {
        assert!((e - energies[0]).abs() < 1e-8, "{e} {}", energies[0]);
    }
}

#[test]
fn steps_of_a_tolerance_are_chosen_by_the_host_and_differentiated_as_they_are() {
    let device = Device::flex().autodiff();
    let config = |tolerance: f64| NeuralOdeConfig {
        hidden: vec![12],
        method: Method::Dopri5,
        tolerance,
        ..Default::default()
    };
    let times = [0.0, 0.3, 1.1, 4.0];
    let y0 = || Tensor::from_data(TensorData::new(vec![1.4_f32, -0.6, 1.0, 0.2], [2, 2]), &device);
    let flow = |tolerance: f64| config(tolerance).init(2, 5.0, &mut rng(), &device);
    let start = [1.4_f32, -0.6, 1.0, 0.2].map(f64::from).to_vec();
    let start = Array2::from_shape_vec((2, 2), start).unwrap();
    let plan = |tolerance: f64| {
        let flow = flow(tolerance);
        flow.steps().plan(&flow.to_host().unwrap(), &start, &times).unwrap()
    };
    let (loose, tight) = (plan(1e-3), plan(1e-7));
    assert!(loose.steps.len() < tight.steps.len() && tight.steps[0] != tight.steps[3], "{loose:?} {tight:?}");
    assert_eq!(tight.saves.last(), Some(&tight.steps.len()));
    let reached: f64 = tight.steps[..tight.saves[1]].iter().sum();
    assert!((reached - 0.3).abs() < 1e-12);
    // The states and gradients are those of the same steps given by hand.
    let flow = flow(1e-7);
    let found = flow.trajectories(y0(), &times).unwrap();
    let theta = Tensor::<1>::from_data(
        TensorData::new(flow.to_host().unwrap().parameters().to_vec(), [flow.field().parameters()]),
        &device,
    )
    .require_grad();
    let given = odeint(&std::sync::Arc::new(tight), y0(), theta.clone()).unwrap();
    assert_eq!(read(found.clone()), read(given.clone()));
    let by_hand = read(theta.grad(&given.powi_scalar(2).sum().backward()).unwrap());
    let gradients = GradientsParams::from_grads(found.powi_scalar(2).sum().backward(), &flow);
    struct Read<'a>(&'a GradientsParams, Vec<f64>);
    impl burn::module::ModuleVisitor for Read<'_> {
        fn visit_float<const D: usize>(&mut self, param: &burn::module::Param<Tensor<D>>) {
            self.1.extend(read(self.0.get::<D>(param.id).unwrap()));
        }
    }
    let mut gradient = Read(&gradients, Vec::new());
    burn::module::Module::visit(&flow, &mut gradient);
    assert_eq!(gradient.1, by_hand);
}

#[test]
fn an_augmented_flow_hides_what_it_adds_and_is_the_host_field() {
    let config = NeuralOdeConfig { hidden: vec![12], augmented: 2, ..Default::default() };
    let flow = config.init(2, 0.05, &mut rng(), &Device::flex());
    let y0 = TensorData::new(vec![0.4_f32, -0.6, 1.0, 0.2], [2, 2]);
    let times = [0.0, 0.3, 0.4];
    let states = flow.trajectories(Tensor::from_data(y0, &Device::flex()), &times).unwrap();
    assert_eq!(states.dims(), [3, 2, 2]);
    let states = read(states);
    let start = Array1::from(vec![0.4, -0.6, 0.0, 0.0]);
    let mut options = SolveOptions::new(0.0, 0.4, Control::adaptive(1e-10, 1e-10)).save(SaveAt::End);
    let mut stepper = ExplicitRk::new(&DOPRI5, flow.to_host().unwrap(), &start);
    let end = solve(&mut stepper, &start, &mut options).ys.pop().unwrap();
    assert!((end[0] - states[8]).abs() < 1e-5 && (end[1] - states[9]).abs() < 1e-5, "{end} {states:?}");
    let wrong = flow.trajectories(Tensor::zeros([2, 3], &Device::flex()), &times).unwrap_err();
    assert_eq!(wrong, SolveError::Dimension { given: 3, expected: 2 });
}

#[test]
fn a_flow_learns_a_rotation() {
    let device = Device::flex().autodiff();
    let config = NeuralOdeConfig { hidden: vec![16], method: Method::Rk4, ..Default::default() };
    let mut flow = config.init(2, 0.1, &mut rng(), &device);
    let angles: Vec<f64> = (0..16).map(|i| 0.4 * f64::from(i)).collect();
    let times: Vec<f64> = (0..8).map(|i| 0.1 * f64::from(i)).collect();
    let at = |t: f64| angles.iter().flat_map(move |a| [(a + t).cos() as f32, (a + t).sin() as f32]);
    let truth: Vec<f32> = times.iter().flat_map(|t| at(*t).collect::<Vec<_>>()).collect();
    let truth = Tensor::<3>::from_data(TensorData::new(truth, [8, 16, 2]), &device);
    let start = truth.clone().narrow(0, 0, 1).reshape([16, 2]);
    let mut optimiser = AdamConfig::new().init();
    let mut losses = Vec::new();
    for _ in 0..300 {
        let loss = (flow.trajectories(start.clone(), &times).unwrap() - truth.clone()).powi_scalar(2).mean();
        losses.push(loss.clone().into_scalar::<f64>());
        let gradients = GradientsParams::from_grads(loss.backward(), &flow);
        flow = optimiser.step(1e-2, flow, gradients);
    }
    assert!(losses[299] < 1e-3 * losses[0], "{} {}", losses[0], losses[299]);
}

/// Lotka and Volterra's equations with unit coefficients but one.
fn prey(c: f64) -> Equations {
    let term = |p: [i32; 2]| Term::Monomial(p.to_vec());
    Equations {
        terms: vec![
            vec![(term([1, 0]), 1.0, false), (term([1, 1]), -c, true)],
            vec![(term([0, 1]), -1.0, false), (term([1, 1]), 1.0, true)],
        ],
    }
}

fn series(equations: &Equations, start: [f64; 2], noise: f64) -> Array2<f64> {
    let field = flowmap_solvers::field::from_fn(|_t, y: &Array1<f64>, dy: &mut Array1<f64>| {
        equations.slope(y.as_slice().unwrap(), dy.as_slice_mut().unwrap());
    });
    let start = Array1::from(start.to_vec());
    let times: Vec<f64> = (0..60).map(|i| 0.1 * f64::from(i)).collect();
    let mut options = SolveOptions::new(0.0, 5.9, Control::adaptive(1e-11, 1e-11)).save(SaveAt::Times(times));
    let ys = solve(&mut ExplicitRk::new(&DOPRI5, field, &start), &start, &mut options).ys;
    Array2::from_shape_fn((60, 2), |(t, c)| ys[t][c] + noise * (17.3 * (2 * t + c) as f64).sin())
}

#[test]
fn derivatives_by_state_and_parameters_are_those_of_differences() {
    let host = {
        let field = FieldSpec::new(FieldKind::Plain, 2, &[5], vec![]);
        let count = field.parameters();
        HostField::new(field, (0..count).map(|i| (1.7 * i as f64).sin()).collect()).unwrap()
    };
    fn check(equations: &(impl Parametric + Clone)) {
        let (y, theta) = ([0.7, -0.4], equations.parameters());
        let (mut by_state, mut by_parameter) = (DMatrix::zeros(2, 2), DMatrix::zeros(2, theta.len()));
        equations.derivatives(&y, &mut by_state, &mut by_parameter);
        let slope = |y: &[f64], theta: &[f64]| {
            let mut other = equations.clone();
            other.set(theta);
            let mut dy = [0.0; 2];
            other.slope(y, &mut dy);
            dy
        };
        let moved = |x: &[f64], k: usize, h: f64| {
            let mut x = x.to_vec();
            x[k] += h;
            x
        };
        let h = 1e-6;
        for k in 0..2 {
            let (a, b) = (slope(&moved(&y, k, h), &theta), slope(&moved(&y, k, -h), &theta));
            (0..2).for_each(|i| assert!(((a[i] - b[i]) / (2.0 * h) - by_state[(i, k)]).abs() < 1e-8));
        }
        for k in 0..theta.len() {
            let (a, b) = (slope(&y, &moved(&theta, k, h)), slope(&y, &moved(&theta, k, -h)));
            (0..2).for_each(|i| assert!(((a[i] - b[i]) / (2.0 * h) - by_parameter[(i, k)]).abs() < 1e-8));
        }
    }
    check(&host);
    check(&prey(0.9));
}

#[test]
fn shooting_finds_coefficients_and_starts() {
    let truth = prey(0.9);
    let clean = series(&truth, [1.5, 0.7], 0.0);
    for (noise, tolerance) in [(0.0, 1e-6), (0.05, 0.03)] {
        let found = [series(&truth, [1.5, 0.7], noise), series(&truth, [0.6, 1.2], noise)];
        let shooting = Shooting {
            series: found.iter().map(|s| s.view()).collect(),
            scale: vec![0.05; 2],
            dt: 0.1,
            substeps: 4,
            decay: 0.0,
        };
        let mut equations = prey(0.5);
        let fitted = shooting.fit(&mut equations, 50, |_, _| true);
        let c = equations.parameters();
        assert!((c[0] + 0.9).abs() < tolerance && (c[1] - 1.0).abs() < tolerance, "{c:?}");
        let start = fitted.trajectories[0].row(0).to_owned();
        assert!((&start - &clean.row(0)).iter().all(|d| d.abs() < tolerance), "{start}");
        assert!(fitted.residual < if noise > 0.0 { 1.0 } else { 1e-3 }, "{}", fitted.residual);
    }
}

#[test]
fn few_terms_are_read_out() {
    let states =
        Array2::from_shape_fn((80, 2), |(t, c)| (0.3 * t as f64 * (1.0 + 0.7 * c as f64)).sin() + 1.2);
    let values = Array2::from_shape_fn((80, 2), |(t, c)| {
        let (x, y) = (states[[t, 0]], states[[t, 1]]);
        if c == 0 { -0.9 * x * y + 1e-3 * (x * 40.0).sin() } else { 0.8 * x * y }
    });
    let library = Term::library(2, 2, false);
    let found = read_out(states.view(), values.view(), &library, 0.05).unwrap();
    for (terms, c) in found.iter().zip([-0.9, 0.8]) {
        assert_eq!(terms.len(), 1, "{terms:?}");
        assert_eq!(terms[0].0, Term::Monomial(vec![1, 1]));
        assert!((terms[0].1 - c).abs() < 1e-3, "{terms:?}");
    }
    let few = states.slice(ndarray::s![..4, ..]);
    assert!(read_out(few, values.slice(ndarray::s![..4, ..]), &library, 0.05).is_err());
}

#[test]
fn known_terms_are_products_of_variables() {
    let known = |of: &str, term: &str| {
        let known = vec![KnownTerm { of: of.into(), term: term.into(), coefficient: 2.0 }];
        UniversalDeConfig { known, ..Default::default() }.monomials(&names(&["x", "y"]))
    };
    let term = known("y", "x y^2 x").unwrap().remove(0);
    assert_eq!((term.entry, term.powers), (1, vec![2, 2]));
    assert_eq!(known("x", "").unwrap()[0].powers, [0, 0]);
    for (of, term, said) in [("z", "x", "'z'"), ("x", "x w", "'w'"), ("x", "x^y", "'y' is no power")] {
        assert!(known(of, term).unwrap_err().message.contains(said), "{of} {term}");
    }
    let odd = HamiltonianNetworkConfig::default().fits(3).unwrap_err();
    assert!(odd.message.contains("3 channels"), "{}", odd.message);
    let odd = LagrangianNetworkConfig::default().fits(5).unwrap_err();
    assert!(odd.message.contains("5 channels"), "{}", odd.message);
}

#[test]
fn a_latent_equation_learns_to_tell_from_a_few_samples() {
    let device = Device::flex().autodiff();
    let config =
        LatentOdeConfig { latent: 3, hidden: vec![16], encoder: 12, decoder: 12, ..Default::default() };
    let mut model = config.init(1, 0.2, &mut rng(), &device);
    let times: Vec<f64> = (0..20).map(|i| 0.2 * f64::from(i)).collect();
    let values = times.iter().flat_map(|t| (0..32).map(move |b| (t + 0.2 * f64::from(b)).sin() as f32));
    let x = Tensor::<3>::from_data(TensorData::new(values.collect::<Vec<f32>>(), [20, 32, 1]), &device);
    let seen = [0, 2, 3, 7, 9];
    let mut optimiser = AdamConfig::new().init();
    let mut losses = Vec::new();
    for step in 0..150 {
        let noise: Vec<f32> = (0..96).map(|i| (1.3 * f64::from(i + 97 * step)).sin() as f32).collect();
        let noise = Tensor::from_data(TensorData::new(noise, [32, 3]), &device);
        let loss = model.loss(x.clone(), &times, &seen, noise).unwrap();
        losses.push(loss.clone().into_scalar::<f64>());
        let gradients = GradientsParams::from_grads(loss.backward(), &model);
        model = optimiser.step(1e-2, model, gradients);
    }
    assert!(losses[149] < 0.1 * losses[0], "{} {}", losses[0], losses[149]);
}

#[test]
fn weights_are_drawn_from_the_stream_alone() {
    let draw = || -> Vec<f64> {
        let field = FieldSpec::new(FieldKind::Separable, 4, &[6], vec![]);
        let flow = Flow::draw(field, 0, Steps::of(Method::Rk4, 0.1), &mut rng(), &Device::flex());
        flow.to_host().unwrap().parameters().to_vec()
    };
    assert_eq!(draw(), draw());
}
