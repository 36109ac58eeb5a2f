//! A rectified flow before and after it is straightened.

use burn::tensor::Tensor;
use flowmap_datasets::rng::stream;
use flowmap_models::generative::{
    FlowError, RectifiedFlow, RectifiedFlowConfig, Trace, Velocity, carry, log_density,
};
use flowmap_solvers::config::{FixedConfig, SolverConfig};
use ndarray::Array2;
use serde_json::json;

use super::judge::{Distances, Judge};
use super::{Findings, Task, draw, host, negative_mean};
use crate::error::Error;
use crate::evaluate::keep::write_npz;
use crate::train::{Pairs, Points, RectifiedObjective, normal};

/// Steps of the Euler method that stand for the flow itself.
const MANY: usize = 100;
/// Points whose paths are drawn.
const PATHS: usize = 64;

/// A flow, and what was found of it.
struct Stage {
    /// `rectified`, or `reflow_1` and so on.
    name: String,
    flow: RectifiedFlow,
    /// Steps, the points they make, their distances.
    samples: Vec<(usize, Array2<f64>, Distances)>,
    straightness: f64,
}

pub(super) fn evaluate(
    task: &Task<'_>,
    judge: &Judge,
    model: &RectifiedFlowConfig,
    findings: &mut Findings,
) -> Result<(), Error> {
    let mut stages: Vec<Stage> = Vec::new();
    let mut seconds = 0.0;
    for reflow in 0..=model.reflows {
        let role = if reflow == 0 { "model".to_owned() } else { format!("reflow_{reflow}") };
        let (pairs, validation) = match stages.last() {
            None => (
                Pairs::Independent(task.points(&task.train)),
                Pairs::Independent(task.points(&task.validation)),
            ),
            Some(before) => {
                let made = |rows: usize, name: &str| {
                    let mut rng = stream(task.config.seed, name, reflow as u64);
                    let noise = normal(rows, 2, &mut rng, task.job.device);
                    let data = euler(&before.flow, &noise, MANY)?;
                    Ok::<_, Error>(Pairs::Coupled(points(noise), points(data)))
                };
                (made(model.pairs, "pairs")?, made(task.validation.nrows(), "validation pairs")?)
            }
        };
        let mut objective = RectifiedObjective { sampling: task.sampling(&role), pairs, validation };
        let start = stages.last().map(|s| s.flow.clone());
        // A flow is straightened from where it stands.
        let trained = task.fit(
            &role,
            |device| match start {
                Some(flow) => burn::module::Module::train(flow),
                None => model.init(2, device),
            },
            &mut objective,
        )?;
        seconds += trained.seconds;
        stages.push(stage(task, judge, role, trained.model)?);
    }
    findings.metric("train_s", seconds);
    report(task, judge, &stages, findings)?;
    figures(task, judge, &stages, findings)?;
    write_npz(task.job.run, |archive| {
        archive.add_array("truth", &judge.truth())?;
        for stage in &stages {
            for (steps, points, _) in &stage.samples {
                archive.add_array(format!("{}_{steps}", stage.name), points)?;
            }
        }
        Ok(())
    })
}

fn points(x: Tensor<2>) -> Points {
    Points::new(host(x).view())
}

fn euler(flow: &RectifiedFlow, noise: &Tensor<2>, steps: usize) -> Result<Tensor<2>, Error> {
    let method = SolverConfig::Euler(FixedConfig { dt: 1.0 / steps as f64 });
    carry(flow, noise, (0.0, 1.0), &method).map(|c| c.end).map_err(failed)
}

pub(super) fn failed(error: FlowError) -> Error {
    Error::Numerical(format!("the learned flow: {error}"))
}

fn stage(task: &Task<'_>, judge: &Judge, name: String, flow: RectifiedFlow) -> Result<Stage, Error> {
    let noise = task.noise("samples");
    let mut counts = task.settings.steps.clone();
    counts.extend([1, MANY]);
    counts.sort_unstable();
    counts.dedup();
    let samples = counts.into_iter().map(|steps| {
        let points = host(euler(&flow, &noise, steps)?);
        let distances = judge.distances(&points);
        Ok((steps, points, distances))
    });
    let samples = samples.collect::<Result<_, Error>>()?;
    let straightness = straightness(&flow, noise);
    Ok(Stage { name, flow, samples, straightness })
}

/// `∫ E |(x₁ − x₀) − v(t, x_t)|² dt / E |x₁ − x₀|²` along the flow: zero of straight paths at constant speed.
fn straightness(flow: &RectifiedFlow, noise: Tensor<2>) -> f64 {
    let mut x = noise.clone();
    let velocities: Vec<Tensor<2>> = (0..MANY)
        .map(|i| {
            let v = flow.velocity(i as f64 / MANY as f64, x.clone());
            x = x.clone() + v.clone().div_scalar(MANY as f64);
            v
        })
        .collect();
    let line = x - noise;
    let square = |x: Tensor<2>| x.powi_scalar(2).mean().into_scalar::<f64>();
    let bent = velocities.into_iter().map(|v| square(v - line.clone())).sum::<f64>() / MANY as f64;
    bent / square(line)
}

