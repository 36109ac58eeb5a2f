//! φ-functions of exponential integrators by contour means.
//!
//! `φ₁(z) = (e^z − 1)/z`, `φ_{k+1}(z) = (φ_k(z) − 1/k!)/z`. Near zero these formulas cancel; the mean of an entire
//! function over a circle is its value at the centre, and on the circle nothing cancels.
//!
//! A.-K. Kassam, L. N. Trefethen, "Fourth-order time-stepping for stiff PDEs", SIAM J. Sci. Comput. 26 (2005)
//! 1214-1233.

use std::f64::consts::PI;
use std::sync::LazyLock;

use num_complex::Complex64;

/// Points on the circle (half of them on the half circle).
const POINTS: usize = 64;

/// The radius: a circle around any `|z| ≤ 2` stays a distance of one from zero.
const RADIUS: f64 = 3.0;

/// Points `r` on the circle around zero, the upper half first, and `e^r`.
static CIRCLE: LazyLock<[(Complex64, Complex64); POINTS]> = LazyLock::new(|| {
    std::array::from_fn(|j| {
        let r = Complex64::from_polar(RADIUS, 2.0 * PI * (j as f64 + 0.5) / POINTS as f64);
        (r, r.exp())
    })
});

/// `[φ₁(z), φ₂(z), φ₃(z)]`.
///
/// A real `z` is averaged over a half circle and the real part is taken, which by symmetry is the whole mean. For
/// any other `z` the whole circle is needed and **the mean is complex**: its real part alone would reduce an
/// integrator of any order to the first.
pub fn phi123(z: Complex64) -> [Complex64; 3] {
    let e = z.exp();
    if z.norm_sqr() > 4.0 {
        // Nothing cancels here.
        return formulas(z, e);
    }
    let mut mean = [Complex64::ZERO; 3];
    let real = z.im == 0.0;
    let points = if real { POINTS / 2 } else { POINTS };
    for (r, e_r) in &CIRCLE[..points] {
        for (m, p) in mean.iter_mut().zip(formulas(z + r, e * e_r)) {
            *m += p;
        }
    }
    mean.map(|m| {
        let m = m / points as f64;
        if real { Complex64::new(m.re, 0.0) } else { m }
    })
}

/// The definitions, which cancel near zero; `e = e^z`.
fn formulas(z: Complex64, e: Complex64) -> [Complex64; 3] {
    let over = z.inv();
    let p1 = (e - 1.0) * over;
    let p2 = (p1 - 1.0) * over;
    [p1, p2, (p2 - 0.5) * over]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The Taylor series, which converges fast for `|z| ≤ 2`.
    fn series(z: Complex64, k: u32) -> Complex64 {
        let mut term = Complex64::ONE / (1..=k).map(f64::from).product::<f64>();
        let mut sum = term;
        for n in 1..60 {
            term *= z / f64::from(n + k);
            sum += term;
        }
        sum
    }

    #[test]
    fn contour_means_equal_the_series() {
        for modulus in [0.0, 1e-9, 1e-3, 0.3, 1.0, 2.0, 2.5] {
            for angle in [0.0, 0.25, 0.5, 0.75, 1.0, 1.5] {
                let z = if angle == 1.0 {
                    Complex64::new(-modulus, 0.0)
                } else {
                    Complex64::from_polar(modulus, PI * angle)
                };
                for (k, phi) in phi123(z).into_iter().enumerate() {
                    let expected = series(z, k as u32 + 1);
                    assert!((phi - expected).norm() < 2e-15 * 8.0, "φ{}({z}): {phi} {expected}", k + 1);
                }
            }
        }
    }

    #[test]
    fn contour_means_hold_far_from_zero() {
        for z in [Complex64::new(-1e4, 0.0), Complex64::new(0.0, 321.0), Complex64::new(-3.0, 40.0)] {
            let [p1, p2, p3] = phi123(z);
            let e = z.exp();
            assert!((p1 - (e - 1.0) / z).norm() < 1e-15);
            assert!((p2 - (e - 1.0 - z) / (z * z)).norm() < 1e-15);
            assert!((p3 - (e - 1.0 - z - z * z / 2.0) / (z * z * z)).norm() < 1e-15);
        }
    }
}
