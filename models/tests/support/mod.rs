//! Small networks whose weights are all drawn, and can be moved one at a time.

use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::{Device, Tensor, TensorData};
use flowmap_models::plrnn::{Plrnn, PlrnnConfig, Variant};
use flowmap_models::seeded;

/// A small network of a variant.
pub(crate) fn config(variant: Variant) -> PlrnnConfig {
    PlrnnConfig { variant, latent: 4, hidden: 7, bases: 3, piecewise_units: 2, ..PlrnnConfig::default() }
}

/// A network with all weights drawn anew, none of them zero.
pub(crate) fn network(config: &PlrnnConfig, channels: usize, inputs: usize, device: &Device) -> Plrnn {
    struct Draw(u32);
    impl ModuleMapper for Draw {
        fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
            let (id, value, mapper) = param.consume();
            let shape = value.shape();
            let values: Vec<f32> = (0..shape.num_elements())
                .map(|_| {
                    self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    1.2 * ((self.0 >> 8) as f32 / (1 << 24) as f32 - 0.5)
                })
                .collect();
            let value = Tensor::from_data(TensorData::new(values, shape), &value.device()).require_grad();
            Param::from_mapped_value(id, value, mapper)
        }
    }
    seeded(device, 1, || config.init(channels, inputs, device).unwrap()).map(&mut Draw(1))
}

/// The same network with a number added to one entry of one parameter.
pub(crate) fn moved(model: &Plrnn, parameter: usize, entry: usize, by: f64) -> Plrnn {
    struct Move(usize, usize, f64, usize);
    impl ModuleMapper for Move {
        fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
            let (id, value, mapper) = param.consume();
            let device = value.device();
            let shape = value.shape();
            let mut values = value.into_data().convert::<f64>().try_to_vec::<f64>().unwrap();
            if self.3 == self.0 {
                values[self.1] += self.2;
            }
            self.3 += 1;
            let value = Tensor::from_data(TensorData::new(values, shape), &device).require_grad();
            Param::from_mapped_value(id, value, mapper)
        }
    }
    model.clone().map(&mut Move(parameter, entry, by, 0))
}
