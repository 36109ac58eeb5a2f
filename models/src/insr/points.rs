//! Where least squares are measured.

use ndarray::{Array2, Axis as Dimension};
use rand::{Rng, RngExt};

use super::Axis;

/// Points `[point, axis]` with weights that sum to one.
#[derive(Clone, Debug)]
pub struct Points {
    /// The points.
    pub at: Array2<f64>,
    /// Their weights.
    pub weights: Vec<f64>,
}

/// Candidates for one point that follows the slope.
const CANDIDATES: usize = 4;

impl Points {
    /// The product of Gauss's rules with `n` nodes between walls, and of even points on periodic axes.
    pub fn quadrature(axes: &[Axis], n: usize) -> Self {
        Self::product(axes, n, gauss)
    }

    /// The same with Lobatto's rules between walls, whose nodes begin and end at the walls: what happens there is seen.
    pub fn with_walls(axes: &[Axis], n: usize) -> Self {
        Self::product(axes, n, lobatto)
    }

    fn product(axes: &[Axis], n: usize, walled: impl Fn(usize) -> (Vec<f64>, Vec<f64>)) -> Self {
        let rules: Vec<(Vec<f64>, Vec<f64>)> = axes
            .iter()
            .map(|axis| {
                let (nodes, weights) = if axis.periodic { even(n) } else { walled(n) };
                (nodes.iter().map(|s| axis.origin + axis.length * s).collect(), weights)
            })
            .collect();
        let count = n.pow(axes.len() as u32);
        let place = |i: usize, axis: usize| i / n.pow((axes.len() - 1 - axis) as u32) % n;
        let at = Array2::from_shape_fn((count, axes.len()), |(i, a)| rules[a].0[place(i, a)]);
        let weight = |i: usize| (0..axes.len()).map(|a| rules[a].1[place(i, a)]).product();
        Self { at, weights: (0..count).map(weight).collect() }
    }

    /// `count` points of the additive sequence of M. Roberts, shifted at random.
    pub fn spread(axes: &[Axis], count: usize, rng: &mut impl Rng) -> Self {
        // The root of x^(d+1) = x + 1.
        let d = axes.len() as i32;
        let root = (0..64).fold(1.5_f64, |x, _| (1.0 + x).powf(1.0 / f64::from(d + 1)));
        let shift: Vec<f64> = axes.iter().map(|_| rng.random::<f64>()).collect();
        let at = Array2::from_shape_fn((count, axes.len()), |(i, a)| {
            let unit = (shift[a] + (i as f64 + 1.0) * root.powi(-(a as i32) - 1)).fract();
            axes[a].origin + axes[a].length * unit
        });
        Self { at, weights: vec![1.0 / count as f64; count] }
    }

    /// The same with the last `share` of them drawn from candidates with a probability in proportion to `size`, plus its mean.
    pub fn adapted(
        axes: &[Axis],
        count: usize,
        share: f64,
        rng: &mut impl Rng,
        size: impl FnOnce(&Array2<f64>) -> Vec<f64>,
    ) -> Self {
        let mut points = Self::spread(axes, count, rng);
        let following = (share * count as f64).round() as usize;
        let candidates = Self::spread(axes, (CANDIDATES * following).max(1), rng).at;
        let sizes = size(&candidates);
        let mean = sizes.iter().sum::<f64>() / sizes.len() as f64;
        if following == 0 || !(mean.is_finite() && mean > 0.0) {
            return points;
        }
        let step = 2.0 * mean * sizes.len() as f64 / following as f64;
        let (mut next, mut sum, mut at) = (rng.random::<f64>() * step, 0.0, count - following);
        for (candidate, size) in candidates.axis_iter(Dimension(0)).zip(&sizes) {
            sum += size + mean;
            while next < sum && at < count {
                points.at.row_mut(at).assign(&candidate);
                at += 1;
                next += step;
            }
        }
        points
    }
}

/// The midpoints of `n` equal parts of the unit interval.
fn even(n: usize) -> (Vec<f64>, Vec<f64>) {
    ((0..n).map(|i| (i as f64 + 0.5) / n as f64).collect(), vec![1.0 / n as f64; n])
}

/// Gauss's rule on the unit interval, exact for polynomials of degree `2n − 1`.
fn gauss(n: usize) -> (Vec<f64>, Vec<f64>) {
    (0..n)
        .map(|i| {
            let mut x = -(std::f64::consts::PI * (i as f64 + 0.75) / (n as f64 + 0.5)).cos();
            let mut slope = 1.0;
            for _ in 0..100 {
                let (mut p, mut before) = (x, 1.0);
                for k in 2..=n {
                    let k = k as f64;
                    (p, before) = (((2.0 * k - 1.0) * x * p - (k - 1.0) * before) / k, p);
                }
                slope = n as f64 * (x * p - before) / (x * x - 1.0);
                let step = p / slope;
                x -= step;
                if step.abs() < 1e-15 {
                    break;
                }
            }
            (0.5 * (x + 1.0), 1.0 / ((1.0 - x * x) * slope * slope))
        })
        .unzip()
}

/// Lobatto's rule on the unit interval with `n ≥ 2` nodes, exact for polynomials of degree `2n − 3`.
fn lobatto(n: usize) -> (Vec<f64>, Vec<f64>) {
    let last = n.max(2) - 1;
    (0..=last)
        .map(|i| {
            let mut x = -(std::f64::consts::PI * i as f64 / last as f64).cos();
            let mut p = 1.0;
            for _ in 0..100 {
                let mut before = 1.0;
                p = x;
                for k in 2..=last {
                    let k = k as f64;
                    (p, before) = (((2.0 * k - 1.0) * x * p - (k - 1.0) * before) / k, p);
                }
                let step = (x * p - before) / ((last + 1) as f64 * p);
                x -= step;
                if step.abs() < 1e-15 {
                    break;
                }
            }
            (0.5 * (x + 1.0), 1.0 / ((last * (last + 1)) as f64 * p * p))
        })
        .unzip()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_exact_for_their_polynomials() {
        for n in 2..12 {
            for (rule, degree) in [(gauss(n), 2 * n - 1), (lobatto(n), 2 * n - 3)] {
                for power in 0..=degree {
                    let sum: f64 = rule.0.iter().zip(&rule.1).map(|(x, w)| w * x.powi(power as i32)).sum();
                    assert!((sum * (power + 1) as f64 - 1.0).abs() < 1e-12, "{n}, {power}: {sum}");
                }
            }
            let (nodes, _) = lobatto(n);
            assert!(nodes[0] == 0.0 && nodes[n - 1] == 1.0 && nodes.is_sorted());
        }
    }
}
