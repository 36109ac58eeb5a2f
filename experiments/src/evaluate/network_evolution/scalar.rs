//! A scalar on one axis.

use flowmap_models::insr::{Axis, Boundary, InsrConfig, March, Scalar, Space};
use flowmap_models::pinn::Profile;
use ndarray::{Array1, Array2};

use super::march::march;
use super::{draw, misfit};
use crate::config::ExperimentConfig;
use crate::error::Error;
use crate::evaluate::keep::{build, write_npz};
use crate::evaluate::network_solution::{Reference, equation};
use crate::evaluate::{Baseline, Findings, Job};
use crate::metric::relative_l2;
use crate::vtk;

pub(super) fn scalar(
    config: &ExperimentConfig,
    network: &InsrConfig,
    job: &Job<'_>,
) -> Result<Findings, Error> {
    let mut findings = Findings::default();
    let equation = config.problem.as_ref().and_then(equation).ok_or_else(|| misfit("no equation"))?;
    let reference = Reference::obtain(config, &build(config)?, job.progress, job.run, &mut findings)?;
    let axis = Axis {
        origin: reference.x[0],
        length: reference.length,
        periodic: network.boundary == Boundary::Periodic,
    };
    let space = Space::new(network, &[axis], Scalar(equation)).map_err(|e| misfit(&e.to_string()))?;
    let mover = March { space, config: network.clone(), seed: config.seed };
    let places = Array2::from_shape_vec((reference.x.len(), 1), reference.x.clone())
        .map_err(|e| Error::Numerical(e.to_string()))?;
    let start: &Profile = &reference.start;
    let row = |t: f64| reference.t.iter().position(|s| (s - t).abs() < 1e-9 * (1.0 + t)).unwrap_or(0);
    let judge = |t: f64, theta: &[f64]| {
        let u = mover.space.values(theta, &places);
        mean(u.iter().zip(reference.values.row(row(t))).map(|(u, v)| (u - v).abs()))
    };
    let marched = march(job, &mover, &reference.t, |x, q| q[0] = start.at(x[0])[0], judge)?;
    let mut field = Array2::from_elem(reference.values.dim(), f64::NAN);
    for (theta, mut row) in marched.weights.iter().zip(field.rows_mut()) {
        row.assign(&Array1::from(mover.space.values(theta, &places)));
    }
    marched.measure(mover.space.parameters(), &mut findings);
    let truth = &reference.values;
    let last = truth.nrows() - 1;
    let error = &field - truth;
    findings.metric("mae", mean(error.row(last).iter().map(|e| e.abs())));
    findings.metric("mae_mean", mean(error.iter().map(|e| e.abs())));
    findings.metric("rel_l2", relative_l2(field.view().into_dyn(), truth.view().into_dyn()));
    findings.metric("rel_l2_end", relative_l2(field.row(last).into_dyn(), truth.row(last).into_dyn()));
    for baseline in &config.evaluate.baselines {
        let middle = truth.mean().unwrap_or(0.0);
        let guess = |x: usize| if *baseline == Baseline::Persistence { truth[[0, x]] } else { middle };
        let gap = mean((0..truth.ncols()).map(|x| (guess(x) - truth[[last, x]]).abs()));
        findings.metric(format!("baseline_{}_mae", baseline.name()), gap);
    }
    findings.notes.push(format!(
        "Mean absolute error at t = {}: {:.3e}, over all times {:.3e}, against {}.",
        reference.t[last],
        mean(error.row(last).iter().map(|e| e.abs())),
        mean(error.iter().map(|e| e.abs())),
        reference.source
    ));
    draw::scalar(config, &reference, &field, &marched, job.run, &mut findings)?;
    if config.evaluate.vtk {
        let step = |v: &[f64]| if v.len() > 1 { v[1] - v[0] } else { 1.0 };
        let grid = vtk::Grid {
            shape: [reference.x.len(), reference.t.len(), 1],
            origin: [reference.x[0], 0.0, 0.0],
            spacing: [step(&reference.x), step(&reference.t), 1.0],
        };
        let flat = |a: &Array2<f64>| a.iter().copied().collect::<Vec<_>>();
        let (values, truth) = (flat(&field), flat(truth));
        let scalar = |name, values| vtk::Field { name, components: 1, values };
        let image = vtk::image(&grid, &[scalar("network", &values), scalar("truth", &truth)]);
        vtk::write_series(job.run, "space_time", "vti", &[(0.0, image)])?;
    }
    write_npz(job.run, |archive| {
        archive.add_array("x", &Array1::from(reference.x.clone()))?;
        archive.add_array("times", &Array1::from(reference.t.clone()))?;
        archive.add_array("truth", &reference.values)?;
        archive.add_array("model", &field)?;
        archive.add_array("seconds_and_error", &marched.table())
    })?;
    Ok(findings)
}

/// The mean; not a number of nothing.
fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = values.fold((0.0, 0.0), |(s, n), v| (s + v, n + 1.0));
    sum / count
}
