//! A plain simulation: against the exact solution, its conserved quantities, half its step.

use flowmap_datasets::dataset::Dataset;
use flowmap_datasets::generate::DataError;
use flowmap_datasets::problem::Problem;
use flowmap_datasets::simulate::Trajectory;
use ndarray::{Array1, Array2, ArrayD, Axis};
use ndarray_npy::NpzWriter;

use super::drift::drift;
use super::order::convergence;
use super::{Findings, keep, stochastic};
use crate::commands::Progress;
use crate::config::ExperimentConfig;
use crate::error::Error;
use crate::metric::relative_l2;
use crate::plot::{Axes, Fields, Frame, Line, Lines, Palette, Panel, SpaceTime, Style};
use crate::run_dir::RunDir;

/// Frames of an animation, at most.
pub(super) const FRAMES: usize = 60;

/// Solves, compares, draws. A trajectory that diverges is kept as far as it went.
///
/// # Errors
/// If the configuration does not fit, or a file cannot be written.
pub fn simulation(config: &ExperimentConfig, run: &RunDir, progress: &Progress) -> Result<Findings, Error> {
    let mut findings = Findings::default();
    let problem = keep::build(config)?;
    let started = std::time::Instant::now();
    let obtained = progress.data(config);
    findings.metric("solve_s", started.elapsed().as_secs_f64());
    match obtained {
        Ok(data) => {
            keep::keep_card(&data, run, &mut findings)?;
            judge(config, &problem, &data, &mut findings)?;
            if let Problem::Sde(p) = &problem {
                stochastic::judge(config, &**p, &data, run, &mut findings)?;
            }
            draw(&problem, &data, run, &mut findings)?;
            write(run, &data.values, &data)?;
        }
        Err(error) => keep_diverged(config, &problem, error, run, &mut findings)?,
    }
    Ok(findings)
}

/// Keeps and draws a trajectory that diverged, as far as it went.
///
/// # Errors
/// With `error` if it is another one; or if a file cannot be written.
pub(super) fn keep_diverged(
    config: &ExperimentConfig,
    problem: &Problem,
    error: DataError,
    run: &RunDir,
    findings: &mut Findings,
) -> Result<(), Error> {
    let DataError::Diverged { index, trajectory } = error else { return Err(error.into()) };
    findings.failure = Some(format!("trajectory {index}: {}", trajectory.outcome));
    // Since the start of the solve, as the message has it.
    let end = trajectory.outcome.time().or(trajectory.times.last().map(|t| t + config.data.burn_in));
    findings.metric("diverged_at", end.unwrap_or(0.0));
    if let Some(data) = kept(config, problem, &trajectory) {
        draw(problem, &data, run, findings)?;
        write(run, &data.values, &data)?;
    }
    Ok(())
}

/// What a divergent trajectory left, as a data set of one.
fn kept(config: &ExperimentConfig, problem: &Problem, trajectory: &Trajectory) -> Option<Dataset> {
    let mut shape = vec![1, trajectory.states.len()];
    shape.extend(problem.state_shape());
    let values: Vec<f64> = trajectory.states.iter().flatten().copied().collect();
    let values = ArrayD::from_shape_vec(shape, values).ok().filter(|v| !v.is_empty())?;
    Some(Dataset {
        stored: None,
        values,
        times: trajectory.times.clone(),
        coordinates: problem.coordinates(),
        channels: problem.channels(),
        split: flowmap_datasets::dataset::Split::new(0, 0, 1, trajectory.states.len()),
        card: flowmap_datasets::card::DataCard { seed: config.seed, ..Default::default() },
    })
}

