//! The classical solution of an elastic block: elements that are linear along each axis, the volume at their centres, Gauss-Newton with damping; and its motion by the
//! implicit Euler method.

use flowmap_solvers::elasticity::Material;
use nalgebra::Matrix3;

use super::{Faces, FallingBlock};

/// A deformation on an even mesh of `[−1, 1]²` or `[−1, 1]³`.
#[derive(Clone, Debug)]
pub struct Deformation {
    axes: usize,
    /// Elements along an axis.
    pub elements: usize,
    /// The displacement of the nodes, the last axis fastest; what a block of two axes has not is zero.
    pub nodes: Vec<[f64; 3]>,
    /// The mean of the strain energy's density.
    pub energy: f64,
    /// The root mean square of the whole energy's gradient at the nodes that are free: zero at a minimum.
    pub gradient: f64,
}

/// A mesh of a block.
#[derive(Clone, Debug)]
pub struct FiniteElements {
    axes: usize,
    material: Material,
    n: usize,
}

/// What is minimised beside the strain energy.
struct Terms<'a> {
    /// Whether a place is given.
    held: &'a dyn Fn(usize) -> bool,
    /// `ρ/(2h²)` and the places that a step without forces would lead to.
    inertia: Option<(f64, &'a [f64])>,
    /// The height of the ground, and half its stiffness.
    ground: Option<(f64, f64)>,
}

/// A matrix that is zero but for a band around its diagonal: the lower half of each row, `[row, offset]`.
struct Band {
    width: usize,
    rows: Vec<f64>,
}

/// A corner of an element and the slopes of its function at a point.
type Corner = (usize, [f64; 3]);

/// Places that no step improves any more.
struct Minimum {
    x: Vec<f64>,
    gradient: f64,
}

impl FiniteElements {
    /// A mesh of `n` elements along each of two or three axes.
    pub fn new(axes: usize, material: Material, n: usize) -> Self {
        Self { axes, material, n }
    }

    /// The deformation of least energy with the right face moved `by` along the first axis.
    pub fn stretched(&self, faces: Faces, by: f64) -> Deformation {
        let (d, n) = (self.axes, self.n);
        let start = self.places(|mut x| {
            x[0] += 0.5 * by * (x[0] + 1.0);
            x
        });
        let held = |i: usize| {
            let (node, component) = (self.node(i / d), i % d);
            let face = node[0] == 0 || node[0] == n;
            match faces {
                Faces::Clamped => face,
                // On rollers the middle of a face is held against drifting, and another of its nodes against turning.
                Faces::Rollers => {
                    let middle = (1..d).all(|a| 2 * node[a] == n);
                    let beside = d == 3 && node[1] == n && 2 * node[2] == n && component == 2;
                    (face && component == 0) || (component > 0 && node[0] == 0 && (middle || beside))
                }
            }
        };
        let found = self.minimise(start, &Terms { held: &held, inertia: None, ground: None });
        self.deformation(&found)
    }

    /// The fall of a block in steps of the implicit Euler method: its deformation at the start and after each step.
    pub fn falling(&self, block: &FallingBlock, dt: f64, steps: usize) -> Vec<Deformation> {
        let d = self.axes;
        let (sin, cos) = block.angle().sin_cos();
        let start = self.places(|x| {
            let mut turned = x;
            turned[0] = cos * x[0] - sin * x[d - 1];
            turned[d - 1] = sin * x[0] + cos * x[d - 1];
            turned
        });
        let (mut before, mut now) = (start.clone(), start.clone());
        let mut all = vec![self.deformation(&Minimum { x: start, gradient: 0.0 })];
        for _ in 0..steps {
            let mut target: Vec<f64> =
                now.iter().zip(&before).map(|(now, before)| 2.0 * now - before).collect();
            target.iter_mut().skip(d - 1).step_by(d).for_each(|x| *x -= dt * dt * block.gravity);
            let terms = Terms {
                held: &|_| false,
                inertia: Some((0.5 / (dt * dt), &target)),
                ground: Some((block.ground(), 0.5 * block.stiffness)),
            };
            let found = self.minimise(now.clone(), &terms);
            all.push(self.deformation(&found));
            before = std::mem::replace(&mut now, found.x);
        }
        all
    }

    /// The places of the nodes by those at rest.
    fn places(&self, of: impl Fn([f64; 3]) -> [f64; 3]) -> Vec<f64> {
        let d = self.axes;
        (0..self.nodes()).flat_map(|node| of(self.rest(node)).into_iter().take(d)).collect()
    }

    fn nodes(&self) -> usize {
        (self.n + 1).pow(self.axes as u32)
    }

