//! The gradient of a rollout: how far back it is followed, and what is kept for it.

use burn::optim::{GradientsAccumulator, GradientsParams};
use burn::tensor::Tensor;
use flowmap_models::emulator::{Emulator, shifted};

use super::TrainConfig;
use crate::error::Error;

/// What a rollout is compared with.
pub(super) trait Targets {
    /// What the state after step `step` (from zero) should be, `[batch, channel, x]`; `before` are the frames that the model is given before it, without
    /// autodiff.
    ///
    /// # Errors
    /// If there is none.
    fn target(&mut self, step: usize, before: &Tensor<3>) -> Result<Tensor<3>, Error>;

    /// The loss `[1]` of a state.
    fn loss(&self, state: Tensor<3>, target: Tensor<3>) -> Tensor<1>;
}

/// The mean loss over the `unroll` states after `start`, and its gradients; none if the loss is not finite.
///
/// Every `cut` steps no gradient goes back (zero never cuts). With `checkpoint` the states are computed first and kept alone; the tape
/// of one application at a time is then rebuilt from the last to the first, so that memory grows by one state a step.
pub(super) fn gradients<M: Emulator>(
    model: &M,
    start: Tensor<3>,
    config: &TrainConfig,
    targets: &mut impl Targets,
) -> Result<Option<(f64, GradientsParams)>, Error> {
    if config.checkpoint {
        rebuilt(model, start, config, targets)
    } else {
        recorded(model, start, config, targets)
    }
}

/// On one tape for each stretch between two cuts.
fn recorded<M: Emulator>(
    model: &M,
    start: Tensor<3>,
    config: &TrainConfig,
    targets: &mut impl Targets,
) -> Result<Option<(f64, GradientsParams)>, Error> {
    let (steps, stretch) = (config.unroll, if config.cut > 0 { config.cut } else { config.unroll });
    let mut before = start;
    let mut loss = Tensor::<1>::zeros([1], &before.device());
    for first in (0..steps).step_by(stretch) {
        for (i, state) in model.rollout(before.clone(), stretch.min(steps - first)).into_iter().enumerate() {
            let target = targets.target(first + i, &before.clone().inner())?;
            loss = loss + targets.loss(state.clone(), target) / steps as f64;
            before = shifted(before, state);
        }
        before = before.detach();
    }
    let value = loss.clone().into_scalar::<f64>();
    if !value.is_finite() {
        return Ok(None);
    }
    Ok(Some((value, GradientsParams::from_grads(loss.backward(), model))))
}

/// Forward without a tape, then back with the tape of one step.
fn rebuilt<M: Emulator>(
    model: &M,
    start: Tensor<3>,
    config: &TrainConfig,
    targets: &mut impl Targets,
) -> Result<Option<(f64, GradientsParams)>, Error> {
    let (steps, bundle) = (config.unroll, model.bundle());
    let mut frames = vec![start.inner()];
    for state in model.valid().rollout(frames[0].clone(), steps - 1) {
        frames.push(shifted(frames[frames.len() - 1].clone(), state));
    }
    let (mut value, mut sum) = (0.0, GradientsAccumulator::new());
    // The gradient by the frames after the step.
    let mut carried: Option<Tensor<3>> = None;
    for first in (0..steps).step_by(bundle).rev() {
        let before = Tensor::from_inner(frames[first].clone()).require_grad();
        let mut loss = Tensor::<1>::zeros([1], &before.device());
        let mut after = before.clone();
        let states = model.rollout(before.clone(), bundle.min(steps - first));
        for (i, state) in (first..).zip(states) {
            let target = targets.target(i, &frames[i])?;
            loss = loss + targets.loss(state.clone(), target) / steps as f64;
            after = shifted(after, state);
        }
        value += loss.clone().into_scalar::<f64>();
        if let Some(carried) = carried.take() {
            loss = loss + (after * Tensor::from_inner(carried)).sum();
        }
        let mut found = loss.backward();
        let cut = config.cut > 0 && first.is_multiple_of(config.cut);
        carried = before.grad_remove(&mut found).filter(|_| !cut);
        sum.accumulate(model, GradientsParams::from_module(&mut found, model));
    }
    Ok(value.is_finite().then(|| (value, sum.grads())))
}
