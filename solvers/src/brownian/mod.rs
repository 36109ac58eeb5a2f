//! Brownian motion as a function of time.

mod noise;
mod normal;
mod path;
mod philox;
mod pieces;

pub use noise::Noise;
pub use path::Brownian;
pub use philox::philox;

/// A path `W` that drives an equation.
pub trait Path<W> {
    /// Writes `W(t1) − W(t0)` into `w`; an exchange of `t0` and `t1` changes its sign.
    fn increment(&mut self, t0: f64, t1: f64, w: &mut W);
}

/// A path whose mean over an interval is known beside its increment.
pub trait LevyPath<W>: Path<W> {
    /// Writes the increment and the space-time Lévy area
    /// `H = 1/(t₁ − t₀) ∫ (W(u) − W(t₀) − (u − t₀)/(t₁ − t₀) (W(t₁) − W(t₀))) du` over `[t₀, t₁]` into `w` and `h`; an
    /// exchange of `t0` and `t1` leaves `H` as it is.
    fn increment_and_area(&mut self, t0: f64, t1: f64, w: &mut W, h: &mut W);
}

impl<W, P: Path<W> + ?Sized> Path<W> for &mut P {
    fn increment(&mut self, t0: f64, t1: f64, w: &mut W) {
        (**self).increment(t0, t1, w);
    }
}

impl<W, P: LevyPath<W> + ?Sized> LevyPath<W> for &mut P {
    fn increment_and_area(&mut self, t0: f64, t1: f64, w: &mut W, h: &mut W) {
        (**self).increment_and_area(t0, t1, w, h);
    }
}
