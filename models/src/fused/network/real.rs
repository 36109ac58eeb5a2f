//! The numbers of a network, and vectors of them.

use std::fmt::Debug;
use std::ops::{Add, Mul, Sub};

use pulp::bytemuck::{Pod, cast_slice, cast_slice_mut};
use pulp::{Simd, WithSimd};

/// `f32` or `f64`, with vectors of one number a sample.
pub(crate) trait Real:
    Copy
    + Debug
    + Default
    + Send
    + Sync
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + std::iter::Sum
    + 'static
{
    /// A vector.
    type Lanes<S: Simd>: Pod + Debug + Send + Sync;

    /// The samples of a vector.
    fn count<S: Simd>() -> usize;
    fn of(v: f64) -> Self;
    fn splat<S: Simd>(simd: S, v: Self) -> Self::Lanes<S>;
    fn plus<S: Simd>(simd: S, a: Self::Lanes<S>, b: Self::Lanes<S>) -> Self::Lanes<S>;
    fn times<S: Simd>(simd: S, a: Self::Lanes<S>, b: Self::Lanes<S>) -> Self::Lanes<S>;
    /// `a / b`.
    fn over<S: Simd>(simd: S, a: Self::Lanes<S>, b: Self::Lanes<S>) -> Self::Lanes<S>;
    /// `a b + c`.
    fn mul_add<S: Simd>(simd: S, a: Self::Lanes<S>, b: Self::Lanes<S>, c: Self::Lanes<S>) -> Self::Lanes<S>;
    /// `c − a b`.
    fn mul_sub<S: Simd>(simd: S, a: Self::Lanes<S>, b: Self::Lanes<S>, c: Self::Lanes<S>) -> Self::Lanes<S>;
    fn sum_lanes<S: Simd>(simd: S, a: Self::Lanes<S>) -> Self;
    fn as_lanes<S: Simd>(v: &[Self]) -> &[Self::Lanes<S>];
    fn as_mut_lanes<S: Simd>(v: &mut [Self]) -> &mut [Self::Lanes<S>];

    /// The hyperbolic tangent of every number, in place; inside a dispatched function it is vectorised.
    fn tanh(values: &mut [Self]);

    fn numbers<S: Simd>(v: &[Self::Lanes<S>]) -> &[Self];
    fn mut_numbers<S: Simd>(v: &mut [Self::Lanes<S>]) -> &mut [Self];
}

macro_rules! real {
    ($t:ty, $lanes:ident, $count:ident, $splat:ident, $add:ident, $mul:ident, $div:ident, $mul_add:ident, $mul_sub:ident, $sum:ident,
     $as:ident, $as_mut:ident, $tanh:ident) => {
        impl Real for $t {
            type Lanes<S: Simd> = S::$lanes;

            #[inline(always)]
            fn count<S: Simd>() -> usize {
                S::$count
            }
            #[inline(always)]
            fn of(v: f64) -> Self {
                v as $t
            }
            #[inline(always)]
            fn splat<S: Simd>(simd: S, v: Self) -> S::$lanes {
                simd.$splat(v)
            }
            #[inline(always)]
            fn plus<S: Simd>(simd: S, a: S::$lanes, b: S::$lanes) -> S::$lanes {
                simd.$add(a, b)
            }
            #[inline(always)]
            fn times<S: Simd>(simd: S, a: S::$lanes, b: S::$lanes) -> S::$lanes {
                simd.$mul(a, b)
            }
            #[inline(always)]
            fn over<S: Simd>(simd: S, a: S::$lanes, b: S::$lanes) -> S::$lanes {
                simd.$div(a, b)
            }
            #[inline(always)]
            fn mul_add<S: Simd>(simd: S, a: S::$lanes, b: S::$lanes, c: S::$lanes) -> S::$lanes {
                simd.$mul_add(a, b, c)
            }
            #[inline(always)]
            fn mul_sub<S: Simd>(simd: S, a: S::$lanes, b: S::$lanes, c: S::$lanes) -> S::$lanes {
                simd.$mul_sub(a, b, c)
            }
            #[inline(always)]
            fn sum_lanes<S: Simd>(simd: S, a: S::$lanes) -> Self {
                simd.$sum(a)
            }
            #[inline(always)]
            fn as_lanes<S: Simd>(v: &[Self]) -> &[S::$lanes] {
                S::$as(v).0
            }
            #[inline(always)]
            fn as_mut_lanes<S: Simd>(v: &mut [Self]) -> &mut [S::$lanes] {
                S::$as_mut(v).0
            }
            #[inline(always)]
            fn numbers<S: Simd>(v: &[S::$lanes]) -> &[Self] {
                cast_slice(v)
            }
            #[inline(always)]
            fn mut_numbers<S: Simd>(v: &mut [S::$lanes]) -> &mut [Self] {
                cast_slice_mut(v)
            }
            #[inline(always)]
            fn tanh(values: &mut [Self]) {
                for v in values {
                    *v = $tanh(*v);
                }
            }
        }
    };
}

