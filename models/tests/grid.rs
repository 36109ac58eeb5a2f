//! Networks on a grid: their sizes, and that every block counts.

#![allow(clippy::unwrap_used)]

use burn::module::{Module, ModuleMapper, Param};
use burn::optim::GradientsParams;
use burn::tensor::{Device, Tensor, TensorData};
use flowmap_models::fused::Edge;
use flowmap_models::grid::{
    ConvNetConfig, DilatedResnetConfig, FactorisedOperatorConfig, FourierOperatorConfig, GridNetworkConfig,
    GridSpec, ModernUNetConfig, ResidualNetConfig, SineNetConfig, StridedUNetConfig, UNetConfig,
};
use flowmap_models::seeded;

const PERIODIC: [Edge; 2] = [Edge::Periodic; 2];

fn spec(size: [usize; 2], input: usize, output: usize) -> GridSpec {
    GridSpec { size, input, output, edges: PERIODIC }
}

#[test]
fn sinenet_has_the_published_numbers_of_parameters() {
    // Four frames of three channels in, three out; ten of four and four; two of three and three.
    let cases = [
        (1, 2.0, [33_788_099, 33_804_804, 33_784_643]),
        (2, 1.8075, [35_499_989, 35_516_694, 35_496_533]),
        (4, 1.611, [35_493_699, 35_510_404, 35_490_243]),
        (6, 1.5, [35_475_499, 35_492_204, 35_472_043]),
        (8, 1.425, [35_490_219, 35_506_924, 35_486_763]),
    ];
    let device = Device::flex();
    let grids = [(12, 3), (40, 4), (6, 3)].map(|(input, output)| spec([32, 32], input, output));
    for (waves, growth, counts) in cases {
        let config = SineNetConfig { waves, growth, ..Default::default() };
        // The first and the last convolution alone know the channels of the field.
        let params = config.init(&grids[0], &device).num_params();
        for (grid, count) in grids.iter().zip(counts) {
            let ends = |g: &GridSpec| (g.input + g.output) * 9 * 64 + g.output;
            assert_eq!(params + ends(grid) - ends(&grids[0]), count, "{waves} waves");
        }
    }
    // Multiplications of four frames on 128 x 128 points, in units of a thousand millions.
    let grid = spec([128, 128], 12, 3);
    for ((waves, growth, _), billions) in cases.into_iter().zip([14.4, 19.9, 28.4, 35.5, 42.0]) {
        let config = GridNetworkConfig::Sinenet(SineNetConfig { waves, growth, ..Default::default() });
        let macs = config.cost(&grid).macs as f64 / 1e9;
        assert!((macs - billions).abs() < 0.051, "{waves} waves: {macs}");
    }
    let tangled = SineNetConfig { disentangled: false, ..Default::default() };
    assert_eq!(tangled.init(&grids[0], &device).num_params(), 32_831_403);
}

#[test]
fn networks_of_one_axis_have_the_published_numbers_of_parameters() {
    let (device, grid) = (Device::flex(), spec([1, 160], 1, 1));
    assert_eq!(ConvNetConfig::default().init(&grid, &device).num_params(), 31_757);
    assert_eq!(ResidualNetConfig::default().init(&grid, &device).num_params(), 32_943);
    assert_eq!(DilatedResnetConfig::default().init(&grid, &device).num_params(), 31_777);
    assert_eq!(StridedUNetConfig::default().init(&grid, &device).num_params(), 27_193);
    assert_eq!(FourierOperatorConfig::default().init(&grid, &device).num_params(), 32_527);
}

#[test]
fn large_rivals_have_the_published_numbers_of_parameters() {
    // Four frames of three channels in, three out.
    let grid = spec([128, 128], 12, 3);
    let params = |config: GridNetworkConfig| config.cost(&grid).params as f64 / 1e6;
    let modern = params(GridNetworkConfig::ModernUNet(ModernUNetConfig::default()));
    assert!((modern - 144.3).abs() < 0.05, "{modern}");
    let factorised = params(GridNetworkConfig::FactorisedOperator(FactorisedOperatorConfig::default()));
    assert!((factorised - 30.1).abs() < 0.05, "{factorised}");
}

