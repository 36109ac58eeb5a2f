//! The dark squares of a board.

use flowmap_solvers::issue::{Check, Validate};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::Density;

/// Uniform on every second square of a board of `n × n` squares, `n` even, of side `a` in all.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Checkerboard {
    /// Squares `n` of a side.
    pub squares: usize,
    /// The side `a` of the board.
    pub side: f64,
}

impl Default for Checkerboard {
    fn default() -> Self {
        Self { squares: 4, side: 4.0 }
    }
}

impl Validate for Checkerboard {
    fn validate(&self, mut check: Check<'_>) {
        check.within("squares", self.squares, 2, 64);
        check.require(
            self.squares.is_multiple_of(2),
            "squares",
            format!("{} is odd", self.squares),
            "an even board has its mean at the origin",
        );
        check.positive("side", self.side);
    }
}

impl Density for Checkerboard {
    fn name(&self) -> &'static str {
        "checkerboard"
    }

    fn equation(&self) -> &'static str {
        "p(x) = 2/a² on every second square of n × n, 0 elsewhere"
    }

    fn sample(&self, rng: &mut ChaCha8Rng) -> [f64; 2] {
        let square = self.side / self.squares as f64;
        let row = rng.random_range(0..self.squares);
        let column = 2 * rng.random_range(0..self.squares / 2) + row % 2;
        [column, row].map(|i| (i as f64 + rng.random::<f64>()) * square - 0.5 * self.side)
    }

    fn log_density(&self, x: [f64; 2]) -> f64 {
        let place = x.map(|x| ((x / self.side + 0.5) * self.squares as f64).floor());
        let inside = place.iter().all(|i| (0.0..self.squares as f64).contains(i));
        let dark = inside && (place[0] as usize + place[1] as usize).is_multiple_of(2);
        if dark { -self.entropy() } else { f64::NEG_INFINITY }
    }

    fn window(&self) -> [(f64, f64); 2] {
        [(-0.5 * self.side, 0.5 * self.side); 2]
    }

    fn entropy(&self) -> f64 {
        (0.5 * self.side * self.side).ln()
    }
}
