//! How the gradients of a trained network grow with the length of the windows, with forcing and without.

use burn::module::Module;
use burn::optim::GradientsParams;
use burn::tensor::{Device, Tensor, TensorData};
use flowmap_models::plrnn::{Adaptive, ForcingConfig, Plrnn, RegulariserConfig};
use ndarray::{ArrayView2, s};

use crate::error::Error;
use crate::evaluate::Findings;
use crate::plot::{Axes, Line, Lines, Style};
use crate::run_dir::RunDir;
use crate::train::gradient_norm;

/// Lengths of windows, in steps.
const LENGTHS: [usize; 4] = [10, 100, 1000, 10_000];
/// Windows of a gradient.
const WINDOWS: usize = 4;

/// The norms of the loss's gradient over windows of one length.
pub(super) struct Growth {
    steps: usize,
    /// With the `α` that is estimated for these windows.
    forced: f64,
    alpha: f64,
    /// With `α = 0`; not finite where it overflows.
    free: f64,
}

/// The gradients at the trained weights, on windows spread evenly over a series.
pub(super) fn growth(
    model: &Plrnn,
    series: ArrayView2<'_, f64>,
    forcing: &ForcingConfig,
    device: &Device,
) -> Vec<Growth> {
    let autodiff = device.clone().autodiff();
    let adaptive = match forcing {
        ForcingConfig::Adaptive(adaptive) => adaptive.clone(),
        _ => Adaptive::default(),
    };
    let fits = |steps: &&usize| series.nrows() > **steps + WINDOWS;
    LENGTHS
        .iter()
        .filter(fits)
        .map(|&steps| {
            let (input, target) = windows(series, steps, &autodiff);
            let states = model.states(input.clone().inner());
            let growth = adaptive.estimator.growth(&model.to_map(), &states, WINDOWS);
            let alpha = (1.0 - 1.0 / growth).max(0.0);
            let norm = |alpha: f64| {
                let tracked = model.clone().to_device(&autodiff).train();
                let alphas = vec![alpha as f32; steps];
                let loss =
                    tracked.loss(input.clone(), target.clone(), &alphas, &RegulariserConfig::default());
                let mut gradients = GradientsParams::from_grads(loss.backward(), &tracked);
                gradient_norm(&tracked, &mut gradients)
            };
            Growth { steps, forced: norm(alpha), alpha, free: norm(0.0) }
        })
        .collect()
}

/// `[step + 1, window, channel]`, and the same without the first step.
fn windows(series: ArrayView2<'_, f64>, steps: usize, device: &Device) -> (Tensor<3>, Tensor<3>) {
    let channels = series.ncols();
    let gap = (series.nrows() - steps - 1) / WINDOWS;
    let mut values = Vec::with_capacity((steps + 1) * WINDOWS * channels);
    for t in 0..=steps {
        for w in 0..WINDOWS {
            values.extend(series.slice(s![w * gap + t, ..]).iter().map(|v| *v as f32));
        }
    }
    let target = values[WINDOWS * channels..].to_vec();
    let tensor = |values: Vec<f32>, n: usize| {
        Tensor::from_data(TensorData::new(values, [n, WINDOWS, channels]), device)
    };
    (tensor(values, steps + 1), tensor(target, steps))
}

/// Metrics and a figure.
pub(super) fn report(growth: &[Growth], run: &RunDir, findings: &mut Findings) -> Result<(), Error> {
    for g in growth {
        findings.metric(format!("gradient_norm_{}", g.steps), g.forced);
        findings.metric(format!("gradient_norm_{}_unforced", g.steps), g.free);
    }
    let line = |label: &str, of: fn(&Growth) -> f64, style: Style| Line {
        label: label.to_owned(),
        x: growth.iter().map(|g| g.steps as f64).collect(),
        y: growth.iter().map(of).collect(),
        style,
        band: None,
    };
    let strengths: Vec<_> = growth.iter().map(|g| format!("{:.3}", g.alpha)).collect();
    let lines = vec![
        line("α as estimated", |g| g.forced, Style::Solid),
        line("α = 0", |g| if g.free.is_finite() { g.free } else { f64::NAN }, Style::Dashed),
    ];
    let axes = Axes {
        title: "gradients of the trained network".into(),
        x: "steps of a window".into(),
        y: "norm of the gradient".into(),
        log_x: true,
        log_y: true,
        ..Axes::default()
    };
    let caption = format!(
        "The estimates of α are {}. Without forcing gradients grow with the largest exponent until they overflow.",
        strengths.join(", ")
    );
    findings.figure(run, "gradients", &caption, &Lines { axes, lines })
}
