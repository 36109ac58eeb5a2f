//! Networks as solutions of partial differential equations `u_t + (c + a u) u_x = ν u_xx − δ u_xxx − κ u_xxxx + r(u)` on one
//! axis: in the Eulerian frame, and in the frame that moves with the characteristics.
//!
//! The start, and on a periodic axis the boundary too, are in the form of the solution; what is left is a sum of squares of the
//! equation's residual. M. Raissi et al., J. Comput. Phys. 378 (2019) 686; R. Mojgani et al., CMAME 404 (2023) 115810.

mod base;
mod config;
mod equation;
mod eulerian;
mod frozen;
mod lagrangian;
mod profile;
mod sampling;
mod window;

pub use config::{BaseConfig, Boundary, Crossing, PinnConfig, Sampling, SamplingConfig, Symmetry};
pub use equation::Equation;
pub use frozen::{FrozenFeatures, FrozenSolution};
pub use lagrangian::{Characteristics, CrossingAt};
pub use profile::{MAX_PROFILE, Profile};
pub use sampling::Domain;
pub use window::{Collocation, Frame, Window};
