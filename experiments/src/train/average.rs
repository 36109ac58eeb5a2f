//! The exponential moving average of the weights.

use std::any::Any;

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::Tensor;

/// The average `w̄ ← d w̄ + (1 − d) w` of the weights after every step, `d = min(decay, (1 + n)/(10 + n))` at step `n`
/// (B. T. Polyak, A. B. Juditsky, 1992; the ramp lets the first weights fade): steadier than any single iterate.
#[derive(Clone)]
pub(super) struct Average<M> {
    decay: f64,
    model: Option<M>,
}

impl<M: Module + Clone> Average<M> {
    /// Of the weights of `model`; a decay of zero averages nothing.
    pub(super) fn new(decay: f64, model: &M) -> Self {
        Self { decay, model: (decay > 0.0).then(|| model.valid()) }
    }

    /// The average, without autodiff.
    pub(super) fn model(&self) -> Option<&M> {
        self.model.as_ref()
    }

    /// Takes up an average that was kept.
    pub(super) fn replace(&mut self, model: M) {
        if self.model.is_some() {
            self.model = Some(model);
        }
    }

    /// Lets the weights after step `n` in.
    pub(super) fn update(&mut self, model: &M, n: u64) {
        let Some(average) = self.model.take() else { return };
        let n = n as f64;
        let decay = self.decay.min((1.0 + n) / (10.0 + n));
        let mut collect = Collect(Vec::new());
        model.valid().visit(&mut collect);
        let mut blend = Blend { fresh: collect.0.into_iter(), decay };
        self.model = Some(average.map(&mut blend));
    }
}

/// All float tensors of a module, in its order.
struct Collect(Vec<Box<dyn Any>>);

impl ModuleVisitor for Collect {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        self.0.push(Box::new(param.val()));
    }
}

struct Blend {
    fresh: std::vec::IntoIter<Box<dyn Any>>,
    decay: f64,
}

impl ModuleMapper for Blend {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let fresh = self.fresh.next().and_then(|t| t.downcast::<Tensor<D>>().ok());
        let (id, value, mapper) = param.consume();
        let value = match fresh {
            Some(fresh) => value.mul_scalar(self.decay).add(fresh.mul_scalar(1.0 - self.decay)),
            None => value,
        };
        Param::from_mapped_value(id, value, mapper)
    }
}

#[cfg(test)]
mod tests {
    use burn::nn::LinearConfig;
    use burn::tensor::Device;

    use super::*;

    #[test]
    fn follows_the_ramp_then_the_decay() {
        let device = Device::default();
        let start = LinearConfig::new(1, 1).with_bias(false).init(&device);
        let at = |value: f64| {
            let mut model = start.clone();
            let filled = model.weight.val().mul_scalar(0.0).add_scalar(value);
            model.weight = Param::from_mapped_value(model.weight.id, filled, Default::default());
            model
        };
        let mut average = Average::new(0.5, &at(1.0));
        let mut expected = 1.0;
        for n in 0..20_u64 {
            let value = (n as f64).sin();
            average.update(&at(value), n);
            let decay = f64::min(0.5, (1.0 + n as f64) / (10.0 + n as f64));
            expected = decay * expected + (1.0 - decay) * value;
        }
        let found = average.model().map_or(f64::NAN, |m| m.weight.val().into_scalar::<f64>());
        assert!((found - expected).abs() < 1e-5, "{found} {expected}");
        assert!(Average::new(0.0, &start).model().is_none());
    }
}
