//! Band-limited interpolation between grids.

use num_complex::Complex64;

use super::{FourierGrid, GridKind};

/// Writes into `out` (modes of `to`) the field whose spectrum on `from` is `u_hat`: modes that both grids have are
/// copied, others are zero. A Nyquist mode is halved when its axis becomes finer, so that a real field stays real and
/// keeps its values at the old points; when an axis becomes coarser its new Nyquist mode is dropped.
///
/// # Panics
/// If the grids differ in axes or kind, or a length is not that of its grid.
pub fn resample(u_hat: &[Complex64], from: &FourierGrid, to: &FourierGrid, out: &mut [Complex64]) {
    assert_eq!((from.axes(), from.kind()), (to.axes(), to.kind()));
    assert_eq!((u_hat.len(), out.len()), (from.modes(), to.modes()));
    out.fill(Complex64::ZERO);
    let axes = from.axes();
    let (shape, target) = (from.spectral_shape(), to.spectral_shape());
    let scale = to.points() as f64 / from.points() as f64;
    'modes: for (flat, value) in u_hat.iter().enumerate() {
        let (mut rest, mut weight) = (flat, scale);
        // The place of the mode, and of its mirror image where a Nyquist mode splits in two.
        let mut places = vec![0_usize];
        let mut stride = 1;
        for a in (0..axes).rev() {
            let i = rest % shape[a];
            rest /= shape[a];
            let (n, m) = (from.shape()[a], to.shape()[a]);
            let halved = from.kind() == GridKind::Real && a + 1 == axes;
            let nyquist = i == n / 2;
            let frequency = if halved || i < n / 2 { i as i64 } else { i as i64 - n as i64 };
            let fits = m >= n || 2 * frequency.unsigned_abs() < m as u64;
            if !fits {
                continue 'modes;
            }
            let place = |f: i64| if f < 0 { (f + m as i64) as usize } else { f as usize };
            if nyquist && m > n {
                weight *= 0.5;
                let other = if halved { None } else { Some(n as i64 / 2) };
                let mut next: Vec<usize> = places.iter().map(|p| p + stride * place(frequency)).collect();
                if let Some(other) = other {
                    next.extend(places.iter().map(|p| p + stride * place(other)));
                }
                places = next;
            } else {
                places.iter_mut().for_each(|p| *p += stride * place(frequency));
            }
            stride *= target[a];
        }
        for p in places {
            out[p] += value * weight;
        }
    }
}
