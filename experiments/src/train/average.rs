//! The average of the weights along a training.

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::optim::GradientsParams;
use burn::tensor::Tensor;

/// An exponential average of a module's weights, `w̄ ← w̄ + (1 − d_t) (w − w̄)` after step `t`, without autodiff.
///
/// `d_t = min(decay, (1 + t)/(10 + t))`, so that the first weights are soon forgotten. The average of the iterates of a
/// stochastic method varies less than they do (B. T. Polyak, A. B. Juditsky, SIAM J. Control Optim. 30, 1992).
#[derive(Clone)]
pub(super) struct Average<M> {
    pub(super) model: M,
    pub(super) decay: f64,
}

impl<M: Module> Average<M> {
    /// The average of weights at the start of a training; none unless `decay` is above zero.
    pub(super) fn of(model: &M, decay: f64) -> Option<Self> {
        (decay > 0.0).then(|| Self { model: model.valid(), decay })
    }

    /// Takes in the weights after step `step` (from zero).
    pub(super) fn update(&mut self, fresh: &M, step: u64) {
        let t = step as f64;
        let mut now = Collect(GradientsParams::new());
        fresh.visit(&mut now);
        let mut towards = Towards { fresh: now.0, share: 1.0 - self.decay.min((1.0 + t) / (10.0 + t)) };
        self.model = self.model.clone().map(&mut towards);
    }
}

/// The weights of a module by their ids.
struct Collect(GradientsParams);

impl ModuleVisitor for Collect {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        self.0.register::<D>(param.id, param.val().inner());
    }
}

struct Towards {
    fresh: GradientsParams,
    share: f64,
}

impl ModuleMapper for Towards {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let Some(fresh) = self.fresh.remove::<D>(param.id) else { return param };
        let (id, value, mapper) = param.consume();
        let next = value.clone() + (fresh - value) * self.share;
        Param::from_mapped_value(id, next, mapper)
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, TensorData};

    use super::*;
    use crate::train::numbered;

    #[derive(Module, Debug)]
    struct One {
        w: Param<Tensor<1>>,
    }

    #[test]
    fn the_average_by_hand() {
        let device = Device::flex().autodiff();
        let at = |v: f32| {
            let w = Tensor::from_data(TensorData::from([v]), &device);
            numbered(One { w: Param::from_tensor(w) })
        };
        assert!(Average::of(&at(0.0), 0.0).is_none());
        let mut average = Average::of(&at(1.0), 0.15).unwrap();
        let mut expected = 1.0_f64;
        for (step, fresh) in [5.0_f32, -2.0, 0.25].into_iter().enumerate() {
            average.update(&at(fresh), step as u64);
            let decay = [0.1, 0.15, 0.15][step];
            expected = decay * expected + (1.0 - decay) * f64::from(fresh);
        }
        assert!((average.model.w.val().into_scalar::<f64>() - expected).abs() < 1e-6);
    }
}
