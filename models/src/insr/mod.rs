//! Implicit neural representations that move in time: at every time the solution is a network, and a classical integrator makes the
//! weights of the next one.
//!
//! Either every stage of a step is found by regression ([`Explicit`], [`Implicit`]: the state is a [`Function`]), or the weights
//! themselves are the state ([`Galerkin`]). A flow between walls may also move in parts ([`Splitting`]), and an elastic body to the least of an energy
//! ([`Block`], [`Motion`]). H. Chen et al., "Implicit Neural Spatial Representations for Time-dependent PDEs", ICML
//! 2023; J. Bruna et al., J. Comput. Phys. 496 (2024) 112588.

mod ansatz;
mod block;
mod config;
mod evolution;
mod explicit;
mod fall;
mod function;
mod galerkin;
mod implicit;
mod march;
mod points;
mod regression;
mod residual;
mod scalar;
mod space;
mod splitting;
mod stream_function;

pub use block::{Block, Hold};
pub use config::{Boundary, Flow, Form, InsrConfig, Method, OuterStep, Sampling, SamplingConfig};
pub use evolution::Evolution;
pub use explicit::Explicit;
pub use fall::{Ground, Inertia, Motion, Nodes};
pub use function::Function;
pub use galerkin::Galerkin;
pub use implicit::{Collocation, GAUSS_LEGENDRE, IMPLICIT_EULER, IMPLICIT_MIDPOINT, Implicit};
pub use march::{March, Moment, Start};
pub use points::Points;
pub use regression::Effort;
pub use scalar::Scalar;
pub use space::Space;
pub use splitting::Splitting;
pub use stream_function::StreamFunction;

/// An axis of a box.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Axis {
    /// Where it begins.
    pub origin: f64,
    /// Its length.
    pub length: f64,
    /// Whether it closes; else walls stand at its ends, where the solution is zero.
    pub periodic: bool,
}

/// A box without interior.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error("the domain has no interior: its axis {axis} has length {length}")]
pub struct NoInterior {
    /// The axis.
    pub axis: usize,
    /// Its length.
    pub length: f64,
}

/// Whether a box has an interior.
fn interior(axes: &[Axis]) -> Result<(), NoInterior> {
    match axes.iter().position(|a| !(a.length > 0.0 && a.length.is_finite())) {
        Some(axis) => Err(NoInterior { axis, length: axes[axis].length }),
        None => Ok(()),
    }
}