    /// The indices of a node along the axes.
    fn node(&self, index: usize) -> [usize; 3] {
        let (d, m) = (self.axes, self.n + 1);
        std::array::from_fn(|a| if a < d { index / m.pow((d - 1 - a) as u32) % m } else { 0 })
    }

    /// The place of a node at rest.
    fn rest(&self, index: usize) -> [f64; 3] {
        let node = self.node(index);
        std::array::from_fn(|a| if a < self.axes { 2.0 * node[a] as f64 / self.n as f64 - 1.0 } else { 0.0 })
    }

    fn deformation(&self, found: &Minimum) -> Deformation {
        let d = self.axes;
        let nodes = found.x.chunks_exact(d).enumerate().map(|(node, x)| {
            let rest = self.rest(node);
            std::array::from_fn(|i| if i < d { x[i] - rest[i] } else { 0.0 })
        });
        let nodes = nodes.collect();
        let energy = self.strain_energy(&found.x).unwrap_or(f64::NAN);
        Deformation { axes: d, elements: self.n, nodes, energy, gradient: found.gradient }
    }

    fn minimise(&self, start: Vec<f64>, terms: &Terms<'_>) -> Minimum {
        let mut x = start;
        let (mut damping, mut energy) = (1e-3, self.energy(&x, terms).unwrap_or(f64::NAN));
        let (mut gradient, mut matrix) = self.linearise(&x, terms);
        for _ in 0..200 {
            let mut step = gradient.clone();
            if !matrix.solve(damping, &mut step) {
                damping *= 10.0;
                continue;
            }
            let trial: Vec<f64> = x.iter().zip(&step).map(|(x, s)| x - s).collect();
            let after = self.energy(&trial, terms).filter(|after| *after <= energy);
            let Some(after) = after else {
                if damping > 1e6 {
                    break;
                }
                damping *= 4.0;
                continue;
            };
            let done = energy - after <= 1e-15 * energy.abs();
            (x, energy, damping) = (trial, after, (0.1 * damping).max(1e-14));
            (gradient, matrix) = self.linearise(&x, terms);
            if done {
                break;
            }
        }
        let free = gradient.iter().filter(|g| **g != 0.0).count().max(1);
        let rms = (gradient.iter().map(|g| g * g).sum::<f64>() / free as f64).sqrt();
        Minimum { x, gradient: rms }
    }

    /// The shares of the volume that belong to a node, and of the faces' area by the volume.
    fn shares(&self, index: usize) -> (f64, f64) {
        let (d, node) = (self.axes, self.node(index));
        let end = |a: usize| node[a] == 0 || node[a] == self.n;
        let along = |a: usize| if end(a) { 0.5 / self.n as f64 } else { 1.0 / self.n as f64 };
        let volume = (0..d).map(along).product();
        let area =
            (0..d).filter(|a| end(*a)).map(|a| (0..d).filter(|b| *b != a).map(along).product::<f64>() / 2.0);
        (volume, area.sum())
    }

    fn strain_energy(&self, x: &[f64]) -> Option<f64> {
        let mut sum = 0.0;
        self.visit(x, |_, weight, value, _| sum += weight * value * value)?;
        Some(sum)
    }

    /// None where the strain is not finite.
    fn energy(&self, x: &[f64], terms: &Terms<'_>) -> Option<f64> {
        let mut sum = self.strain_energy(x)?;
        self.visit_nodes(x, terms, |_, value, slope| sum += value * value / slope);
        Some(sum)
    }

    /// Half the gradient and half the matrix of Gauss and Newton; rows of places that are held are those of the identity.
    fn linearise(&self, x: &[f64], terms: &Terms<'_>) -> (Vec<f64>, Band) {
        let d = self.axes;
        let width = d * (1 + (0..d).map(|a| (self.n + 1).pow(a as u32)).sum::<usize>());
        let mut gradient = vec![0.0; x.len()];
        let mut band = Band { width, rows: vec![0.0; x.len() * width] };
        let mut row = Vec::new();
        // Places that are not finite are never taken up.
        let _ = self.visit(x, |corners, weight, value, by| {
            row.clear();
            for (node, slopes) in corners {
                row.extend(
                    (0..d).map(|i| (d * node + i, (0..d).map(|a| by[3 * i + a] * slopes[a]).sum::<f64>())),
                );
            }
            for (i, a) in &row {
                if (terms.held)(*i) {
                    continue;
                }
                gradient[*i] += weight * value * a;
                for (j, b) in &row {
                    if j <= i && !(terms.held)(*j) {
                        band.rows[i * width + i - j] += weight * a * b;
                    }
                }
            }
        });
        self.visit_nodes(x, terms, |i, value, slope| {
            if !(terms.held)(i) {
                gradient[i] += value;
                band.rows[i * width] += slope;
            }
        });
        for i in (0..x.len()).filter(|i| (terms.held)(*i)) {
            band.rows[i * width] = 1.0;
        }
        (gradient, band)
    }