/// The first trajectory against the exact solution, and the order of the method.
fn judge(
    config: &ExperimentConfig,
    problem: &Problem,
    data: &Dataset,
    findings: &mut Findings,
) -> Result<(), Error> {
    let first = data.values.index_axis(Axis(0), 0);
    let start: Vec<f64> = first.index_axis(Axis(0), 0).iter().copied().collect();
    let t = data.times.last().copied().unwrap_or(0.0);
    let exact = match problem {
        _ if config.data.burn_in > 0.0 || data.card.source.is_some() => None,
        Problem::Pde(p) => p.exact(&config.data.initial).map(|f| f(t)),
        Problem::Ode(p) => p.exact(t, &start),
        _ => None,
    };
    if let Some(exact) = exact {
        let end = first.index_axis(Axis(0), data.times.len() - 1).to_owned();
        let exact = ArrayD::from_shape_vec(end.shape().to_vec(), exact);
        let error = exact.map_or(f64::NAN, |e| relative_l2(end.view(), e.view()));
        findings.metric("rel_l2", error);
        findings.notes.push(format!("Relative L2 error at t = {t} against the exact solution: {error:.3e}."));
    }
    for (name, series) in drift(problem, &data.values) {
        findings.metric(format!("{name}_drift"), series.iter().copied().fold(0.0, f64::max));
    }
    if config.evaluate.order
        && let Some(solver) = &config.solver
        && let Some(c) = match problem {
            Problem::Sde(_) => stochastic::convergence(config, problem, solver, data),
            _ => convergence(problem, solver, &start, t + config.data.burn_in),
        }
    {
        findings.metric("order", c.order);
        let rows: Vec<_> = c
            .dts
            .iter()
            .zip(&c.errors)
            .enumerate()
            .map(|(i, (dt, e))| {
                let slope =
                    if i == 0 { String::new() } else { format!("{:.2}", (c.errors[i - 1] / e).log2()) };
                vec![format!("{dt:.4e}"), format!("{e:.3e}"), slope]
            })
            .collect();
        findings.tables.push(serde_json::json!({
            "title": format!("Convergence of {} to its own solution with a finer step", solver.name()),
            "columns": ["dt", "relative L2 difference", "order"],
            "rows": rows,
        }));
    }
    Ok(())
}

