//! Elastic bodies: what a deformation costs, as a sum of squares.

use nalgebra::{Matrix3, Vector3};
use serde::{Deserialize, Serialize};

/// The law of an elastic body: a density of energy of `F = ∂x/∂X` with singular values `σᵢ` and `J = det F`, in the form `a Σ s(σᵢ)² + v g(J)²`. Both laws agree
/// to second order at rest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Law {
    /// `a Σ(σᵢ − 1)² + v (J − 1)²`: as rigid as possible, `Σ(σᵢ − 1)² = ‖F − R‖²` with the rotation `R` nearest to `F` (O. Sorkine, M. Alexa, SGP 2007).
    #[default]
    AsRigidAsPossible,
    /// `a Σ(½(σᵢ² − 1) − ln σᵢ) + v (ln J)²`: Neo-Hookean with Lamé's `μ = a` and `λ = 2v`, (J. Bonet, R. D. Wood, 2008). Below a tenth
    /// `s` and the logarithm of `J` go on along their tangents, so that what was pressed through itself finds its way back (A. Stomakhin et al., SCA 2012).
    NeoHookean,
}

/// Where the second law leaves its logarithms.
const LEAST: f64 = 0.1;

/// A law with its numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Material {
    /// The law.
    pub law: Law,
    /// `a`.
    pub shape: f64,
    /// `v`.
    pub volume: f64,
}

/// The density of energy as a sum of squares: of nine numbers times `a`, and of one times `v`, each with its derivatives by the entries of `F` row by row.
#[derive(Clone, Debug)]
pub struct Strain {
    /// `U diag(s(σᵢ)) Vᵀ` row by row.
    pub shape: [(f64, [f64; 9]); 9],
    /// `g(J)`.
    pub volume: (f64, [f64; 9]),
}

impl Material {
    /// The lateral stretch of a body that is stretched by `along` in one direction and free in the `others`: the least energy.
    ///
    /// Of the first law on one other axis it is `(a + v λ)/(a + v λ²)`; else Newton's method finds the zero of the energy's slope.
    pub fn lateral(&self, along: f64, others: usize) -> f64 {
        let (a, v, m) = (self.shape, self.volume, others as f64);
        // Half the slope of the energy by the lateral stretch, per other axis.
        let slope = |s: f64| {
            let j = along * s.powf(m);
            match self.law {
                Law::AsRigidAsPossible => a * (s - 1.0) + v * (j - 1.0) * along * s.powf(m - 1.0),
                Law::NeoHookean => 0.5 * a * (s - 1.0 / s) + v * j.ln() / s,
            }
        };
        // The slope rises through its zero between no stretch and one that more than keeps the volume.
        let (mut low, mut high) = (1e-6, 1.0_f64.max(along.powf(-1.0 / m)));
        for _ in 0..200 {
            let middle = 0.5 * (low + high);
            if slope(middle) > 0.0 { high = middle } else { low = middle }
        }
        0.5 * (low + high)
    }

    /// The density of energy of principal stretches.
    pub fn density(&self, stretches: &[f64]) -> f64 {
        let shape: f64 = stretches.iter().map(|s| self.stretch(*s).0.powi(2)).sum();
        self.shape * shape + self.volume * self.dilation(stretches.iter().product()).0.powi(2)
    }

    /// `s(σ)` and its slope, `s²` the cost of a stretch.
    fn stretch(&self, sigma: f64) -> (f64, f64) {
        match self.law {
            Law::AsRigidAsPossible => (sigma - 1.0, 1.0),
            Law::NeoHookean => {
                if sigma < LEAST {
                    let (s, slope) = self.stretch(LEAST);
                    return (s + slope * (sigma - LEAST), slope);
                }
                let e = sigma - 1.0;
                if e.abs() < 1e-4 {
                    return (e * (1.0 - e / 6.0), 1.0 - e / 3.0);
                }
                let s = (0.5 * (sigma * sigma - 1.0) - sigma.ln()).sqrt().copysign(e);
                (s, 0.5 * (sigma - 1.0 / sigma) / s)
            }
        }
    }

