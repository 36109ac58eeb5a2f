//! Generative models of paths: distances by hand, gradients that go the right way, bounds that vanish where they must.

#![allow(clippy::unwrap_used)]

use std::f64::consts::TAU;

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::optim::{AdamConfig, GradientsParams};
use burn::tensor::{Device, Tensor};
use flowmap_models::generative::{CriticKind, LatentSdeConfig, SdeGan, SdeGanConfig, energy_distance};
use flowmap_models::seeded;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

fn host<const D: usize>(x: Tensor<D>) -> Vec<f64> {
    x.into_data().convert::<f64>().try_to_vec::<f64>().unwrap()
}

/// Numbers without randomness, in `[−1, 1]`.
fn numbers<const D: usize>(shape: [usize; D], step: f64, device: &Device) -> Tensor<D> {
    let count: usize = shape.iter().product();
    let values: Vec<f32> = (0..count).map(|i| (((i + 1) as f64 * step) % 1.0 * 2.0 - 1.0) as f32).collect();
    Tensor::<1>::from_floats(values.as_slice(), device).reshape(shape)
}

#[test]
fn the_energy_distance_is_that_of_its_formula() {
    let device = Device::flex();
    let (n, m, times) = (9, 7, 5);
    let x = numbers([n, times, 2], 0.7548776662466927, &device);
    let y = numbers([m, times, 2], 0.5698402909980532, &device).mul_scalar(1.5);
    let found = host(energy_distance(x.clone(), y.clone()))[0];
    let paths = |x: &Tensor<3>, rows: usize| -> Vec<Vec<f64>> {
        host(x.clone()).chunks_exact(times * 2).take(rows).map(<[f64]>::to_vec).collect()
    };
    let (x, y) = (paths(&x, n), paths(&y, m));
    let steps = |p: &[f64]| -> Vec<f64> { (2..p.len()).map(|i| p[i] - p[i - 2]).collect() };
    let rms = |v: Vec<f64>| (v.iter().map(|v| v * v).sum::<f64>() / v.len() as f64).sqrt();
    let weight = rms(x.concat()) / rms(x.iter().flat_map(|p| steps(p)).collect());
    let distance = |a: &Vec<f64>, b: &Vec<f64>| {
        let square = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f64>();
        (square(a, b) + weight * weight * square(&steps(a), &steps(b))).sqrt()
    };
    let mean = |a: &[Vec<f64>], b: &[Vec<f64>], pairs: usize| {
        a.iter().flat_map(|a| b.iter().map(move |b| distance(a, b))).sum::<f64>() / pairs as f64
    };
    let mut exact = 2.0 * mean(&x, &y, n * m) - mean(&x, &x, n * (n - 1)) - mean(&y, &y, m * (m - 1));
    for c in 0..2 * times {
        let line = |x: &[Vec<f64>]| -> Vec<f64> { x.iter().map(|p| p[c]).collect() };
        let mean = |a: &[f64], b: &[f64], pairs: usize| {
            a.iter().flat_map(|a| b.iter().map(move |b| (a - b).abs())).sum::<f64>() / pairs as f64
        };
        let (a, b) = (line(&x), line(&y));
        let distance = 2.0 * mean(&a, &b, n * m) - mean(&a, &a, n * (n - 1)) - mean(&b, &b, m * (m - 1));
        let middle = a.iter().sum::<f64>() / n as f64;
        let deviation = (a.iter().map(|v| (v - middle).powi(2)).sum::<f64>() / n as f64).sqrt();
        exact += (2.0 * (2 * times - 1) as f64).sqrt() * distance / (deviation * (2 * times) as f64);
    }
    // The diagonal counts as a thousandth.
    assert!((found - exact).abs() < 1e-3, "{found} {exact}");
}

struct Step<'a>(&'a GradientsParams, f64);

impl ModuleMapper for Step<'_> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let (id, value, mapper) = param.consume();
        let moved = match self.0.get::<D>(id) {
            Some(g) => Tensor::from_inner(value.inner() - g.mul_scalar(self.1)).require_grad(),
            None => value,
        };
        Param::from_mapped_value(id, moved, mapper)
    }
}

struct Count<'a>(&'a GradientsParams, usize);

impl ModuleVisitor for Count<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        self.1 += usize::from(self.0.get::<D>(param.id).is_some());
    }
}

