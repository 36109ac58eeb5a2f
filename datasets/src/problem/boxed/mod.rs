//! Problems in a box with walls, which no periodic grid holds: networks alone solve them.

mod elastic_block;
mod euler_box;
mod falling_block;
mod finite_elements;

pub use elastic_block::{ElasticBlock, Faces};
pub use euler_box::{EulerBox, SineFlow, Vortices};
pub use falling_block::FallingBlock;
pub use finite_elements::{Deformation, FiniteElements};

/// A problem in a box.
pub trait Boxed: Send + Sync {
    /// The name in configs.
    fn name(&self) -> &'static str;

    /// One line of mathematics.
    fn equation(&self) -> &'static str;

    /// The names of the fields.
    fn channels(&self) -> Vec<String>;

    /// Whether it moves; else an equilibrium is looked for.
    fn moves(&self) -> bool;
}
