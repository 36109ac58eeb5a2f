//! Score-based diffusion: its samplers and its likelihood.

use burn::module::Module;
use flowmap_datasets::rng::stream;
use flowmap_models::generative::{Corrector, ScoreSdeConfig, Trace, carry, log_density, reverse};
use ndarray::Array2;
use rand::Rng;
use serde_json::json;

use super::judge::{Distances, Judge};
use super::rectified::failed;
use super::{Findings, Task, draw, host, negative_mean};
use crate::error::Error;
use crate::evaluate::keep::write_npz;
use crate::train::{ScoreObjective, signs};

/// The ratio of score to noise in a step of the corrector.
const CORRECTOR_RATIO: f64 = 0.16;

/// A sampler, what it made, and at what cost.
struct Sampled {
    name: &'static str,
    points: Array2<f64>,
    evaluations: u64,
    distances: Distances,
}

pub(super) fn evaluate(
    task: &Task<'_>,
    judge: &Judge,
    config: &ScoreSdeConfig,
    findings: &mut Findings,
) -> Result<(), Error> {
    let mut objective = ScoreObjective {
        sampling: task.sampling("model"),
        data: task.points(&task.train),
        validation: task.points(&task.validation),
    };
    let trained = task.fit("model", |device| config.init(2, device), &mut objective)?;
    let model = trained.model;
    findings.metric("train_s", trained.seconds);
    findings.metric("params", model.num_params() as f64);
    let (method, span) = (task.method(), (1.0, model.start()));
    let mut sampled = Vec::new();
    let noise = task.noise("samples").mul_scalar(model.deviation());
    let carried = carry(&model, &noise, span, &method).map_err(failed)?;
    let points = host(carried.end);
    sampled.push(Sampled {
        name: "probability_flow",
        distances: judge.distances(&points),
        points,
        evaluations: carried.stats.work.evaluations,
    });
    // As many evaluations with the corrector as without.
    let steps = task.settings.sampler_steps;
    let corrector = Corrector { steps: 1, ratio: CORRECTOR_RATIO };
    let halved = steps.div_ceil(2);
    for (name, steps, corrector) in
        [("reverse_sde", steps, None), ("predictor_corrector", halved, Some(corrector))]
    {
        let seed = stream(task.config.seed, name, 0).next_u64();
        let (end, evaluations) = reverse(&model, noise.clone(), steps, seed, corrector);
        let points = host(end);
        sampled.push(Sampled { name, distances: judge.distances(&points), points, evaluations });
    }

    let test = task.tensor(&task.test);
    let back = (model.start(), 1.0);
    let exact =
        log_density(&model, &test, back, model.deviation(), &Trace::Exact, &method).map_err(failed)?;
    findings.metric("nll", negative_mean(exact.end));
    let mut rng = stream(task.config.seed, "hutchinson", 0);
    let probe = Trace::Probe(signs(task.test.nrows(), 2, &mut rng, task.job.device));
    let estimated = log_density(&model, &test, back, model.deviation(), &probe, &method).map_err(failed)?;
    findings.metric("nll_hutchinson", negative_mean(estimated.end));

    let mut rows = Vec::new();
    for s in &sampled {
        s.distances.record(&format!("_{}", s.name), findings);
        findings.metric(format!("evaluations_{}", s.name), s.evaluations as f64);
        let [w2, sliced, mmd, outliers] = s.distances.cells();
        rows.push(json!([s.name.replace('_', " "), s.evaluations, w2, sliced, mmd, outliers]));
    }
    let [w2, sliced, mmd, outliers] = judge.floor.cells();
    rows.push(json!(["two clouds of the truth", "–", w2, sliced, mmd, outliers]));
    findings.tables.push(json!({
        "title": "Distances to the truth by sampler",
        "columns": ["sampler", "evaluations", "W₂", "sliced W₂", "MMD²", "outliers"],
        "rows": rows,
    }));
    if let Some(first) = sampled.first() {
        first.distances.record("", findings);
    }
    let window = task.truth.window();
    let mut panels = vec![draw::cloud("data", judge.truth(), window)];
    for s in &sampled {
        let title = format!("{}, W₂ = {:.3}", s.name.replace('_', " "), s.distances.w2);
        panels.push(draw::cloud(&title, s.points.view(), window));
    }
    draw::panels(task.job.run, "samples", "Points of the truth and of every sampler.", 2, panels, findings)?;
    draw::flow(task, &model, span, model.deviation(), findings)?;
    write_npz(task.job.run, |archive| {
        archive.add_array("truth", &judge.truth())?;
        for s in &sampled {
            archive.add_array(s.name, &s.points)?;
        }
        Ok(())
    })
}
