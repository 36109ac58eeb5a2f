//! What several tests check.

use flowmap_datasets::problem::ode::OdeProblem;
use nalgebra::DMatrix;

/// The Jacobian of a problem at `y`, against central differences.
pub(crate) fn assert_jacobian(name: &str, p: &dyn OdeProblem, y: &[f64]) {
    let n = y.len();
    let (mut j, mut up, mut down) = (DMatrix::from_element(n, n, f64::NAN), vec![0.0; n], vec![0.0; n]);
    p.jacobian(0.0, y, &mut j);
    for k in 0..n {
        let h = 1e-5;
        let (mut a, mut b) = (y.to_vec(), y.to_vec());
        a[k] += h;
        b[k] -= h;
        p.rhs(0.0, &a, &mut up);
        p.rhs(0.0, &b, &mut down);
        for i in 0..n {
            let slope = (up[i] - down[i]) / (2.0 * h);
            let scale = 1.0 + slope.abs().max(up[i].abs());
            assert!((j[(i, k)] - slope).abs() < 1e-6 * scale, "{name} ({i}, {k}): {} {slope}", j[(i, k)]);
        }
    }
}
