//! How far features move on their way through a network of waves.

use burn::tensor::{Tensor, TensorData};
use flowmap_models::emulator::Emulator;
use flowmap_models::fused::Edge;
use ndarray::{Array3, ArrayD, Axis};

use super::Task;
use crate::error::Error;
use crate::evaluate::Findings;
use crate::metric::displacement;
use crate::plot::{Axes, Line, Lines, Style};
use crate::run_dir::RunDir;

/// Windows that are looked at, at most, evenly over the test trajectories.
const WINDOWS: usize = 8;
/// The longest displacement that is looked for, in points.
const REACH: usize = 6;

/// Means over some windows, in points.
pub(super) struct Misalignment {
    /// From before each wave to after it: what its skip connections have to bridge.
    waves: Vec<f64>,
    /// Of the fields, from the last frame given to the next.
    fields: f64,
}

/// Measures a trained model; none if it has no waves.
pub(super) fn misalignment<M: Emulator>(model: &M, task: &Task<'_>, edges: &[Edge]) -> Option<Misalignment> {
    let (given, device) = (model.history(), task.job.device);
    let shape = task.tested.shape();
    let places: Vec<(usize, usize)> =
        (0..shape[0]).flat_map(|i| (given..shape[1]).map(move |t| (i, t))).collect();
    let stride = places.len().div_ceil(WINDOWS).max(1);
    let size = match shape[3..] {
        [nx, ny] => [nx, ny],
        _ => [1, shape[3..].iter().product()],
    };
    let edge = |axis: usize| edges.get(axis).copied().unwrap_or_default() == Edge::Periodic;
    let periodic = if shape.len() == 5 { [edge(0), edge(1)] } else { [true, edge(0)] };
    let apart = |a: &Array3<f64>, b: &Array3<f64>| displacement(a.view(), b.view(), periodic, REACH);
    let (mut waves, mut fields, mut count) = (Vec::new(), 0.0, 0.0);
    for (i, t) in places.into_iter().step_by(stride) {
        let trajectory = task.tested.index_axis(Axis(0), i);
        let window = trajectory.slice_axis(Axis(0), (t - given..t).into());
        let values: Vec<f32> = window.iter().map(|v| *v as f32).collect();
        let data = TensorData::new(values, [1, given * shape[2], size[0] * size[1]]);
        let features: Vec<Array3<f64>> =
            model.features(Tensor::from_data(data, device)).into_iter().filter_map(host).collect();
        waves.resize(features.len().checked_sub(1)?, 0.0);
        for (wave, pair) in waves.iter_mut().zip(features.windows(2)) {
            *wave += apart(&pair[0], &pair[1]);
        }
        let frame = |t: usize| frame(&trajectory.index_axis(Axis(0), t).to_owned(), size);
        fields += apart(&frame(t - 1)?, &frame(t)?);
        count += 1.0;
    }
    waves.iter_mut().for_each(|w| *w /= count);
    (!waves.is_empty()).then(|| Misalignment { waves, fields: fields / count })
}

/// `[1, feature, x, y]` on the host.
fn host(features: Tensor<4>) -> Option<Array3<f64>> {
    let [_, count, nx, ny] = features.dims();
    let values = features.into_data().convert::<f32>().try_to_vec::<f32>().ok()?;
    Array3::from_shape_vec((count, nx, ny), values.into_iter().map(f64::from).collect()).ok()
}

fn frame(values: &ArrayD<f64>, [nx, ny]: [usize; 2]) -> Option<Array3<f64>> {
    Array3::from_shape_vec((values.shape()[0], nx, ny), values.iter().copied().collect()).ok()
}

impl Misalignment {
    /// Metrics and a figure.
    pub(super) fn report(&self, title: &str, run: &RunDir, findings: &mut Findings) -> Result<(), Error> {
        let mean = self.waves.iter().sum::<f64>() / self.waves.len() as f64;
        findings.metric("misalignment_wave", mean);
        findings.metric("misalignment_fields", self.fields);
        let numbers: Vec<f64> = (1..=self.waves.len()).map(|k| k as f64).collect();
        let ends = vec![0.5, self.waves.len() as f64 + 0.5];
        let level = |label: &str, y: f64| Line {
            label: label.to_owned(),
            x: ends.clone(),
            y: vec![y, y],
            style: Style::Dashed,
            band: None,
        };
        let axes = Axes {
            title: format!("{title}: how far features move in a wave"),
            x: "wave".into(),
            y: "mean displacement, points".into(),
            ..Axes::default()
        };
        let lines = vec![
            Line { label: "in the wave".into(), x: numbers, y: self.waves.clone(), ..Line::default() },
            level("of the fields in a step", self.fields),
        ];
        let caption = "What a wave's skip connections have to bridge: features before it, moved onto those after it tile by tile.";
        findings.figure(run, "misalignment", caption, &Lines { axes, lines })
    }
}
