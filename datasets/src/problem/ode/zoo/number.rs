//! Numbers that carry their derivatives.

use std::ops::{Add, Div, Mul, Neg, Sub};

/// The most variables of a system of the zoo.
pub(super) const MOST: usize = 4;

/// What a right-hand side is written in: a number, or a number with its gradient.
pub(super) trait Number:
    Copy
    + From<f64>
    + Neg<Output = Self>
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Add<f64, Output = Self>
    + Sub<f64, Output = Self>
    + Mul<f64, Output = Self>
    + Div<f64, Output = Self>
{
    /// `f(x)` for a function with the given value and slope at `x`.
    fn lift(self, f: impl Fn(f64) -> f64, slope: impl Fn(f64) -> f64) -> Self;

    fn sin(self) -> Self {
        self.lift(f64::sin, f64::cos)
    }
    fn exp(self) -> Self {
        self.lift(f64::exp, f64::exp)
    }
    fn abs(self) -> Self {
        self.lift(f64::abs, f64::signum)
    }
    fn squared(self) -> Self {
        self * self
    }
    fn cubed(self) -> Self {
        self * self * self
    }
}

impl Number for f64 {
    fn lift(self, f: impl Fn(f64) -> f64, _slope: impl Fn(f64) -> f64) -> Self {
        f(self)
    }
}

/// `x + ε·∇x` with `ε² = 0`: arithmetic on it is exact differentiation.
#[derive(Clone, Copy, Debug)]
pub(super) struct Dual {
    pub(super) value: f64,
    pub(super) gradient: [f64; MOST],
}

impl Dual {
    /// The `i`-th variable.
    pub(super) fn variable(value: f64, i: usize) -> Self {
        let mut gradient = [0.0; MOST];
        gradient[i] = 1.0;
        Self { value, gradient }
    }

    /// The value `value` with the gradient `a ∇x + b ∇y`.
    fn chain(value: f64, a: f64, x: &Self, b: f64, y: &Self) -> Self {
        Self { value, gradient: std::array::from_fn(|i| a * x.gradient[i] + b * y.gradient[i]) }
    }

    /// The value `value` with the gradient `a ∇x`.
    fn scaled(value: f64, a: f64, x: &Self) -> Self {
        Self { value, gradient: x.gradient.map(|g| a * g) }
    }
}

impl From<f64> for Dual {
    fn from(value: f64) -> Self {
        Self { value, gradient: [0.0; MOST] }
    }
}

impl Number for Dual {
    fn lift(self, f: impl Fn(f64) -> f64, slope: impl Fn(f64) -> f64) -> Self {
        Self::scaled(f(self.value), slope(self.value), &self)
    }
}

impl Neg for Dual {
    type Output = Self;
    fn neg(self) -> Self {
        Self::scaled(-self.value, -1.0, &self)
    }
}

/// An operation with the slopes in its two operands, between duals and with numbers on either side.
macro_rules! operation {
    ($trait:ident, $name:ident, |$x:ident, $y:ident| $value:expr, $dx:expr, $dy:expr) => {
        impl $trait for Dual {
            type Output = Self;
            fn $name(self, other: Self) -> Self {
                let ($x, $y) = (self.value, other.value);
                Self::chain($value, $dx, &self, $dy, &other)
            }
        }
        impl $trait<f64> for Dual {
            type Output = Self;
            fn $name(self, $y: f64) -> Self {
                let $x = self.value;
                Self::scaled($value, $dx, &self)
            }
        }
        impl $trait<Dual> for f64 {
            type Output = Dual;
            fn $name(self, other: Dual) -> Dual {
                let ($x, $y) = (self, other.value);
                Dual::scaled($value, $dy, &other)
            }
        }
    };
}

operation!(Add, add, |x, y| x + y, 1.0, 1.0);
operation!(Sub, sub, |x, y| x - y, 1.0, -1.0);
operation!(Mul, mul, |x, y| x * y, y, x);

impl Div<f64> for Dual {
    type Output = Self;
    fn div(self, y: f64) -> Self {
        Self::scaled(self.value / y, 1.0 / y, &self)
    }
}
