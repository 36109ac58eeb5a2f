//! The classical solution of a stretched block: bilinear elements, the volume at their centres, Gauss-Newton with damping.

use super::{ElasticBlock, Faces};

/// A deformation on an even mesh of `[−1, 1]²`.
#[derive(Clone, Debug)]
pub struct Deformation {
    /// Elements along an axis.
    pub elements: usize,
    /// `u, v` at the nodes, those of one column (equal `X`) after the other.
    pub nodes: Vec<[f64; 2]>,
    /// The mean of the energy's density.
    pub energy: f64,
    /// The root mean square of the energy's gradient at the nodes that are free: zero at a minimum.
    pub gradient: f64,
}

/// A mesh of a block.
#[derive(Clone, Debug)]
pub struct FiniteElements<'a> {
    block: &'a ElasticBlock,
    n: usize,
}

/// A matrix that is zero but for a band around its diagonal: the lower half of each row, `[row, offset]`.
struct Band {
    width: usize,
    rows: Vec<f64>,
}

/// `F − R(F)` in four rows, `det F − 1` in another, with their derivatives by `F₁₁, F₁₂, F₂₁, F₂₂`.
struct Strain {
    shape: [(f64, [f64; 4]); 4],
    volume: (f64, [f64; 4]),
}

/// Of the closed form of the rotation nearest to `F`: `R = [[p, −q], [q, p]]/ρ`, `p = F₁₁ + F₂₂`, `q = F₂₁ − F₁₂`.
fn strain(f: [f64; 4]) -> Strain {
    let (p, q) = (f[0] + f[3], f[2] - f[1]);
    let rho = p.hypot(q).max(1e-12);
    let (c, s) = (p / rho, q / rho);
    // ∂(c, s) = (−s, c) ∂φ, ∂φ = (c ∂q − s ∂p)/ρ.
    let turn = [-s / rho, -c / rho, c / rho, -s / rho];
    let row = |i: usize, rotation: f64, slope: f64| {
        (f[i] - rotation, std::array::from_fn(|j| f64::from(u8::from(i == j)) - slope * turn[j]))
    };
    Strain {
        shape: [row(0, c, -s), row(1, -s, -c), row(2, s, c), row(3, c, -s)],
        volume: (f[0] * f[3] - f[1] * f[2] - 1.0, [f[3], -f[2], -f[1], f[0]]),
    }
}

impl<'a> FiniteElements<'a> {
    /// A mesh of `n × n` elements.
    pub fn new(block: &'a ElasticBlock, n: usize) -> Self {
        Self { block, n }
    }

    /// The deformation of least energy.
    pub fn solve(&self) -> Deformation {
        let n = self.n;
        let mut u: Vec<f64> = (0..(n + 1) * (n + 1))
            .flat_map(|i| [self.block.stretch * (i / (n + 1)) as f64 / n as f64, 0.0])
            .collect();
        let (mut damping, mut energy) = (1e-3, self.energy(&u));
        let (mut gradient, mut matrix) = self.linearise(&u);
        for _ in 0..200 {
            let mut step = gradient.clone();
            if !matrix.solve(damping, &mut step) {
                damping *= 10.0;
                continue;
            }
            let trial: Vec<f64> = u.iter().zip(&step).map(|(u, s)| u - s).collect();
            let after = self.energy(&trial);
            if after > energy || after.is_nan() {
                if damping > 1e6 {
                    break;
                }
                damping *= 4.0;
                continue;
            }
            let done = energy - after <= 1e-15 * energy.abs();
            (u, energy, damping) = (trial, after, (0.1 * damping).max(1e-14));
            (gradient, matrix) = self.linearise(&u);
            if done {
                break;
            }
        }
        let free = gradient.iter().filter(|g| **g != 0.0).count().max(1);
        let rms = (gradient.iter().map(|g| g * g).sum::<f64>() / free as f64).sqrt();
        let nodes = u.chunks_exact(2).map(|u| [u[0], u[1]]).collect();
        Deformation { elements: n, nodes, energy, gradient: rms }
    }

    fn energy(&self, u: &[f64]) -> f64 {
        let mut sum = 0.0;
        self.visit(u, |_, _, weight, value, _| sum += weight * value * value);
        sum
    }

    /// Half the gradient and half the matrix of Gauss and Newton; rows of nodes that are held are those of the identity.
    fn linearise(&self, u: &[f64]) -> (Vec<f64>, Band) {
        let width = 2 * (self.n + 3);
        let mut gradient = vec![0.0; u.len()];
        let mut band = Band { width, rows: vec![0.0; u.len() * width] };
        self.visit(u, |nodes, slopes, weight, value, by| {
            // The derivatives of the row by the eight displacements of the element.
            let mut row = [(0, 0.0); 8];
            for (a, (node, s)) in nodes.iter().zip(slopes).enumerate() {
                for i in 0..2 {
                    row[2 * a + i] = (2 * node + i, by[2 * i] * s[0] + by[2 * i + 1] * s[1]);
                }
            }
            for (i, x) in row {
                if self.held(i) {
                    continue;
                }
                gradient[i] += weight * value * x;
                for (j, y) in row {
                    if j <= i && !self.held(j) {
                        band.rows[i * width + i - j] += weight * x * y;
                    }
                }
            }
        });
        for i in (0..u.len()).filter(|i| self.held(*i)) {
            band.rows[i * width] = 1.0;
        }
        (gradient, band)
    }