/// Small ones of every kind.
fn small() -> Vec<GridNetworkConfig> {
    vec![
        GridNetworkConfig::ConvNet(ConvNetConfig { width: 4, depth: 3 }),
        GridNetworkConfig::ResidualNet(ResidualNetConfig { width: 4, blocks: 2 }),
        GridNetworkConfig::DilatedResnet(DilatedResnetConfig { width: 4, blocks: 2, depth: 1 }),
        GridNetworkConfig::UNet(UNetConfig { width: 4, levels: 2 }),
        GridNetworkConfig::StridedUNet(StridedUNetConfig { width: 4, levels: 2 }),
        GridNetworkConfig::FourierOperator(FourierOperatorConfig { modes: 3, width: 4, layers: 2 }),
        GridNetworkConfig::ModernUNet(ModernUNetConfig { width: 4, growth: vec![1, 2, 2], blocks: 1 }),
        GridNetworkConfig::FactorisedOperator(FactorisedOperatorConfig {
            modes: 3,
            width: 4,
            layers: 2,
            expansion: 2,
            positions: true,
        }),
        GridNetworkConfig::Sinenet(SineNetConfig {
            waves: 2,
            width: 4,
            growth: 1.5,
            levels: 2,
            disentangled: true,
            budget: None,
        }),
    ]
}

fn field(size: [usize; 2], channels: usize, device: &Device) -> Tensor<4> {
    let count = 2 * channels * size[0] * size[1];
    let values: Vec<f32> = (0..count).map(|i| (0.37 * (i + 1) as f32).sin()).collect();
    Tensor::from_data(TensorData::new(values, [2, channels, size[0], size[1]]), device)
}

#[test]
fn the_number_of_parameters_is_known_without_the_network() {
    let device = Device::flex();
    for size in [[1, 16], [8, 12]] {
        for config in small() {
            let grid = spec(size, 2, 3);
            assert_eq!(config.cost(&grid).params, config.init(&grid, &device).num_params(), "{config:?}");
        }
    }
}

/// Sets the parameter of a number to zero.
struct Zero {
    at: usize,
    seen: usize,
    was_zero: bool,
}

impl ModuleMapper for Zero {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        self.seen += 1;
        if self.seen - 1 != self.at {
            return param;
        }
        let value = param.val();
        self.was_zero = value.clone().abs().max().into_scalar::<f64>() == 0.0;
        param.map(|value| value.zeros_like())
    }
}

#[test]
fn every_parameter_counts_and_has_a_gradient() {
    let device = Device::flex().autodiff();
    for (size, edges) in [([1, 16], PERIODIC), ([8, 12], [Edge::Zeros, Edge::Periodic])] {
        for config in small() {
            let grid = GridSpec { edges, ..spec(size, 2, 3) };
            let network = seeded(&device, 7, || config.init(&grid, &device));
            let u = field(size, 2, &device);
            let v = network.forward(u.clone());
            assert_eq!(v.dims(), [2, 3, size[0], size[1]]);
            let gradients = GradientsParams::from_grads(v.clone().powi_scalar(2).sum().backward(), &network);
            let mut count = Zero { at: usize::MAX, seen: 0, was_zero: false };
            let _ = network.clone().map(&mut count);
            assert_eq!(gradients.len(), count.seen, "{config:?}: a parameter has no gradient");
            for at in 0..count.seen {
                let mut zero = Zero { at, seen: 0, was_zero: false };
                let changed = network.clone().map(&mut zero).forward(u.clone());
                let off = (changed - v.clone()).abs().max().into_scalar::<f64>();
                assert!(zero.was_zero || off > 1e-6, "{config:?} on {size:?}: parameter {at} does not count");
            }
        }
    }
}

#[test]
fn on_a_periodic_grid_a_shifted_field_gives_the_shifted_result() {
    let device = Device::flex();
    // Positions tell where the grid begins.
    let unplaced = |config| match config {
        GridNetworkConfig::FactorisedOperator(c) => {
            GridNetworkConfig::FactorisedOperator(FactorisedOperatorConfig { positions: false, ..c })
        }
        other => other,
    };
    for config in small().into_iter().map(unplaced) {
        let size = [16, 8];
        let network = seeded(&device, 3, || config.init(&spec(size, 1, 1), &device));
        let u = field(size, 1, &device);
        // By whole cells of the coarsest level.
        let by = config.divisor();
        let roll = |u: Tensor<4>| {
            Tensor::cat(
                vec![
                    u.clone().slice([0..2, 0..1, size[0] - by..size[0]]),
                    u.slice([0..2, 0..1, 0..size[0] - by]),
                ],
                2,
            )
        };
        let off = roll(network.forward(u.clone())) - network.forward(roll(u));
        assert!(off.abs().max().into_scalar::<f64>() < 1e-5, "{config:?}");
    }
}
