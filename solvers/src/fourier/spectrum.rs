//! The energy spectrum.

use num_complex::Complex64;

use super::{FourierGrid, GridKind};

/// The mean square of a field by shells of the integer wavenumber: entry `s` is the share of the modes with
/// `round(|m|) = s`, so that the entries sum to `mean(u²)` (Parseval). Shells reach the largest full shell `min(n)/2`;
/// what lies beyond is in the last one.
pub fn energy_spectrum(u_hat: &[Complex64], grid: &FourierGrid) -> Vec<f64> {
    let shells = grid.shape().iter().copied().min().unwrap_or(0) / 2 + 1;
    let mut energy = vec![0.0; shells];
    let frequencies: Vec<_> = (0..grid.axes()).map(|a| grid.frequencies(a)).collect();
    let last = grid.axes() - 1;
    let nyquist = grid.shape()[last] as i64 / 2;
    let scale = 1.0 / (grid.points() as f64).powi(2);
    for (flat, value) in u_hat.iter().enumerate() {
        let m2: i64 = frequencies.iter().map(|f| f[flat] * f[flat]).sum();
        let shell = ((m2 as f64).sqrt().round() as usize).min(shells - 1);
        // A mode inside the halved axis stands for its conjugate too.
        let m = frequencies[last][flat];
        let twice = grid.kind() == GridKind::Real && m != 0 && m != nyquist;
        energy[shell] += value.norm_sqr() * scale * if twice { 2.0 } else { 1.0 };
    }
    energy
}
