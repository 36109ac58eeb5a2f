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

/// `(sn, cn, dn)(u | m)`, `0 ≤ m < 1`.
pub(crate) fn jacobi(u: f64, m: f64) -> (f64, f64, f64) {
    let (mut a, mut b, mut c) = (1.0, (1.0 - m).sqrt(), m.sqrt());
    let mut ratios = Vec::with_capacity(8);
    while c.abs() > 1e-16 && ratios.len() < 30 {
        c = 0.5 * (a - b);
        (a, b) = (0.5 * (a + b), (a * b).sqrt());
        ratios.push(c / a);
    }
    // φ_{n−1} = (φ_n + asin(c_n/a_n · sin φ_n)) / 2.
    let mut phi = 2.0_f64.powi(ratios.len() as i32) * a * u;
    for ratio in ratios.iter().rev() {
        phi = 0.5 * (phi + (ratio * phi.sin()).asin());
    }
    let (sn, cn) = phi.sin_cos();
    (sn, cn, (1.0 - m * sn * sn).sqrt())
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
}
