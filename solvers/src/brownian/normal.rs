//! Pairs of standard normal numbers from a counter, without a branch, so that a loop over them is vectorised.
//!
//! Logarithm, sine and cosine are series written here with additions and multiplications alone: the same bits on every
//! machine, whatever its vector units and mathematical library.

use super::philox;

/// The exponent field of a number in `[1, 2)`.
const ONE: u64 = 0x3FF0_0000_0000_0000;
const MANTISSA: u64 = 0x000F_FFFF_FFFF_FFFF;
/// `2⁵²`, whose mantissa holds integers.
const INTEGERS: u64 = 0x4330_0000_0000_0000;

/// Two independent standard normal numbers, a function of the key, the node and the lane, by Box and Muller:
/// `√(−2 ln u) (cos φ, sin φ)`.
#[inline(always)]
pub(super) fn normal_pair(key: [u32; 2], node: u64, lane: [u32; 2]) -> (f64, f64) {
    let [a, b, c, d] = philox([node as u32, (node >> 32) as u32, lane[0], lane[1]], key);
    let (radius_bits, angle_bits) = (u64::from(a) << 32 | u64::from(b), u64::from(c) << 32 | u64::from(d));
    // In (0, 1], in steps of 2⁻⁵².
    let u = 2.0 - f64::from_bits(ONE | radius_bits >> 12);
    let radius = (-2.0 * logarithm(u)).sqrt();
    let (cosine, sine) = direction(angle_bits);
    (radius * cosine, radius * sine)
}

/// `ln x` of a positive normal number: `ln(2ᵉ m) = e ln 2 + 2 artanh((m − 1)/(m + 1))`, `m ∈ [√½, √2)`.
#[inline(always)]
fn logarithm(x: f64) -> f64 {
    let bits = x.to_bits();
    let exponent = f64::from_bits(INTEGERS | bits >> 52) - f64::from_bits(INTEGERS) - 1023.0;
    let m = f64::from_bits(bits & MANTISSA | ONE);
    let high = m > std::f64::consts::SQRT_2;
    let m = if high { 0.5 * m } else { m };
    let exponent = if high { exponent + 1.0 } else { exponent };
    let z = (m - 1.0) / (m + 1.0);
    let s = z * z;
    // 1/3 + s/5 + s²/7 + …; s ≤ 0.0295.
    let mut sum = 1.0 / 23.0;
    for k in (1..11).rev() {
        sum = sum * s + 1.0 / f64::from(2 * k + 1);
    }
    exponent * std::f64::consts::LN_2 + (2.0 * z + 2.0 * z * s * sum)
}

/// The cosine and the sine of a uniform angle: two bits choose the quadrant, the others an angle of `[−π/4, π/4)` in it.
#[inline(always)]
fn direction(bits: u64) -> (f64, f64) {
    let quadrant = bits >> 62;
    let angle = (f64::from_bits(ONE | (bits << 2) >> 12) - 1.5) * std::f64::consts::FRAC_PI_2;
    let s = angle * angle;
    let (mut cosine, mut sine) = (1.0, 1.0);
    // Nested Taylor series, 1 − s/(1·2) (1 − s/(3·4) (…)).
    for k in (1..9).rev() {
        let k = f64::from(k);
        cosine = 1.0 - s / ((2.0 * k - 1.0) * 2.0 * k) * cosine;
        sine = 1.0 - s / (2.0 * k * (2.0 * k + 1.0)) * sine;
    }
    let sine = sine * angle;
    let odd = quadrant & 1 == 1;
    let (x, y) = if odd { (sine, cosine) } else { (cosine, sine) };
    let sign = |value: f64, negative: u64| f64::from_bits(value.to_bits() ^ negative << 62);
    (sign(x, (quadrant + 1) & 2), sign(y, quadrant & 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_logarithm_is_that_of_the_library() {
        for i in 1..4000 {
            for x in [f64::from(i) / 4000.0, f64::from(i) * f64::EPSILON, 1.0 - f64::from(i) * f64::EPSILON] {
                assert!((logarithm(x) - x.ln()).abs() <= 4e-16 * x.ln().abs(), "{x}");
            }
        }
        assert_eq!(logarithm(1.0), 0.0);
    }

    #[test]
    fn directions_are_those_of_the_library() {
        for i in 0..4096_u64 {
            let (cosine, sine) = direction(i << 52);
            let angle = (i as f64 / 4096.0 - 0.125) * std::f64::consts::TAU;
            assert!((cosine - angle.cos()).abs() + (sine - angle.sin()).abs() < 2e-15, "{i}");
        }
    }
}