fn draw(problem: &Problem, data: &Dataset, run: &RunDir, findings: &mut Findings) -> Result<(), Error> {
    let first = data.values.index_axis(Axis(0), 0);
    let name = problem.name().replace('_', " ");
    match data.coordinates.len() {
        0 => {
            let (t, n) = (data.times.clone(), data.channels.len());
            let series = |c: usize| first.index_axis(Axis(1), c).iter().copied().collect::<Vec<_>>();
            let shown = n.min(6);
            let lines = (0..shown).map(|c| Line {
                label: data.channels[c].clone(),
                x: t.clone(),
                y: series(c),
                ..Line::default()
            });
            let axes = Axes {
                title: format!("{name}: time series"),
                x: "t".into(),
                y: "state".into(),
                ..Axes::default()
            };
            let figure = Lines { axes, lines: lines.collect() };
            findings.figure(run, "time_series", "The first trajectory.", &figure)?;
            if n >= 2 {
                // The first and the last variable: for Lorenz the butterfly.
                let (a, b) = (0, n.min(3) - 1);
                let axes = Axes {
                    title: format!("{name}: phase plane"),
                    x: data.channels[a].clone(),
                    y: data.channels[b].clone(),
                    ..Axes::default()
                };
                let line = Line { x: series(a), y: series(b), ..Line::default() };
                findings.figure(
                    run,
                    "phase_plane",
                    "The first trajectory.",
                    &Lines { axes, lines: vec![line] },
                )?;
            }
        }
        1 => {
            let panels = data.channels.iter().enumerate().map(|(c, channel)| {
                let field = first.index_axis(Axis(1), c).to_owned();
                let values = field.into_dimensionality().unwrap_or_else(|_| Array2::zeros((1, 1)));
                let signed = values.iter().any(|v| *v < 0.0);
                let palette = if signed { Palette::Diverging } else { Palette::Sequential };
                Panel { title: channel.clone(), values, palette, range: None }
            });
            let figure = SpaceTime {
                title: name.clone(),
                x: data.coordinates[0].clone(),
                t: data.times.clone(),
                panels: panels.collect(),
            };
            findings.figure(run, "space_time", "The first trajectory.", &figure)?;
            let last = data.times.len() - 1;
            let lines: Vec<_> = [0, last / 2, last]
                .iter()
                .map(|i| Line {
                    label: format!("t = {:.3}", data.times[*i]),
                    x: data.coordinates[0].clone(),
                    y: first.index_axis(Axis(0), *i).index_axis(Axis(0), 0).iter().copied().collect(),
                    ..Line::default()
                })
                .collect();
            let axes = Axes {
                title: format!("{name}: profiles"),
                x: "x".into(),
                y: data.channels[0].clone(),
                ..Axes::default()
            };
            findings.figure(
                run,
                "profiles",
                "Start, middle and end of the first trajectory.",
                &Lines { axes, lines },
            )?;
        }
        2 => {
            let last = data.times.len() - 1;
            for (c, channel) in data.channels.iter().enumerate() {
                let frames = (0..4.min(last + 1)).map(|i| {
                    let at = if last == 0 { 0 } else { i * last / 3.min(last) };
                    let field = first.index_axis(Axis(0), at).index_axis(Axis(0), c).to_owned();
                    let values = field.into_dimensionality().unwrap_or_else(|_| Array2::zeros((1, 1)));
                    Frame { title: format!("t = {:.3}", data.times[at]), values }
                });
                let frames: Vec<_> = frames.collect();
                let signed = frames.iter().any(|f| f.values.iter().any(|v| *v < 0.0));
                let figure = Fields {
                    title: format!("{name}: {channel}"),
                    x: data.coordinates[0].clone(),
                    y: data.coordinates[1].clone(),
                    frames,
                    palette: if signed { Palette::Diverging } else { Palette::Sequential },
                    range: None,
                };
                findings.figure(run, &format!("snapshots_{channel}"), "The first trajectory.", &figure)?;
            }
            if last > 1 {
                animate(&name, data, run, findings)?;
            }
        }
        _ => {}
    }
    let lines: Vec<_> = drift(problem, &data.values)
        .into_iter()
        .map(|(label, y)| Line { label, x: data.times.clone(), y, style: Style::Solid, band: None })
        .collect();
    if !lines.is_empty() && lines.iter().any(|l| l.y.iter().any(|v| *v > 0.0)) {
        let axes = Axes {
            title: format!("{name}: conserved quantities"),
            x: "t".into(),
            y: "relative deviation from the start".into(),
            log_y: true,
            ..Axes::default()
        };
        findings.figure(
            run,
            "invariants",
            "The largest deviation over all trajectories.",
            &Lines { axes, lines },
        )?;
    }
    Ok(())
}

/// The first channel of the first trajectory on two axes as an animation.
fn animate(name: &str, data: &Dataset, run: &RunDir, findings: &mut Findings) -> Result<(), Error> {
    let first = data.values.index_axis(Axis(0), 0);
    let channel = first.index_axis(Axis(1), 0);
    let signed = channel.iter().any(|v| *v < 0.0);
    let palette = if signed { Palette::Diverging } else { Palette::Sequential };
    let range = Some(palette.range(channel.iter().copied()));
    let times = 0..data.times.len();
    let by = times.len().div_ceil(FRAMES);
    let scenes = times.step_by(by).map(|t| {
        let values = channel.index_axis(Axis(0), t).to_owned();
        let values = values.into_dimensionality().unwrap_or_else(|_| Array2::zeros((1, 1)));
        Fields {
            title: format!("{name}: {}", data.channels[0]),
            x: data.coordinates[0].clone(),
            y: data.coordinates[1].clone(),
            frames: vec![Frame { title: format!("t = {:.3}", data.times[t]), values }],
            palette,
            range,
        }
    });
    let scenes: Vec<_> = scenes.collect();
    findings.animation(run, "animated", "The first trajectory.", &scenes)
}

fn write(run: &RunDir, values: &ArrayD<f64>, data: &Dataset) -> Result<(), Error> {
    keep::write_npz(run, |archive: &mut NpzWriter<_>| {
        archive.add_array("trajectories", values)?;
        archive.add_array("times", &Array1::from(data.times.clone()))?;
        for (axis, x) in ["x", "y", "z"].iter().zip(&data.coordinates) {
            archive.add_array(*axis, &Array1::from(x.clone()))?;
        }
        Ok(())
    })
}
