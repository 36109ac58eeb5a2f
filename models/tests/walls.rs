//! Networks on a grid between walls, with a history, within a budget.

#![allow(clippy::unwrap_used)]

use burn::tensor::{Device, Tensor, TensorData};
use flowmap_models::emulator::{Emulator, FieldSpec, shifted};
use flowmap_models::fused::Edge;
use flowmap_models::grid::{
    BudgetConfig, ConvNetConfig, Equal, GridNetworkConfig, GridSpec, GridSurrogate, SineNetConfig, UNetConfig,
};
use flowmap_models::layers::Doubling;
use flowmap_models::seeded;
use flowmap_models::semilinear_operator::{LinearPart, SemilinearOperatorConfig};

const SIZE: [usize; 2] = [8, 12];
const WALLS: [Edge; 2] = [Edge::Zeros; 2];

fn field<const D: usize>(shape: [usize; D], device: &Device) -> Tensor<D> {
    let values: Vec<f32> = (0..shape.iter().product()).map(|i| (0.37 * (i + 1) as f32).sin()).collect();
    Tensor::from_data(TensorData::new(values, shape), device)
}

fn largest<const D: usize>(u: Tensor<D>) -> f64 {
    u.abs().max().into_scalar::<f64>()
}

#[test]
fn what_stands_at_a_wall_does_not_act_at_the_other() {
    let device = Device::flex();
    let network = |edges| {
        let grid = GridSpec { size: SIZE, input: 1, output: 1, edges };
        seeded(&device, 3, || ConvNetConfig { width: 4, depth: 2 }.init(&grid, &device))
    };
    let u = field([1, 1, 8, 12], &device);
    // Another first row: it reaches three rows far.
    let other = Tensor::cat(vec![u.clone().narrow(2, 0, 1) + 1.0, u.clone().narrow(2, 1, 7)], 2);
    let change = |edges| {
        let network = network(edges);
        network.forward(other.clone()) - network.forward(u.clone())
    };
    let (walls, circle) = (change(WALLS), change([Edge::Periodic, Edge::Zeros]));
    assert!(largest(walls.clone().narrow(2, 0, 1)) > 1e-3);
    assert_eq!(largest(walls.narrow(2, 4, 4)), 0.0);
    assert!(largest(circle.narrow(2, 7, 1)) > 1e-3, "the other end of a circle is near");
}

#[test]
fn interpolation_at_a_wall_repeats_the_last_point() {
    let device = Device::flex();
    let doubling = Doubling::init(SIZE, WALLS, &device);
    let ones = doubling.forward(Tensor::ones([1, 1, 8, 12], &device));
    assert!(largest(ones - 1.0) < 1e-6);
    // One on the first column alone.
    let first =
        Tensor::cat(vec![Tensor::<4>::ones([1, 1, 8, 1], &device), Tensor::zeros([1, 1, 8, 11], &device)], 3);
    let wide = doubling.forward(first.clone());
    assert!(largest(wide.clone().narrow(3, 0, 2)) > 0.5 && largest(wide.narrow(3, 6, 18)) == 0.0);
    let circle = Doubling::init(SIZE, [Edge::Zeros, Edge::Periodic], &device).forward(first);
    assert!(largest(circle.narrow(3, 22, 2)) > 0.1);
}

fn spec(history: usize, edges: Vec<Edge>) -> FieldSpec {
    FieldSpec {
        shape: SIZE.to_vec(),
        edges,
        channels: 2,
        history,
        bundle: 1,
        dt: 0.5,
        symbol: Vec::new(),
        mean: vec![0.3, -0.1],
        std: vec![1.5, 0.7],
        rate: vec![0.8, 1.2],
    }
}

/// A rollout of three frames is three single steps, and every frame counts.
fn holds<M: Emulator>(model: &M, name: &str, device: &Device) {
    let frames = field([2, 6, 96], device);
    assert_eq!(model.history(), 3, "{name}");
    let rolled = model.rollout(frames.clone(), 3);
    let mut now = frames.clone();
    for (i, state) in rolled.iter().enumerate() {
        assert_eq!(state.dims(), [2, 2, 96]);
        let next = model.rollout(now.clone(), 1).remove(0);
        assert!(largest(next.clone() - state.clone()) < 1e-4, "{name}: step {i}");
        now = shifted(now, next);
    }
    for frame in 0..3 {
        let parts = (0..3).map(|f| {
            let own = frames.clone().narrow(1, 2 * f, 2);
            if f == frame { own + 0.5 } else { own }
        });
        let parts = parts.collect();
        let changed = model.rollout(Tensor::cat(parts, 1), 1).remove(0);
        assert!(largest(changed - rolled[0].clone()) > 1e-4, "{name}: frame {frame} does not count");
    }
}