    /// `g(J)` and its slope.
    fn dilation(&self, det: f64) -> (f64, f64) {
        match self.law {
            Law::AsRigidAsPossible => (det - 1.0, 1.0),
            Law::NeoHookean if det < LEAST => (LEAST.ln() + (det - LEAST) / LEAST, 1.0 / LEAST),
            Law::NeoHookean => (det.ln(), 1.0 / det),
        }
    }

    /// The strain of `F = U diag(σ) Vᵀ`; none where `F` is not finite. Of a body of two `axes` the third is at rest.
    ///
    /// The derivative is that of an isotropic function of a matrix (J. Daleckii, S. Krein, 1965): with `A = Uᵀ dF V` its entry `[p, q]` in the frame of `U` and `V`
    /// is `s′(σ_p) A_pp` on the diagonal, else `½ (A_pq + A_qp) (s_p − s_q)/(σ_p − σ_q) + ½ (A_pq − A_qp) (s_p + s_q)/(σ_p + σ_q)`.
    pub fn strain(&self, f: &Matrix3<f64>, axes: usize) -> Option<Strain> {
        if f.iter().any(|f| !f.is_finite()) {
            return None;
        }
        let svd = f.svd(true, true);
        let (mut u, v) = (svd.u?, svd.v_t?.transpose());
        let mut sigma = svd.singular_values;
        if u.determinant() * v.determinant() < 0.0 {
            // What is at rest is not turned inside out.
            let within = |k: &usize| axes > 2 || u[(2, *k)].abs() < 0.5;
            let last = (0..3).filter(within).min_by(|a, b| sigma[*a].total_cmp(&sigma[*b]))?;
            sigma[last] = -sigma[last];
            u.column_mut(last).neg_mut();
        }
        let s = [0, 1, 2].map(|i| self.stretch(sigma[i]));
        let value = u * Matrix3::from_diagonal(&Vector3::new(s[0].0, s[1].0, s[2].0)) * v.transpose();
        let det = sigma.product();
        let (dilation, by_det) = self.dilation(det);
        let mut shape: [(f64, [f64; 9]); 9] = std::array::from_fn(|k| (value[(k / 3, k % 3)], [0.0; 9]));
        let mut by_volume = [0.0; 9];
        for e in 0..9 {
            // dF = e_i e_jᵀ in the frame of U and V.
            let inner = Matrix3::from_fn(|p, q| {
                let here = u[(e / 3, p)] * v[(e % 3, q)];
                if p == q {
                    return s[p].1 * here;
                }
                let there = u[(e / 3, q)] * v[(e % 3, p)];
                let apart = sigma[p] - sigma[q];
                let even = if apart.abs() > 1e-5 {
                    (s[p].0 - s[q].0) / apart
                } else {
                    self.stretch(0.5 * (sigma[p] + sigma[q])).1
                };
                let odd = (s[p].0 + s[q].0) / (sigma[p] + sigma[q]).max(1e-6);
                0.5 * (even * (here + there) + odd * (here - there))
            });
            let turned = u * inner * v.transpose();
            for (k, row) in shape.iter_mut().enumerate() {
                row.1[e] = turned[(k / 3, k % 3)];
            }
            let others = [sigma[1] * sigma[2], sigma[0] * sigma[2], sigma[0] * sigma[1]];
            by_volume[e] = by_det * (0..3).map(|p| u[(e / 3, p)] * v[(e % 3, p)] * others[p]).sum::<f64>();
        }
        Some(Strain { shape, volume: (dilation, by_volume) })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const LAWS: [Law; 2] = [Law::AsRigidAsPossible, Law::NeoHookean];

    #[test]
    fn derivatives_are_those_of_differences() {
        let bent = Matrix3::new(1.1, 0.3, -0.2, 0.1, 0.8, 0.25, -0.3, 0.2, 1.3);
        // Equal stretches, at rest and not.
        let turned = Matrix3::new(0.8, -0.6, 0.0, 0.6, 0.8, 0.0, 0.0, 0.0, 1.0);
        for law in LAWS {
            let material = Material { law, shape: 1.0, volume: 1.0 };
            for f in [bent, turned, 1.3 * turned] {
                let at = material.strain(&f, 3).unwrap();
                for e in 0..9 {
                    let moved = |h: f64| {
                        let mut f = f;
                        f[(e / 3, e % 3)] += h;
                        material.strain(&f, 3).unwrap()
                    };
                    let (up, down) = (moved(1e-6), moved(-1e-6));
                    let near = |a: f64, b: f64, by: f64| ((a - b) / 2e-6 - by).abs() < 1e-6;
                    for k in 0..9 {
                        assert!(near(up.shape[k].0, down.shape[k].0, at.shape[k].1[e]), "{law:?} {k} {e}");
                    }
                    assert!(near(up.volume.0, down.volume.0, at.volume.1[e]), "{law:?} {e}");
                }
                let sum = at.shape.iter().map(|s| s.0 * s.0).sum::<f64>() + at.volume.0.powi(2);
                let sigma = f.singular_values();
                assert!((sum - material.density(sigma.as_slice())).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn laws_agree_near_rest_and_one_of_them_hates_to_be_turned_inside_out() {
        let [rigid, hooke] = LAWS.map(|law| Material { law, shape: 2.0, volume: 3.0 });
        let stretches = [1.002, 0.999, 1.001];
        let (a, b) = (rigid.density(&stretches), hooke.density(&stretches));
        assert!((a / b - 1.0).abs() < 5e-3, "{a} {b}");
        // ½ (σ² − 1) − ln σ and (ln J)² as far as they go, and beyond without a jump.
        let exact = |s: f64| 2.0 * (0.5 * (s * s - 1.0) - s.ln()) + 3.0 * s.ln().powi(2);
        assert!((hooke.density(&[0.4, 1.0, 1.0]) - exact(0.4)).abs() < 1e-12);
        assert!((hooke.density(&[LEAST - 1e-9, 1.0]) - exact(LEAST + 1e-9)).abs() < 1e-6);
        assert!(hooke.density(&[-1.0, 1.0]) > 10.0 * rigid.density(&[-1.0, 1.0]));
        // Of two axes one of the two is turned, however long they are.
        let material = Material { law: Law::AsRigidAsPossible, shape: 1.0, volume: 0.0 };
        let strain = material.strain(&Matrix3::from_diagonal(&Vector3::new(2.0, -1.5, 1.0)), 2).unwrap();
        let plane = [0, 1, 3, 4].map(|k: usize| strain.shape[k].0.powi(2)).iter().sum::<f64>();
        assert!((plane - (1.0 + 2.5 * 2.5)).abs() < 1e-12, "{plane}");
    }

    #[test]
    fn the_lateral_stretch_costs_least() {
        for law in LAWS {
            for (along, others) in [(1.5, 1), (2.0, 2), (0.6, 1), (0.7, 2)] {
                let material = Material { law, shape: 1.0, volume: 100.0 };
                let least = material.lateral(along, others);
                let cost = |s: f64| {
                    let mut stretches = vec![s; others + 1];
                    stretches[0] = along;
                    material.density(&stretches)
                };
                assert!(
                    cost(least) < cost(least + 1e-4) && cost(least) < cost(least - 1e-4),
                    "{law:?} {along}"
                );
            }
        }
        let rigid = Material { law: Law::AsRigidAsPossible, shape: 1.0, volume: 1e3 };
        assert!((rigid.lateral(2.0, 1) - 2001.0 / 4001.0).abs() < 1e-12);
    }
}
