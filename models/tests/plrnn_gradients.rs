//! The loss of piecewise-linear networks in double precision: its gradients by every parameter are those of differences.

#![allow(clippy::unwrap_used)]

use burn::module::{Module, ModuleVisitor, Param};
use burn::optim::GradientsParams;
use burn::tensor::{Device, FloatDType, Tensor, TensorData};
use flowmap_models::plrnn::{Observation, Plrnn, PlrnnConfig, RegulariserConfig, Variant};
use support::{config, moved, network};

mod support;

/// The loss along a series of so many channels and inputs, and its gradients by the parameters.
fn loss(model: &Plrnn, width: usize, regulariser: &RegulariserConfig) -> (f64, Vec<Vec<f64>>) {
    struct Collect<'a>(&'a GradientsParams, Vec<Vec<f64>>);
    impl ModuleVisitor for Collect<'_> {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            let gradient = self.0.get::<D>(param.id).unwrap();
            self.1.push(gradient.into_data().convert::<f64>().try_to_vec::<f64>().unwrap());
        }
    }
    let device = Device::flex().autodiff();
    let series = |from: usize, samples: usize| {
        let value = |i: usize| ((from + i) as f32 * 0.77).sin();
        let values: Vec<f32> = (0..samples * 2 * width).map(value).collect();
        Tensor::<3>::from_data(TensorData::new(values, [samples, 2, width]), &device)
    };
    let loss = model.loss(series(0, 5), series(2 * width, 4), &[0.3; 4], regulariser);
    let value = loss.clone().into_scalar::<f64>();
    let gradients = GradientsParams::from_grads(loss.backward(), model);
    let mut all = Collect(&gradients, Vec::new());
    model.visit(&mut all);
    (value, all.1)
}

#[test]
fn losses_have_the_gradients_of_differences_with_every_observation() {
    let mut device = Device::flex();
    device.configure(FloatDType::F64).unwrap();
    let device = device.autodiff();
    let all = RegulariserConfig {
        latent: 0.01,
        observation: 0.02,
        manifold: 0.03,
        condition: 1e-3,
        a_convergence: 0.05,
    };
    // As many channels as entries, fewer (with L, or with a wide B), more (a tall B), a B that reads some entries; inputs.
    let cases = [
        (Observation::Identity, 4, 0, 0),
        (Observation::Identity, 2, 0, 3),
        (Observation::Affine, 4, 0, 0),
        (Observation::Affine, 3, 0, 2),
        (Observation::Affine, 6, 0, 0),
        (Observation::Affine, 6, 3, 0),
    ];
    for (observation, channels, observed, inputs) in cases {
        for variant in [Variant::Dendritic, Variant::ClippedShallow, Variant::AlmostLinear] {
            let config = PlrnnConfig { observation, observed, ..config(variant) };
            let model = network(&config, channels, inputs, &device);
            let width = channels + inputs;
            let (_, gradients) = loss(&model, width, &all);
            for (k, gradient) in gradients.iter().enumerate() {
                let scale = gradient.iter().fold(1e-2_f64, |m, g| m.max(g.abs()));
                for (entry, g) in gradient.iter().enumerate().step_by(3) {
                    let h = 1e-6;
                    let at = |h: f64| loss(&moved(&model, k, entry, h), width, &all).0;
                    let slope = (at(h) - at(-h)) / (2.0 * h);
                    let what =
                        format!("{observation:?} {channels} {inputs} {variant:?} parameter {k}[{entry}]");
                    assert!((slope - g).abs() < 1e-5 * scale, "{what}: {slope} and {g} of {scale}");
                }
            }
        }
    }
}
