//! The strain of an elastic body as residuals, with their derivatives.

use nalgebra::DMatrix;

use super::Elasticity;

/// The residuals of a sample, with their derivatives by the entries of `F`, row by row.
pub(super) struct Rows {
    pub(super) values: Vec<f64>,
    pub(super) by_f: Vec<Vec<f64>>,
}

/// `√a (F − R(F))` row by row, then `√v (det F − 1)`; not numbers where `F` is not.
pub(super) fn strain(elasticity: Elasticity, f: &DMatrix<f64>) -> Rows {
    let d = f.nrows();
    let (shape, volume) = (elasticity.shape.sqrt(), elasticity.volume.sqrt());
    let Some((u, sigma, v)) = signed_svd(f) else {
        return Rows { values: vec![f64::NAN; d * d + 1], by_f: Vec::new() };
    };
    let rotation = &u * v.transpose();
    let mut rows = Rows { values: Vec::new(), by_f: vec![vec![0.0; d * d]; d * d + 1] };
    rows.values.extend((0..d * d).map(|k| shape * (f[(k / d, k % d)] - rotation[(k / d, k % d)])));
    for e in 0..d * d {
        // dR = U Ω Vᵀ, Ω_pq = (A_pq − A_qp)/(σ_p + σ_q), A = Uᵀ dF V.
        let a = DMatrix::from_fn(d, d, |p, q| u[(e / d, p)] * v[(e % d, q)]);
        let omega = DMatrix::from_fn(d, d, |p, q| (a[(p, q)] - a[(q, p)]) / (sigma[p] + sigma[q]).max(1e-6));
        let turned = &u * omega * v.transpose();
        for k in 0..d * d {
            rows.by_f[k][e] = shape * (f64::from(u8::from(k == e)) - turned[(k / d, k % d)]);
        }
        // The cofactor: det F = σ₁ σ₂ …
        let cofactor: f64 = (0..d)
            .map(|p| {
                u[(e / d, p)] * v[(e % d, p)] * (0..d).filter(|q| *q != p).map(|q| sigma[q]).product::<f64>()
            })
            .sum();
        rows.by_f[d * d][e] = volume * cofactor;
    }
    rows.values.push(volume * (sigma.iter().product::<f64>() - 1.0));
    rows
}

/// `F = U diag(σ) Vᵀ` with `U Vᵀ` a rotation; the last singular value has the sign of the determinant.
fn signed_svd(f: &DMatrix<f64>) -> Option<(DMatrix<f64>, Vec<f64>, DMatrix<f64>)> {
    if f.iter().any(|f| !f.is_finite()) {
        return None;
    }
    let svd = f.clone().svd(true, true);
    let (mut u, v) = (svd.u?, svd.v_t?.transpose());
    let mut sigma: Vec<f64> = svd.singular_values.iter().copied().collect();
    if u.determinant() * v.determinant() < 0.0 {
        let last = (0..sigma.len()).min_by(|a, b| sigma[*a].total_cmp(&sigma[*b]))?;
        sigma[last] = -sigma[last];
        u.column_mut(last).neg_mut();
    }
    Some((u, sigma, v))
}