    /// Whether a displacement is given; on rollers a node on the middle of the left face is held against drifting.
    fn held(&self, i: usize) -> bool {
        let (node, component, n) = (i / 2, i % 2, self.n);
        let (column, row) = (node / (n + 1), node % (n + 1));
        let face = column == 0 || column == n;
        match self.block.faces {
            Faces::Clamped => face,
            Faces::Rollers => (face && component == 0) || (component == 1 && 2 * row == n && column == 0),
        }
    }

    /// Visits every residual: nodes of its element, slopes of their functions there, weight, value, derivatives by `F`.
    fn visit(&self, u: &[f64], mut visit: impl FnMut([usize; 4], &[[f64; 2]; 4], f64, f64, &[f64; 4])) {
        let n = self.n;
        let h = 2.0 / n as f64;
        let area = 1.0 / (n * n) as f64;
        let g = 0.5 / 3.0_f64.sqrt();
        let corners = [(-g, -g), (-g, g), (g, -g), (g, g), (0.0, 0.0)];
        let slopes = corners.map(|(s, t)| {
            let (a, b, c, d) = (0.5 - s, 0.5 + s, 0.5 - t, 0.5 + t);
            [[-c / h, -a / h], [-d / h, a / h], [c / h, -b / h], [d / h, b / h]]
        });
        for column in 0..n {
            for row in 0..n {
                let first = column * (n + 1) + row;
                let nodes = [first, first + 1, first + n + 1, first + n + 2];
                for (point, slopes) in slopes.iter().enumerate() {
                    let mut f = [1.0, 0.0, 0.0, 1.0];
                    for (node, s) in nodes.iter().zip(slopes) {
                        for i in 0..2 {
                            f[2 * i] += u[2 * node + i] * s[0];
                            f[2 * i + 1] += u[2 * node + i] * s[1];
                        }
                    }
                    let strain = strain(f);
                    if point < 4 {
                        let weight = 0.25 * area * self.block.shape;
                        strain.shape.iter().for_each(|(v, by)| visit(nodes, slopes, weight, *v, by));
                    } else {
                        let (value, by) = strain.volume;
                        visit(nodes, slopes, area * self.block.volume, value, &by);
                    }
                }
            }
        }
    }
}

impl Band {
    /// `x ← (A + λ diag A)⁻¹ x` by Cholesky's method; false if the matrix is not positive definite.
    fn solve(&self, damping: f64, x: &mut [f64]) -> bool {
        let (n, width) = (x.len(), self.width);
        let mut l = self.rows.clone();
        for i in 0..n {
            l[i * width] *= 1.0 + damping;
            let low = (i + 1).saturating_sub(width);
            for j in low..=i {
                // Rows store A[i][i − offset].
                let from = low.max((j + 1).saturating_sub(width));
                let (ri, rj) = (i * width + i, j * width + j);
                let sum: f64 = (from..j).map(|k| l[ri - k] * l[rj - k]).sum();
                let value = l[ri - j] - sum;
                if j == i {
                    if !(value > 0.0 && value.is_finite()) {
                        return false;
                    }
                    l[i * width] = value.sqrt();
                } else {
                    l[ri - j] = value / l[j * width];
                }
            }
        }
        for i in 0..n {
            let low = (i + 1).saturating_sub(width);
            let sum: f64 = (low..i).map(|k| l[i * width + i - k] * x[k]).sum();
            x[i] = (x[i] - sum) / l[i * width];
        }
        for i in (0..n).rev() {
            x[i] /= l[i * width];
            let value = x[i];
            for k in (i + 1).saturating_sub(width)..i {
                x[k] -= l[i * width + i - k] * value;
            }
        }
        true
    }
}

impl Deformation {
    /// `u, v` at a place of `[−1, 1]²`.
    pub fn at(&self, [x, y]: [f64; 2]) -> [f64; 2] {
        let n = self.elements;
        let cell = |z: f64| {
            let s = (0.5 * (z + 1.0) * n as f64).clamp(0.0, n as f64);
            let i = (s as usize).min(n - 1);
            (i, s - i as f64)
        };
        let ((i, s), (j, t)) = (cell(x), cell(y));
        let node = |i: usize, j: usize| self.nodes[i * (n + 1) + j];
        std::array::from_fn(|k| {
            (1.0 - s) * ((1.0 - t) * node(i, j)[k] + t * node(i, j + 1)[k])
                + s * ((1.0 - t) * node(i + 1, j)[k] + t * node(i + 1, j + 1)[k])
        })
    }
}
