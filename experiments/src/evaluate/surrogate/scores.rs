//! What a rollout scores by the measures of published benchmarks.

use ndarray::{ArrayD, Axis};

use crate::evaluate::Findings;
use crate::metric::{correlation, correlation_times, frmse, nrmse, vrmse};

/// Records nRMSE, VRMSE, the errors by bands and the correlation time of rollouts `[trajectory, time, channel, x, …]`, the first samples
/// left out; names begin with `prefix`.
pub(super) fn record(
    prefix: &str,
    prediction: &ArrayD<f64>,
    truth: &ArrayD<f64>,
    times: &[f64],
    findings: &mut Findings,
) {
    let (p, u) = (prediction.view(), truth.view());
    let mut set = |name: &str, value: f64| findings.metric(format!("{prefix}{name}"), value);
    let later = |e: ndarray::Array3<f64>| e.slice_axis(Axis(1), (1..).into()).mean().unwrap_or(f64::NAN);
    set("nrmse", later(nrmse(p.view(), u.view())));
    set("vrmse", later(vrmse(p.view(), u.view())));
    for (band, value) in ["low", "mid", "high"].into_iter().zip(frmse(p.view(), u.view())) {
        if let Some(value) = value {
            set(&format!("frmse_{band}"), value);
        }
    }
    let lost = correlation_times(times, &correlation(p, u));
    set("correlation_time", lost.iter().sum::<f64>() / lost.len().max(1) as f64);
}
