//! Dense networks on lanes of samples: values, gradients, and how both are pulled back. In `f32` and `f64`.

mod aligned;
mod dense;
mod mixed;
mod product;
mod real;
mod tape;

pub(crate) use aligned::Aligned;
pub(crate) use dense::{Dense, gradient, gradient_pull_back, value, value_pull_back};
pub(crate) use mixed::mixed_pull_back;
pub(crate) use real::Real;
pub(crate) use tape::Tape;