    /// Visits what pulls at single places: half the slope of an energy `slope · distance²`, and that slope.
    fn visit_nodes(&self, x: &[f64], terms: &Terms<'_>, mut visit: impl FnMut(usize, f64, f64)) {
        let d = self.axes;
        if terms.inertia.is_none() && terms.ground.is_none() {
            return;
        }
        for node in 0..self.nodes() {
            let (volume, area) = self.shares(node);
            if let Some((by, target)) = terms.inertia {
                for i in d * node..d * (node + 1) {
                    visit(i, by * volume * (x[i] - target[i]), by * volume);
                }
            }
            if let Some((height, by)) = terms.ground {
                let i = d * node + d - 1;
                if area > 0.0 && x[i] < height {
                    visit(i, by * area * (x[i] - height), by * area);
                }
            }
        }
    }

    /// Visits every residual of the strain: corners of its element, weight, value, derivatives by `F`; none where one is not finite.
    fn visit(&self, x: &[f64], mut visit: impl FnMut(&[Corner], f64, f64, &[f64; 9])) -> Option<()> {
        let (d, n) = (self.axes, self.n);
        let (h, m) = (2.0 / n as f64, n + 1);
        let share = 1.0 / n.pow(d as u32) as f64;
        let g = 0.5 / 3.0_f64.sqrt();
        let corners = 1 << d;
        let bit = |c: usize, a: usize| (c >> (d - 1 - a)) & 1;
        // Slopes of the corners' functions at Gauss's points, then at the centre.
        let slopes: Vec<Vec<[f64; 3]>> = (0..=corners)
            .map(|p| {
                let at = |a: usize| if p == corners { 0.0 } else { g * (2.0 * bit(p, a) as f64 - 1.0) };
                let slope = |c: usize, b: usize| -> f64 {
                    let part = |a: usize| {
                        let sign = 2.0 * bit(c, a) as f64 - 1.0;
                        if a == b { sign / h } else { 0.5 + sign * at(a) }
                    };
                    if b < d { (0..d).map(part).product() } else { 0.0 }
                };
                (0..corners).map(|c| std::array::from_fn(|b| slope(c, b))).collect()
            })
            .collect();
        let mut element = Vec::with_capacity(corners);
        for first in 0..n.pow(d as u32) {
            let place = |a: usize| first / n.pow((d - 1 - a) as u32) % n;
            let node = |c: usize| (0..d).fold(0, |node, a| node * m + place(a) + bit(c, a));
            for (point, slopes) in slopes.iter().enumerate() {
                element.clear();
                element.extend(slopes.iter().enumerate().map(|(c, s)| (node(c), *s)));
                let f = Matrix3::from_fn(|i, a| {
                    if i < d && a < d {
                        element.iter().map(|(node, s)| x[d * node + i] * s[a]).sum()
                    } else {
                        f64::from(u8::from(i == a))
                    }
                });
                let strain = self.material.strain(&f, d)?;
                if point < corners {
                    let weight = share * self.material.shape / corners as f64;
                    for (k, (value, by)) in strain.shape.iter().enumerate() {
                        if k / 3 < d && k % 3 < d {
                            visit(&element, weight, *value, by);
                        }
                    }
                } else {
                    visit(&element, share * self.material.volume, strain.volume.0, &strain.volume.1);
                }
            }
        }
        Some(())
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
    /// The displacement at a place of the block at rest.
    pub fn at(&self, x: [f64; 3]) -> [f64; 3] {
        let (d, n) = (self.axes, self.elements);
        let cells: Vec<(usize, f64)> = x[..d]
            .iter()
            .map(|z| {
                let s = (0.5 * (z + 1.0) * n as f64).clamp(0.0, n as f64);
                let i = (s as usize).min(n - 1);
                (i, s - i as f64)
            })
            .collect();
        let mut u = [0.0; 3];
        for c in 0..1 << d {
            let (mut node, mut weight) = (0, 1.0);
            for (a, (i, s)) in cells.iter().enumerate() {
                let bit = (c >> a) & 1;
                node = node * (n + 1) + i + bit;
                weight *= if bit == 1 { *s } else { 1.0 - s };
            }
            u.iter_mut().zip(&self.nodes[node]).for_each(|(u, at)| *u += weight * at);
        }
        u
    }
}
