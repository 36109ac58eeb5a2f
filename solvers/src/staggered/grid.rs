//! Cells and faces of a rectangle.

use super::{Beyond, Lattice};

/// `cells[0] × cells[1]` cells of a rectangle with walls on all sides.
///
/// The velocity `[u | v]` is one field of [`faces`](Self::faces) values: first `u` on `(n₀ + 1) × n₁` faces, then `v` on
/// `n₀ × (n₁ + 1)`. Those on the walls are part of it, and zero.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StaggeredGrid {
    cells: [usize; 2],
    spacing: [f64; 2],
}

impl StaggeredGrid {
    /// A rectangle of the given size.
    pub fn new(cells: [usize; 2], lengths: [f64; 2]) -> Self {
        let spacing = [0, 1].map(|a| lengths[a] / cells[a].max(1) as f64);
        Self { cells: cells.map(|n| n.max(1)), spacing }
    }

    /// Cells of an axis.
    pub fn cells(&self) -> [usize; 2] {
        self.cells
    }

    /// The length of a cell along each axis.
    pub fn spacing(&self) -> [f64; 2] {
        self.spacing
    }

    /// All cells.
    pub fn points(&self) -> usize {
        self.cells[0] * self.cells[1]
    }

    /// All faces, those of the first axis first.
    pub fn faces(&self) -> usize {
        self.first_faces() + self.cells[0] * (self.cells[1] + 1)
    }

    /// The faces that the first component crosses.
    pub fn first_faces(&self) -> usize {
        (self.cells[0] + 1) * self.cells[1]
    }

    /// Where scalars stand; beyond a wall they are as beside it.
    pub fn scalars(&self) -> Lattice {
        Lattice { shape: self.cells, first: [0.5, 0.5], beyond: Beyond::Nearest }
    }

    /// Where a component of the velocity stands; beyond a wall it is zero.
    pub fn component(&self, axis: usize) -> Lattice {
        let (mut shape, mut first) = (self.cells, [0.5, 0.5]);
        shape[axis] += 1;
        first[axis] = 0.0;
        Lattice { shape, first, beyond: Beyond::Zero }
    }

    /// Writes `(u_{i+1} − u_i)/h₀ + (v_{j+1} − v_j)/h₁` of every cell.
    pub fn divergence(&self, velocity: &[f64], out: &mut [f64]) {
        let [_, ny] = self.cells;
        let [hx, hy] = self.spacing;
        let (u, v) = velocity.split_at(self.first_faces());
        for (i, row) in out.chunks_exact_mut(ny).enumerate() {
            for (j, out) in row.iter_mut().enumerate() {
                let across = (u[(i + 1) * ny + j] - u[i * ny + j]) / hx;
                *out = across + (v[i * (ny + 1) + j + 1] - v[i * (ny + 1) + j]) / hy;
            }
        }
    }

    /// The velocity at the middle of the cells, each component the mean of two faces: `[u | v]` of [`points`](Self::points) each.
    pub fn centred(&self, velocity: &[f64]) -> Vec<f64> {
        let [nx, ny] = self.cells;
        let (u, v) = velocity.split_at(self.first_faces());
        let mut out = Vec::with_capacity(2 * self.points());
        out.extend((0..nx * ny).map(|at| 0.5 * (u[at] + u[at + ny])));
        for row in v.chunks_exact(ny + 1) {
            out.extend(row.windows(2).map(|pair| 0.5 * (pair[0] + pair[1])));
        }
        out
    }

    /// The velocity on the faces of one given at the middle of the cells, each face the mean of two cells; zero on the walls.
    pub fn on_faces(&self, centred: &[f64]) -> Vec<f64> {
        let [nx, ny] = self.cells;
        let (u, v) = centred.split_at(self.points());
        let mut out = vec![0.0; self.faces()];
        let (along, across) = out.split_at_mut(self.first_faces());
        for at in ny..nx * ny {
            along[at] = 0.5 * (u[at - ny] + u[at]);
        }
        for (row, v) in across.chunks_exact_mut(ny + 1).zip(v.chunks_exact(ny)) {
            for (face, pair) in row[1..].iter_mut().zip(v.windows(2)) {
                *face = 0.5 * (pair[0] + pair[1]);
            }
        }
        out
    }
}
