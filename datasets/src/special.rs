//! Jacobi's elliptic functions and integrals by the arithmetic-geometric mean.
//!
//! M. Abramowitz, I. Stegun, Handbook of Mathematical Functions, 16.4 and 17.6; the parameter is `m = k²`.

use std::f64::consts::FRAC_PI_2;

/// The complete integrals `(K(m), E(m))`, `0 ≤ m < 1`.
pub(crate) fn elliptic_ke(m: f64) -> (f64, f64) {
    let (mut a, mut b, mut c) = (1.0, (1.0 - m).sqrt(), m.sqrt());
    let (mut sum, mut power) = (0.5 * c * c, 0.5);
    while c.abs() > 1e-16 {
        c = 0.5 * (a - b);
        (a, b) = (0.5 * (a + b), (a * b).sqrt());
        power *= 2.0;
        sum += power * c * c;
    }
    let k = FRAC_PI_2 / a;
    (k, k * (1.0 - sum))
}

/// The amplitude `am(u | m)`, `0 ≤ m < 1`: odd and growing with `u`, by `π` every `2 K(m)`.
pub(crate) fn amplitude(u: f64, m: f64) -> f64 {
    let (mut a, mut b, mut c) = (1.0, (1.0 - m).sqrt(), m.sqrt());
    let mut ratios = [0.0; 30];
    let mut n = 0;
    while c.abs() > 1e-16 && n < ratios.len() {
        c = 0.5 * (a - b);
        (a, b) = (0.5 * (a + b), (a * b).sqrt());
        ratios[n] = c / a;
        n += 1;
    }
    // φ_{n−1} = (φ_n + asin(c_n/a_n · sin φ_n)) / 2.
    let mut phi = 2.0_f64.powi(n as i32) * a * u;
    for ratio in ratios[..n].iter().rev() {
        phi = 0.5 * (phi + (ratio * phi.sin()).asin());
    }
    phi
}

/// `(sn, cn, dn)(u | m)`, `0 ≤ m ≤ 1`.
pub(crate) fn jacobi(u: f64, m: f64) -> (f64, f64, f64) {
    if m >= 1.0 {
        let sech = u.cosh().recip();
        return (u.tanh(), sech, sech);
    }
    let (sn, cn) = amplitude(u, m).sin_cos();
    // 1 − m sn² without its cancellation near m = 1.
    (sn, cn, cn.hypot((1.0 - m).sqrt() * sn))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn complete_integrals_and_quarter_period() {
        let (k, e) = elliptic_ke(0.5);
        assert!((k - 1.8540746773013719).abs() < 1e-14 && (e - 1.3506438810476755).abs() < 1e-14);
        for m in [0.0, 0.1, 0.5, 0.9, 0.999] {
            let (k, _) = elliptic_ke(m);
            let (sn, cn, dn) = jacobi(k, m);
            assert!((sn - 1.0).abs() < 1e-13 && cn.abs() < 1e-12 && (dn - (1.0 - m).sqrt()).abs() < 1e-12);
            // d cn/du = −sn dn.
            let (u, h) = (0.7, 1e-5);
            let (sn, _, dn) = jacobi(u, m);
            let slope = (jacobi(u + h, m).1 - jacobi(u - h, m).1) / (2.0 * h);
            assert!((slope + sn * dn).abs() < 1e-9);
        }
    }

    #[test]
    fn amplitude_winds_and_the_limit_is_hyperbolic() {
        let m = 0.7;
        let (k, _) = elliptic_ke(m);
        for u in [-3.0, -0.4, 0.9, 5.0] {
            let wound = amplitude(u + 6.0 * k, m) - amplitude(u, m);
            assert!((wound - 3.0 * std::f64::consts::PI).abs() < 1e-13, "{wound}");
            let (limit, near) = (jacobi(u, 1.0), jacobi(u, 1.0 - 1e-12));
            for (a, b) in [(limit.0, near.0), (limit.1, near.1), (limit.2, near.2)] {
                assert!((a - b).abs() < 1e-9, "{a} {b}");
            }
        }
    }
}
