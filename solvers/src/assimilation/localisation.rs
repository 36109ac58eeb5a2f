//! How far an observation reaches.

/// The fifth-order compactly supported function of G. Gaspari, S. E. Cohn, Quarterly Journal of the Royal Meteorological
/// Society 125 (1999) 723, eq. 4.10: like a Gaussian of deviation `radius` (support `2 √(10/3) · radius`).
pub fn gaspari_cohn(distance: f64, radius: f64) -> f64 {
    let r = distance.abs() / (radius * (10.0_f64 / 3.0).sqrt());
    if r <= 1.0 {
        1.0 + r * r * (-5.0 / 3.0 + r * (5.0 / 8.0 + r * (0.5 - 0.25 * r)))
    } else if r < 2.0 {
        4.0 - 5.0 * r + r * r * (5.0 / 3.0 + r * (5.0 / 8.0 + r * (-0.5 + r / 12.0))) - 2.0 / (3.0 * r)
    } else {
        0.0
    }
}

/// The distance of two places on a ring of `n` entries.
pub fn ring(a: f64, b: f64, n: usize) -> f64 {
    let d = (a - b).abs() % n as f64;
    d.min(n as f64 - d)
}

/// What reaches a place with a weight above this is used.
pub(super) const CUT_OFF: f64 = 1e-3;
