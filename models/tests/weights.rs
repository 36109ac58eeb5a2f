//! Weights of PyTorch checkpoints: networks that take them compute what PyTorch does.

#![allow(clippy::unwrap_used)]

use std::path::PathBuf;

use burn::module::Module;
use burn::store::{ModuleSnapshot, SafetensorsStore};
use burn::tensor::{Device, Tensor, TensorData};
use flowmap_models::emulator::{Emulator, FieldSpec};
use flowmap_models::fused::Edge;
use flowmap_models::grid::{GridNetworkConfig, GridSurrogate, ModernUNetConfig, SineNetConfig};
use flowmap_models::seeded;
use flowmap_models::weights::with_weights;
use ndarray::Array4;

fn data(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)
}

/// A field of a file, `[1, channel, x]`, its channels and values.
fn field(name: &str) -> (usize, Vec<f32>) {
    let values: Array4<f64> = ndarray_npy::read_npy(data(name)).unwrap();
    (values.dim().1, values.iter().map(|v| *v as f32).collect())
}

fn sinenet(waves: usize) -> GridNetworkConfig {
    let config = SineNetConfig { waves, width: 3, growth: 1.34, levels: 1, ..Default::default() };
    GridNetworkConfig::Sinenet(config)
}

fn modern(width: usize) -> GridNetworkConfig {
    GridNetworkConfig::ModernUNet(ModernUNetConfig { width, growth: vec![1, 1], blocks: 1 })
}

fn surrogate(config: &GridNetworkConfig, history: usize, edge: Edge, device: &Device) -> GridSurrogate {
    drawn(config, history, edge, device, 1)
}

fn drawn(
    config: &GridNetworkConfig,
    history: usize,
    edge: Edge,
    device: &Device,
    seed: u64,
) -> GridSurrogate {
    let spec = FieldSpec {
        shape: vec![8, 8],
        edges: vec![edge; 2],
        channels: 2,
        history,
        bundle: 1,
        dt: 1.0,
        symbol: Vec::new(),
        mean: vec![0.0; 2],
        std: vec![1.0; 2],
        rate: vec![1.0; 2],
    };
    seeded(device, seed, || GridSurrogate::init(config, &spec, device))
}

#[test]
fn a_network_with_the_weights_of_a_checkpoint_computes_what_pytorch_does() {
    let device = Device::flex();
    let cases = [
        (sinenet(2), 2, Edge::Periodic, "sinenet.ckpt", "sinenet"),
        (modern(8), 1, Edge::Zeros, "modern_u_net.pt", "modern_u_net"),
    ];
    for (config, history, edge, checkpoint, name) in cases {
        let fresh = surrogate(&config, history, edge, &device);
        let model = with_weights(fresh, &data(checkpoint), config.pytorch_keys()).unwrap();
        let (channels, values) = field(&format!("{name}_in.npy"));
        let u = Tensor::from_data(TensorData::new(values, [1, channels, 64]), &device);
        let found = model.rollout(u, 1).remove(0).into_data().try_to_vec::<f32>().unwrap();
        let (_, wanted) = field(&format!("{name}_out.npy"));
        let largest = wanted.iter().map(|v| v.abs()).fold(0.0, f32::max);
        for (a, b) in found.iter().zip(&wanted) {
            assert!((a - b).abs() < 1e-5 * largest, "{name}: {a} {b}");
        }
        assert_eq!(found.len(), wanted.len());
    }
}

#[test]
fn weights_written_by_this_program_are_read_again() {
    let (device, folder) = (Device::flex(), tempfile::tempdir().unwrap());
    let path = folder.path().join("weights.safetensors");
    let model = surrogate(&modern(4), 1, Edge::Periodic, &device);
    model.save_into(&mut SafetensorsStore::from_file(&path)).unwrap();
    let other = drawn(&modern(4), 1, Edge::Periodic, &device, 9);
    let read = with_weights(other, &path, None).unwrap();
    let u = Tensor::<3>::ones([1, 2, 64], &device);
    let of = |m: &GridSurrogate| m.rollout(u.clone(), 1).remove(0).into_data();
    of(&read).assert_eq(&of(&model), true);
    assert_eq!(read.num_params(), model.num_params());
}

#[test]
fn what_does_not_fit_is_said() {
    let device = Device::flex();
    let refusal = |config: &GridNetworkConfig, history, name: &str| {
        let fresh = surrogate(config, history, Edge::Periodic, &device);
        with_weights(fresh, &data(name), config.pytorch_keys()).unwrap_err().to_string()
    };
    let said = refusal(&sinenet(3), 2, "sinenet.ckpt");
    assert!(said.contains("tensors are not in it"), "{said}");
    let said = refusal(&sinenet(1), 2, "sinenet.ckpt");
    assert!(said.contains("have no place in the network"), "{said}");
    let said = refusal(&sinenet(2), 1, "sinenet.ckpt");
    assert!(said.contains("lift"), "{said}");
    let said = refusal(&modern(8), 1, "sinenet.ckpt");
    assert!(said.contains("not"), "{said}");
    let said = refusal(&modern(8), 1, "none.pt");
    assert!(said.contains("no such file"), "{said}");
    let said = refusal(&modern(8), 1, "checkpoints.py");
    assert!(said.contains("checkpoints.py"), "{said}");
    let plain = GridNetworkConfig::ConvNet(Default::default());
    let said = refusal(&plain, 1, "sinenet.ckpt");
    assert!(said.contains("no PyTorch checkpoints are known"), "{said}");
}