real!(
    f32,
    f32s,
    F32_LANES,
    splat_f32s,
    add_f32s,
    mul_f32s,
    div_f32s,
    mul_add_e_f32s,
    negate_mul_add_e_f32s,
    reduce_sum_f32s,
    as_simd_f32s,
    as_mut_simd_f32s,
    tanh_f32
);
real!(
    f64,
    f64s,
    F64_LANES,
    splat_f64s,
    add_f64s,
    mul_f64s,
    div_f64s,
    mul_add_e_f64s,
    negate_mul_add_e_f64s,
    reduce_sum_f64s,
    as_simd_f64s,
    as_mut_simd_f64s,
    tanh_f64
);

/// [`Real::tanh`] as a function of its own: one copy of it for all that call it.
pub(super) struct Tanh<'a, T>(pub(super) &'a mut [T]);

impl<T: Real> WithSimd for Tanh<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        T::tanh(self.0);
    }
}

/// `−m / (2 + m)` with `m = e^{−2|x|} − 1`, and the sign of `x`: a few units in the last place for every argument.
///
/// `m` comes from `2ⁿ (e^r − 1) + (2ⁿ − 1)` with `|r| ≤ ln 2 / 2`, so that nothing cancels near zero; without a branch, so that
/// a loop over it is vectorised. What is not a number stays so.
#[inline(always)]
fn tanh_f32(x: f32) -> f32 {
    /// Adding it rounds to an integer, which is then in the low bits.
    const ROUND: f32 = 12_582_912.0;
    let a = x.abs();
    let y = -2.0 * if a > 20.0 { 20.0 } else { a };
    let shifted = y.mul_add(std::f32::consts::LOG2_E, ROUND);
    let n = shifted - ROUND;
    let r = n.mul_add(2.121_944_4e-4, n.mul_add(-0.693_359_4, y));
    // Taylor to degree 7: remainder 5e-9.
    let mut p: f32 = 1.0 / 5040.0;
    for c in [1.0 / 720.0, 1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0] {
        p = p.mul_add(r, c);
    }
    let scale = f32::from_bits((shifted.to_bits() << 23).wrapping_add(127 << 23));
    let m = scale.mul_add(p * r, scale - 1.0);
    (-m / (2.0 + m)).copysign(x)
}

/// As [`tanh_f32`].
#[inline(always)]
fn tanh_f64(x: f64) -> f64 {
    const ROUND: f64 = 6_755_399_441_055_744.0;
    let a = x.abs();
    let y = -2.0 * if a > 40.0 { 40.0 } else { a };
    let shifted = y.mul_add(std::f64::consts::LOG2_E, ROUND);
    let n = shifted - ROUND;
    let r = n.mul_add(-1.908_214_929_270_587_7e-10, n.mul_add(-6.931_471_803_691_238_2e-1, y));
    // Taylor to degree 14: remainder 1e-19.
    let mut p: f64 = 1.0 / 87_178_291_200.0;
    for c in [
        1.0 / 6_227_020_800.0,
        1.0 / 479_001_600.0,
        1.0 / 39_916_800.0,
        1.0 / 3_628_800.0,
        1.0 / 362_880.0,
        1.0 / 40_320.0,
        1.0 / 5040.0,
        1.0 / 720.0,
        1.0 / 120.0,
        1.0 / 24.0,
        1.0 / 6.0,
        0.5,
        1.0,
    ] {
        p = p.mul_add(r, c);
    }
    let scale = f64::from_bits((shifted.to_bits() << 52).wrapping_add(1023 << 52));
    let m = scale.mul_add(p * r, scale - 1.0);
    (-m / (2.0 + m)).copysign(x)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hyperbolic_tangent_is_that_of_the_library() {
        for i in -4000..=4000_i32 {
            let x = f64::from(i) * 0.005 * (1.0 + f64::from(i % 7));
            for x in [x, 1e-5 * x, 1e-12 * x] {
                let (exact, found) = (x.tanh(), tanh_f64(x));
                assert!((found - exact).abs() <= 1e-15 * exact.abs(), "{x}: {found} {exact}");
                let single = f64::from(tanh_f32(x as f32));
                let exact = f64::from(x as f32).tanh();
                assert!((single - exact).abs() <= 4e-7 * exact.abs(), "{x}: {single} {exact}");
            }
        }
        assert!(tanh_f32(f32::NAN).is_nan() && tanh_f64(f64::NAN).is_nan());
        assert_eq!((tanh_f32(f32::INFINITY), tanh_f64(-1e300)), (1.0, -1.0));
    }
}