#[test]
fn networks_see_all_frames_that_they_are_given() {
    let device = Device::flex();
    for edges in [Vec::new(), WALLS.to_vec(), vec![Edge::Periodic, Edge::Zeros]] {
        let spec = spec(3, edges);
        let network = GridNetworkConfig::UNet(UNetConfig { width: 4, levels: 2 });
        let model = seeded(&device, 5, || GridSurrogate::init(&network, &spec, &device));
        holds(&model, "U-Net", &device);
        let fno = SemilinearOperatorConfig {
            modes: 3,
            width: 4,
            layers: 2,
            linear: LinearPart::None,
            conservative: false,
        };
        let model = seeded(&device, 5, || fno.init(&spec, &device));
        holds(&model, "FNO", &device);
    }
}

#[test]
fn a_bundle_is_predicted_from_the_frames_before_it() {
    let device = Device::flex();
    let network = GridNetworkConfig::UNet(UNetConfig { width: 4, levels: 2 });
    let spec = FieldSpec { bundle: 2, ..spec(3, WALLS.to_vec()) };
    let model = seeded(&device, 5, || GridSurrogate::init(&network, &spec, &device));
    assert_eq!(model.bundle(), 2);
    let frames = field([2, 6, 96], &device);
    let rolled = model.rollout(frames.clone(), 5);
    assert_eq!(rolled.len(), 5);
    let mut now = frames.clone();
    for first in [0, 2] {
        let bundle = model.rollout(now.clone(), 2);
        for (i, state) in bundle.into_iter().enumerate() {
            assert!(largest(state.clone() - rolled[first + i].clone()) < 1e-4, "{first} {i}");
            now = shifted(now, state);
        }
    }
    assert!(largest(model.rollout(now, 1).remove(0) - rolled[4].clone()) < 1e-4);
    // The second frame of a bundle is not the first one applied twice.
    let again = model.rollout(shifted(frames, rolled[0].clone()), 1).remove(0);
    assert!(largest(again - rolled[1].clone()) > 1e-3);
}

#[test]
fn an_operator_between_walls_is_no_convolution_on_a_circle() {
    let device = Device::flex();
    let fno = SemilinearOperatorConfig {
        modes: 3,
        width: 4,
        layers: 2,
        linear: LinearPart::None,
        conservative: false,
    };
    let u = field([1, 2, 96], &device);
    let turned = |u: Tensor<3>| {
        let u = u.reshape([1, 2, 8, 12]);
        Tensor::cat(vec![u.clone().narrow(2, 3, 5), u.narrow(2, 0, 3)], 2).reshape([1, 2, 96])
    };
    let off = |edges| {
        let model = seeded(&device, 5, || fno.init(&spec(1, edges), &device));
        let step = |u| model.rollout(u, 1).remove(0);
        largest(turned(step(u.clone())) - step(turned(u.clone())))
    };
    assert!(off(Vec::new()) < 1e-4 && off(WALLS.to_vec()) > 1e-2);
}

#[test]
fn a_budget_is_used_and_not_passed() {
    let grid = GridSpec { size: [32, 32], input: 12, output: 3, edges: WALLS };
    let (params, macs) = (530_000, 24_000_000);
    for waves in [1, 2, 4, 6, 8] {
        let of = |equal| {
            let budget = Some(BudgetConfig { equal, params, macs });
            GridNetworkConfig::Sinenet(SineNetConfig { waves, width: 8, budget, ..Default::default() })
        };
        let cost = of(Equal::Params).cost(&grid);
        assert!(cost.params <= params && cost.params > 94 * params / 100, "{waves} waves: {cost:?}");
        let cost = of(Equal::Macs).cost(&grid);
        assert!(cost.macs <= macs && cost.macs > 85 * macs / 100, "{waves} waves: {cost:?}");
        let device = Device::flex();
        let network = seeded(&device, 1, || of(Equal::Macs).init(&grid, &device));
        assert_eq!(burn::module::Module::num_params(&network), cost.params);
    }
}