fn report(task: &Task<'_>, judge: &Judge, stages: &[Stage], findings: &mut Findings) -> Result<(), Error> {
    let (Some(first), Some(last)) = (stages.first(), stages.last()) else { return Ok(()) };
    let of = |stage: &Stage, steps: usize| {
        stage.samples.iter().find(|s| s.0 == steps).map_or(f64::NAN, |s| s.2.w2)
    };
    let mut rows = Vec::new();
    for stage in stages {
        for (steps, _, distances) in &stage.samples {
            let unit = if *steps == 1 { "step" } else { "steps" };
            let suffix = format!("_{steps}_{unit}");
            if std::ptr::eq(stage, last) {
                distances.record(&suffix, findings);
            }
            if stages.len() > 1 && std::ptr::eq(stage, first) {
                distances.record(&format!("{suffix}_before"), findings);
            }
            let [w2, sliced, mmd, outliers] = distances.cells();
            rows.push(json!([stage.name, steps, w2, sliced, mmd, outliers]));
        }
    }
    let [w2, sliced, mmd, outliers] = judge.floor.cells();
    rows.push(json!(["two clouds of the truth", "–", w2, sliced, mmd, outliers]));
    findings.tables.push(json!({
        "title": "Distances to the truth by Euler steps",
        "columns": ["flow", "steps", "W₂", "sliced W₂", "MMD²", "outliers"],
        "rows": rows,
    }));
    if let Some((_, _, distances)) = last.samples.iter().find(|s| s.0 == MANY) {
        distances.record("", findings);
    }
    findings.metric("w2_ratio", of(last, 1) / of(last, MANY));
    findings.metric("straightness", last.straightness);
    if stages.len() > 1 {
        findings.metric("w2_ratio_before", of(first, 1) / of(first, MANY));
        findings.metric("straightness_before", first.straightness);
    }
    let method = task.method();
    let test = task.tensor(&task.test);
    let logs = log_density(&last.flow, &test, (1.0, 0.0), 1.0, &Trace::Exact, &method).map_err(failed)?;
    findings.metric("nll", negative_mean(logs.end));
    findings.metric("params", burn::module::Module::num_params(&last.flow) as f64);
    findings.notes.push(format!(
        "One Euler step of the straightened flow: W₂ = {:.4}; {MANY} steps: {:.4}; before it was straightened {:.4} and {:.4}.",
        of(last, 1),
        of(last, MANY),
        of(first, 1),
        of(first, MANY)
    ));
    Ok(())
}

fn figures(task: &Task<'_>, judge: &Judge, stages: &[Stage], findings: &mut Findings) -> Result<(), Error> {
    let run = task.job.run;
    let window = task.truth.window();
    let mut panels = Vec::new();
    for stage in stages {
        panels.push(draw::cloud("data", judge.truth(), window));
        for wanted in [1, 2, MANY] {
            let found = stage.samples.iter().find(|s| s.0 == wanted);
            let unit = if wanted == 1 { "step" } else { "steps" };
            if let Some((_, points, d)) = found {
                let title = format!("{}: {wanted} Euler {unit}, W₂ = {:.3}", named(&stage.name), d.w2);
                panels.push(draw::cloud(&title, points.view(), window));
            }
        }
    }
    let columns = panels.len() / stages.len();
    draw::panels(run, "samples", "Samples by the number of Euler steps.", columns, panels, findings)?;

    let mut paths = Vec::new();
    for stage in stages {
        let mut x = normal(PATHS, 2, &mut stream(task.config.seed, "paths", 0), task.job.device);
        let mut along = vec![host(x.clone())];
        for i in 0..MANY {
            let v = stage.flow.velocity(i as f64 / MANY as f64, x.clone());
            x = x + v.div_scalar(MANY as f64);
            along.push(host(x.clone()));
        }
        let title = format!("{}: straightness {:.4}", named(&stage.name), stage.straightness);
        paths.push(draw::paths(&title, &along, window));
    }
    let caption = "Paths from noise (circles) to data; straightness is the mean squared deviation of the velocity from that of the straight line, relative to it.";
    draw::panels(run, "paths", caption, paths.len(), paths, findings)?;

    let curve = |stage: &Stage| crate::plot::Line {
        label: named(&stage.name),
        x: stage.samples.iter().map(|s| s.0 as f64).collect(),
        y: stage.samples.iter().map(|s| s.2.w2).collect(),
        ..Default::default()
    };
    let mut lines: Vec<_> = stages.iter().map(curve).collect();
    let ends = lines.first().map_or_else(Vec::new, |l| l.x.clone());
    lines.push(crate::plot::Line {
        label: "floor".into(),
        y: vec![judge.floor.w2; ends.len()],
        x: ends,
        style: crate::plot::Style::Dashed,
        band: None,
    });
    let axes = crate::plot::Axes {
        title: "distance to the truth".into(),
        x: "Euler steps".into(),
        y: "W₂".into(),
        log_x: true,
        log_y: true,
        ..Default::default()
    };
    let caption = "The floor is the distance of two clouds of the truth.";
    findings.figure(run, "distance_by_steps", caption, &crate::plot::Lines { axes, lines })
}

fn named(role: &str) -> String {
    if role == "model" { "rectified flow".into() } else { role.replace('_', " ") }
}
