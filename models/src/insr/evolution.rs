//! What moves in time, and how fast.

use crate::jet::Directions;

/// An equation `∂_t q(u) = f(t, x, u)`, where `q` is linear in the derivatives of `u` and `f` is any function of them.
pub trait Evolution: Send + Sync {
    /// The derivatives that `q` needs.
    fn quantity_directions(&self) -> Directions;

    /// The derivatives that `f` needs, with all that `q` needs on its first lines.
    fn slope_directions(&self) -> Directions;

    /// The entries of `q` and of `f`.
    fn quantities(&self) -> usize;

    /// Writes `q` and its derivatives `[quantity, component]` with respect to a jet that is laid out by `directions`.
    fn quantity(&self, directions: &Directions, jet: &[f64], q: &mut [f64], dq: &mut [f64]);

    /// Writes `f` and its derivatives `[quantity, component]` with respect to a jet of [`slope_directions`](Self::slope_directions).
    fn slope(&self, t: f64, x: &[f64], jet: &[f64], f: &mut [f64], df: &mut [f64]);
}
