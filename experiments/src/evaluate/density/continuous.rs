//! A continuous normalising flow beside the truth's own likelihood.

use burn::module::Module;
use flowmap_datasets::rng::stream;
use flowmap_models::generative::{ContinuousFlowConfig, Trace, carry, log_density};
use serde_json::json;

use super::judge::Judge;
use super::rectified::failed;
use super::{Findings, Task, draw, host, negative_mean};
use crate::error::Error;
use crate::evaluate::keep::write_npz;
use crate::train::{LikelihoodObjective, signs};

pub(super) fn evaluate(
    task: &Task<'_>,
    judge: &Judge,
    model: &ContinuousFlowConfig,
    findings: &mut Findings,
) -> Result<(), Error> {
    let mut objective = LikelihoodObjective {
        sampling: task.sampling("model"),
        model,
        data: task.points(&task.train),
        validation: task.points(&task.validation),
    };
    let trained = task.fit("model", |device| model.init(2, device), &mut objective)?;
    let flow = trained.model;
    findings.metric("train_s", trained.seconds);
    findings.metric("params", flow.num_params() as f64);
    let method = task.method();
    let test = task.tensor(&task.test);
    let exact = log_density(&flow, &test, (1.0, 0.0), 1.0, &Trace::Exact, &method).map_err(failed)?;
    let nll = negative_mean(exact.end);
    findings.metric("nll", nll);
    let mut rng = stream(task.config.seed, "hutchinson", 0);
    let probe = Trace::Probe(signs(task.test.nrows(), 2, &mut rng, task.job.device));
    let estimated = log_density(&flow, &test, (1.0, 0.0), 1.0, &probe, &method).map_err(failed)?;
    let nll_hutchinson = negative_mean(estimated.end);
    findings.metric("nll_hutchinson", nll_hutchinson);
    if let Some(peer) = task.settings.nll_peer {
        findings.metric("nll_peer", peer);
    }
    let carried = carry(&flow, &task.noise("samples"), (0.0, 1.0), &method).map_err(failed)?;
    let samples = host(carried.end);
    let distances = judge.distances(&samples);
    distances.record("", findings);
    findings.metric("evaluations", carried.stats.work.evaluations as f64);
    let row = |name: &str, value: f64| json!([name, format!("{value:.4}")]);
    let mut rows = vec![
        row("continuous flow, exact trace", nll),
        row("continuous flow, one Hutchinson direction a point", nll_hutchinson),
        row("the truth on the same points: no model is better but by chance", judge.nll),
    ];
    rows.extend(task.settings.nll_peer.map(|peer| row("another program, same network and data", peer)));
    findings.tables.push(json!({
        "title": "Negative log-likelihood of the test points, nats a point",
        "columns": ["density", "nll"],
        "rows": rows,
    }));
    let window = task.truth.window();
    let panels = vec![
        draw::cloud("data", judge.truth(), window),
        draw::cloud(&format!("samples, W₂ = {:.3}", distances.w2), samples.view(), window),
    ];
    draw::panels(task.job.run, "samples", "Points of the truth and of the model.", 2, panels, findings)?;
    draw::flow(task, &flow, (0.0, 1.0), 1.0, findings)?;
    write_npz(task.job.run, |archive| {
        archive.add_array("truth", &judge.truth())?;
        archive.add_array("samples", &samples)
    })
}
