//! Models drawn from a seed.

use std::convert::Infallible;
use std::sync::{Mutex, PoisonError};

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::{Device, Tensor};

/// A model whose weights are those of `seed`, whatever else the process draws meanwhile.
///
/// A device has one random stream for the whole process, and a layer may draw its weights at their first use only. So those
/// who draw take turns, and every weight is drawn before the turn ends.
pub fn seeded<M: Module>(device: &Device, seed: u64, draw: impl FnOnce() -> M) -> M {
    let Ok(model) = try_seeded(device, seed, || Ok::<_, Infallible>(draw()));
    model
}

/// [`seeded`] for models that may be refused.
///
/// # Errors
/// Those of `draw`.
pub fn try_seeded<M: Module, E>(
    device: &Device,
    seed: u64,
    draw: impl FnOnce() -> Result<M, E>,
) -> Result<M, E> {
    struct Drawn;
    impl ModuleVisitor for Drawn {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            drop(param.val());
        }
    }
    static TURN: Mutex<()> = Mutex::new(());
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    device.seed(seed);
    let model = draw()?;
    model.visit(&mut Drawn);
    Ok(model)
}
