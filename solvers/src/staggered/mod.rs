//! Flows on staggered cells between walls: the grid, its interpolations, and the projection on fields without divergence.
//!
//! Scalars stand at the middle of cells, the components of the velocity at the middle of the faces that they cross (F. Harlow and
//! J. Welch, Phys. Fluids 8 (1965) 2182). All fields lie in C order, `[x, y]`.

mod cosine;
mod grid;
mod lattice;
mod projection;

pub use cosine::CosineTransform;
pub use grid::StaggeredGrid;
pub use lattice::{Beyond, Lattice};
pub use projection::Projection;
