//! The mean energy spectrum of fields.

use flowmap_solvers::fourier::{FourierGrid, energy_spectrum};
use ndarray::{ArrayViewD, Axis};
use num_complex::Complex64;

/// The energy by shells of the wavenumber, averaged over `[sample, x, …]`; empty where the grid allows no transform.
pub fn mean_spectrum(fields: ArrayViewD<'_, f64>) -> Vec<f64> {
    let shape = fields.shape()[1..].to_vec();
    let Ok(grid) = FourierGrid::new(&shape, &vec![1.0; shape.len()]) else { return Vec::new() };
    let mut transform = grid.transform();
    let mut u_hat = vec![Complex64::ZERO; grid.modes()];
    let mut mean: Vec<f64> = Vec::new();
    for field in fields.axis_iter(Axis(0)) {
        let field: Vec<f64> = field.iter().copied().collect();
        transform.forward(&field, &mut u_hat);
        let energy = energy_spectrum(&u_hat, &grid);
        mean.resize(energy.len(), 0.0);
        mean.iter_mut().zip(energy).for_each(|(m, e)| *m += e / fields.shape()[0] as f64);
    }
    mean
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use ndarray::Array;

    use super::mean_spectrum;

    #[test]
    fn a_wave_is_in_its_shell() {
        let wave = |m: usize| (0..16).map(move |i| (std::f64::consts::TAU * (m * i) as f64 / 16.0).cos());
        let fields = Array::from_iter(wave(2).chain(wave(3))).into_shape_with_order(vec![2, 16]).unwrap();
        let s = mean_spectrum(fields.view());
        assert!((s[2] - 0.25).abs() < 1e-14 && (s[3] - 0.25).abs() < 1e-14 && s[1].abs() < 1e-14);
    }
}
