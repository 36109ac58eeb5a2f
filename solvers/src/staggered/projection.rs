//! The part of a velocity without divergence.

use std::f64::consts::PI;

use super::{CosineTransform, StaggeredGrid};

/// `w ← w − ∇p` with `Δp = ∇·w` and `∂p/∂n = 0` on the walls, all on the staggered grid.
///
/// The discrete Laplacian between walls is diagonal in cosines, so the pressure is exact and the divergence of the result zero
/// to rounding.
#[derive(Clone)]
pub struct Projection {
    grid: StaggeredGrid,
    transform: CosineTransform,
    /// The inverses of the eigenvalues of the discrete Laplacian; zero for the constant.
    inverse: Vec<f64>,
    pressure: Vec<f64>,
}

impl Projection {
    /// On the faces of a grid.
    pub fn new(grid: StaggeredGrid) -> Self {
        let [nx, ny] = grid.cells();
        let eigenvalue = |k: usize, axis: usize| {
            let half = (PI * k as f64 / (2 * grid.cells()[axis]) as f64).sin();
            -(2.0 * half / grid.spacing()[axis]).powi(2)
        };
        let mut inverse = Vec::with_capacity(nx * ny);
        for k in 0..nx {
            let along = eigenvalue(k, 0);
            inverse.extend((0..ny).map(|l| 1.0 / (along + eigenvalue(l, 1))));
        }
        // The pressure is free up to a constant.
        inverse[0] = 0.0;
        let pressure = vec![0.0; grid.points()];
        Self { transform: CosineTransform::new([nx, ny]), grid, inverse, pressure }
    }

    /// Projects a velocity `[u | v]`, whose values on the walls become zero.
    ///
    /// # Panics
    /// If it has another number of faces.
    pub fn apply(&mut self, velocity: &mut [f64]) {
        assert_eq!(velocity.len(), self.grid.faces());
        let [nx, ny] = self.grid.cells();
        let [hx, hy] = self.grid.spacing();
        let (u, v) = velocity.split_at_mut(self.grid.first_faces());
        u[..ny].fill(0.0);
        u[nx * ny..].fill(0.0);
        for row in v.chunks_exact_mut(ny + 1) {
            (row[0], row[ny]) = (0.0, 0.0);
        }
        self.grid.divergence(velocity, &mut self.pressure);
        self.transform.forward(&mut self.pressure);
        self.pressure.iter_mut().zip(&self.inverse).for_each(|(p, inverse)| *p *= inverse);
        self.transform.inverse(&mut self.pressure);
        let (u, v) = velocity.split_at_mut(self.grid.first_faces());
        for at in ny..nx * ny {
            u[at] -= (self.pressure[at] - self.pressure[at - ny]) / hx;
        }
        for (row, p) in v.chunks_exact_mut(ny + 1).zip(self.pressure.chunks_exact(ny)) {
            for (face, pair) in row[1..].iter_mut().zip(p.windows(2)) {
                *face -= (pair[1] - pair[0]) / hy;
            }
        }
    }
}