#[test]
fn a_critic_goes_up_the_distance_and_the_generator_down() {
    let device = Device::flex().autodiff();
    let config = SdeGanConfig { critic: CriticKind::Adversarial, critic_steps: 2, ..SdeGanConfig::default() };
    let model = seeded(&device, 2, || config.init(1, &device));
    let data = numbers([64, 9, 1], 0.7548776662466927, &device);
    let start = numbers([64, 5], 0.5698402909980532, &device);
    let distance = |model: &SdeGan| {
        let generated = model.paths(start.clone(), 9, 7);
        model.distance(data.clone(), generated)
    };
    let before = host(distance(&model))[0];
    // In every other step the critic moves alone.
    let critic = model.gradients(distance(&model), 1);
    let moved = model.clone().map(&mut Step(&critic, 1e-2));
    assert!(host(distance(&moved))[0] > before, "{before}");
    let both = model.gradients(distance(&model), 0);
    let count = |gradients: &GradientsParams| {
        let mut count = Count(gradients, 0);
        model.visit(&mut count);
        count.1
    };
    assert!(count(&critic) < count(&both) && count(&critic) > 0);
    // Without the critic's part, the step goes down.
    let mut generator = model.gradients(distance(&model), 0);
    struct Without<'a, 'b>(&'a GradientsParams, &'b mut GradientsParams);
    impl ModuleVisitor for Without<'_, '_> {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            if self.0.get::<D>(param.id).is_some() {
                let _ = self.1.remove::<D>(param.id);
            }
        }
    }
    model.visit(&mut Without(&critic, &mut generator));
    let moved = model.clone().map(&mut Step(&generator, 1e-2));
    assert!(host(distance(&moved))[0] < before, "{before}");
}

#[test]
fn paths_are_made_of_their_seed_row_by_row() {
    let device = Device::flex();
    let config = SdeGanConfig { substeps: 2, ..SdeGanConfig::default() };
    let model = seeded(&device, 4, || config.init(2, &device));
    let start = numbers([6, 5], 0.7548776662466927, &device);
    let all = host(model.paths(start.clone(), 5, 11));
    let few = host(model.paths(start.narrow(0, 0, 2), 5, 11));
    assert!(all[..few.len()].iter().zip(&few).all(|(a, b)| (a - b).abs() < 1e-6));
    // Rows that start alike part by their noise.
    let alike = host(model.paths(numbers([1, 5], 0.3, &device).repeat_dim(0, 2), 5, 11));
    assert!((alike[0] - alike[10]).abs() < 1e-6 && (alike[8] - alike[18]).abs() > 1e-3);
}

#[test]
fn an_adversary_leads_the_generator_to_the_law_of_the_data() {
    let device = Device::flex().autodiff();
    let config = SdeGanConfig {
        hidden: 8,
        width: 16,
        noise: 2,
        critic: CriticKind::Adversarial,
        critic_steps: 4,
        duration: 4.0,
        ..SdeGanConfig::default()
    };
    let mut model = seeded(&device, 3, || config.init(1, &device));
    let normals = |shape: [usize; 3], seed: u64| -> Tensor<3> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let count: usize = shape.iter().product();
        let values: Vec<f32> = (0..count).map(|_| StandardNormal.sample(&mut rng)).collect();
        Tensor::<1>::from_floats(values.as_slice(), &device).reshape(shape)
    };
    // Random walks from one with a drift downwards.
    let data = |seed: u64| -> Tensor<3> {
        let steps = normals([128, 7, 1], seed).mul_scalar(0.3).sub_scalar(0.2);
        let mut path = vec![normals([128, 1, 1], seed + 1).mul_scalar(0.3).add_scalar(1.0)];
        for i in 0..7 {
            path.push(path[i].clone() + steps.clone().narrow(1, i, 1));
        }
        Tensor::cat(path, 1)
    };
    let start = |seed: u64| normals([128, 5, 1], seed).reshape([128, 5]);
    let apart = |model: &SdeGan| {
        let model = model.clone().valid();
        let generated = model.paths(start(901).inner(), 8, 902);
        host(energy_distance(data(903).inner(), generated))[0]
    };
    let before = apart(&model);
    let mut optimiser = AdamConfig::new().with_beta_1(0.0).with_beta_2(0.9).init();
    for step in 0..240 {
        let generated = model.paths(start(10 * step + 3), 8, step);
        let distance = model.distance(data(10 * step), generated);
        let gradients = model.gradients(distance, step);
        model = optimiser.step(3e-3, model, gradients).clipped();
    }
    let after = apart(&model);
    assert!(after < 0.4 * before, "{before} {after}");
}

struct Zero;

impl ModuleMapper for Zero {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let (id, value, mapper) = param.consume();
        Param::from_mapped_value(id, value.zeros_like(), mapper)
    }
}

#[test]
fn the_bound_of_a_latent_equation_is_known_where_its_networks_are_zero() {
    let device = Device::flex();
    let config = LatentSdeConfig { error: 0.5, ..LatentSdeConfig::default() };
    let drawn = seeded(&device, 6, || config.init(2, &device));
    let paths = numbers([8, 6, 2], 0.7548776662466927, &device);
    let noise = numbers([8, 4], 0.5698402909980532, &device);
    let away = drawn.evidence(paths.clone(), noise.clone(), 3);
    assert!(host(away.divergence)[0] > 0.0);
    let zero = drawn.map(&mut Zero);
    let found = zero.evidence(paths.clone(), noise, 3);
    // Prior and posterior are the same law, and the read-out is zero.
    assert!(host(found.divergence)[0].abs() < 1e-6);
    let square = host(paths.clone().powi_scalar(2).mean())[0];
    let exact = 0.5 * square / 0.25 + 0.5 * (TAU * 0.25).ln();
    assert!((host(found.reconstruction)[0] - exact).abs() < 1e-5);
    assert_eq!(zero.annealed(0), 1.0 / 300.0);
    assert_eq!(zero.annealed(1000), 1.0);
}
