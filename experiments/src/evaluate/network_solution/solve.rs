//! One network after the other through the windows of time.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use flowmap_datasets::rng::stream;
use flowmap_models::gauss_newton::{GaussNewtonError, Step};
use flowmap_models::pinn::{
    Collocation, Crossing, CrossingAt, Domain, Equation, Frame, PinnConfig, Profile, Sampling, Window,
};
use ndarray::Array2;
use serde_json::json;

use super::checkpoint::{Place, Store};
use super::reference::Reference;
use crate::error::Error;
use crate::evaluate::Job;
use crate::metric::relative_l2;

/// The longest time that an interruption without warning may cost.
const SAVE_EVERY: Duration = Duration::from_secs(30);

/// Times of a window at which characteristics are looked at.
const LOOKS: usize = 32;

/// Labels that are looked at.
const LABELS: usize = 1024;

/// Values through which the start of a window is laid.
const RESTART_POINTS: usize = 2048;

/// The shortest window is this part of the one that was asked for.
const SHORTEST: f64 = 64.0;

/// One step of the optimiser.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    /// Seconds of solving so far, without the comparison with the reference.
    pub(super) seconds: f64,
    /// The root mean square of the residual.
    pub(super) rms: f64,
    /// The relative L2 error in the window, where it was taken.
    pub(super) error: Option<f64>,
}

/// What is solved, and how.
pub(super) struct Solver<'a> {
    pub(super) role: &'a str,
    pub(super) network: &'a PinnConfig,
    pub(super) frame: Frame,
    pub(super) equation: &'a Equation,
    pub(super) reference: &'a Reference,
    /// Equations with ever larger coefficients that lead to this one; one is this one alone.
    pub(super) stages: usize,
    pub(super) seed: u64,
    pub(super) job: &'a Job<'a>,
}

/// A solution, as far as it came.
pub(super) struct Solved {
    pub(super) windows: Vec<(Window, Vec<f64>)>,
    pub(super) history: Vec<Moment>,
    pub(super) seconds: f64,
    pub(super) parameters: usize,
    pub(super) notes: Vec<String>,
    pub(super) failure: Option<String>,
}

impl Solver<'_> {
    /// # Errors
    /// If the run is interrupted (a checkpoint is written first) or a file cannot be written.
    pub(super) fn solve(&self) -> Result<Solved, Error> {
        let store = Store::open(self.job.run, self.role)?;
        let mut place = Place::default();
        if self.job.resume {
            if let Some(found) = store.load()? {
                let steps = found.history.len();
                self.job.progress.say(&format!("{}: resumed at step {steps}", self.role));
                place = found;
            }
            self.job.run.trim_log(self.role, place.history.len() as u64)?;
        }
        let mut solved = Solved {
            windows: Vec::new(),
            history: Vec::new(),
            seconds: 0.0,
            parameters: 0,
            notes: Vec::new(),
            failure: None,
        };
        let mut start = self.reference.start.clone();
        let end = self.reference.duration();
        let nominal = end / self.network.windows as f64;
        let (mut w, mut begin) = (0, 0.0);
        while begin < end * (1.0 - 1e-12) && solved.failure.is_none() {
            let begun = w < place.windows.len();
            if !begun {
                place.fallen_back.push(place.fallen_back.last().copied().unwrap_or(false));
                let length = if place.length > 0.0 { place.length } else { nominal };
                // The last is not a sliver.
                let until = begin + length;
                place.ends.push(if until > end - 1e-9 * nominal { end } else { until });
            }
            let stretch = (begin, place.ends[w]);
            let mut window = self.window(self.equation, stretch, place.fallen_back[w], start.clone());
            if solved.parameters == 0 {
                solved.parameters = window.parameters();
            }
            let due = w >= place.windows.len() || (w + 1 == place.windows.len() && !place.done);
            let ended = if due { self.advance(w, &window, &mut place, &store)? } else { Ok(None) };
            match (ended, self.crossing(&window, &place.windows[w])) {
                (Ok(note), None) => solved.notes.extend(note),
                (Err(message), None) => solved.failure = Some(message),
                (_, Some(at)) => match self.network.crossing {
                    Crossing::Eulerian => {
                        solved.notes.push(format!("{}: Eulerian from t = {begin} on.", meets(&at)));
                        place.windows.truncate(w);
                        place.fallen_back[w] = true;
                        window = self.window(self.equation, stretch, true, start.clone());
                        solved.failure = self.advance(w, &window, &mut place, &store)?.err();
                    }
                    Crossing::Restart if stretch.1 - begin > nominal / SHORTEST => {
                        let length = 0.5 * (stretch.1 - begin);
                        solved.notes.push(format!(
                            "{}: labels anew from t = {begin} on, every {length:.4}.",
                            meets(&at)
                        ));
                        place.length = length;
                        place.windows.truncate(w);
                        place.fallen_back.truncate(w);
                        place.ends.truncate(w);
                        continue;
                    }
                    Crossing::Restart => {
                        let hint = "they do so in the shortest window too, take crossing = \"eulerian\"";
                        solved.failure = Some(format!("{}: {hint}", meets(&at)));
                    }
                    Crossing::Stop => {
                        let hint = "end before that time, or take crossing = \"restart\" or \"eulerian\"";
                        solved.failure = Some(format!("{}: {hint}", meets(&at)));
                    }
                },
            }
            let theta = place.windows[w].clone();
            if solved.failure.is_none() && stretch.1 < end {
                match self.next_start(&window, &theta) {
                    Ok(next) => start = next,
                    Err(message) => solved.failure = Some(message),
                }
            }
            solved.windows.push((window, theta));
            (begin, w) = (stretch.1, w + 1);
        }
        solved.history = place.history;
        solved.seconds = place.seconds;
        Ok(solved)
    }

    fn window(&self, equation: &Equation, stretch: (f64, f64), fallen: bool, start: Profile) -> Window {
        let domain = Domain {
            origin: self.reference.x[0],
            length: self.reference.length,
            start: stretch.0,
            duration: stretch.1 - stretch.0,
        };
        let frame = if fallen { Frame::Eulerian } else { self.frame };
        Window::new(self.network, frame, equation, domain, start)
    }

    /// The stage of a step.
    fn stage(&self, iteration: usize) -> usize {
        (iteration * self.stages / self.network.iterations).min(self.stages - 1)
    }

    /// The window with the equation of a stage, if that is not yet the one to be solved.
    fn staged(&self, window: &Window, stage: usize) -> Option<Window> {
        let share = (stage + 1) as f64 / self.stages as f64;
        (stage + 1 < self.stages).then(|| window.with_equation(&self.equation.weakened(share)))
    }

    /// Takes a window to its end; says how it ended, or in the error what went wrong.
    fn advance(
        &self,
        w: usize,
        window: &Window,
        place: &mut Place,
        store: &Store,
    ) -> Result<Result<Option<String>, String>, Error> {
        let c = self.network;
        let mut theta;
        let mut points: Option<Collocation> = None;
        if w < place.windows.len() {
            theta = place.windows[w].clone();
            if place.iteration > 0 {
                points = Some(window.collocation(place.points.clone()));
            }
        } else {
            theta = match place.windows.last() {
                // Windows are alike: the last one's weights are a good start.
                Some(before) if before.len() == window.parameters() => before.clone(),
                _ => window.draw(&mut stream(self.seed, "weights", 0)),
            };
            place.windows.push(theta.clone());
            (place.iteration, place.done) = (0, false);
            place.memory = Default::default();
        }
        let total = (c.windows * c.iterations) as u64;
        let bar = self.job.progress.bar(self.role, total, (w * c.iterations + place.iteration) as u64);
        let (mut stalled, mut ended) = (0, None);
        let mut stage = self.stage(place.iteration);
        let mut staged = self.staged(window, stage);
        let mut saved = Instant::now();
        while place.iteration < c.iterations {
            if self.job.interrupted.load(Ordering::Relaxed) {
                place.windows[w] = theta;
                store.save(place)?;
                return Err(Error::Interrupted);
            }
            let started = Instant::now();
            let now = self.stage(place.iteration);
            if now != stage {
                (stage, staged) = (now, self.staged(window, now));
                (points, place.memory, stalled) = (None, Default::default(), 0);
            }
            let current = staged.as_ref().unwrap_or(window);
            let drawn =
                place.iteration.is_multiple_of(c.sampling.every) && c.sampling.scheme != Sampling::Uniform;
            if points.is_none() || drawn {
                let index = ((w as u64) << 32) + place.iteration as u64;
                points = Some(current.sample(c, &theta, &mut stream(self.seed, "points", index)));
            }
            let Some(collocation) = &points else { break };
            let before = theta.clone();
            let step = c.optimiser.step(&current.on(collocation), &mut theta, &mut place.memory);
            place.seconds += started.elapsed().as_secs_f64();
            let step = match step {
                Ok(step) => step,
                Err(error) => {
                    place.windows[w] = before;
                    store.save(place)?;
                    let what = match error {
                        GaussNewtonError::NonFinite { row, value } => {
                            let [x, t] = current.point_of(collocation, row);
                            let label = if current.kinds() == 2 { "ξ" } else { "x" };
                            format!("the residual at {label} = {x:.4}, t = {t:.4} is {value}")
                        }
                        other => other.to_string(),
                    };
                    return Ok(Err(format!("in window {}, step {}: {what}", w + 1, place.iteration + 1)));
                }
            };
            place.iteration += 1;
            let rms = step.cost().sqrt();
            let final_stage = staged.is_none();
            let last = place.iteration == c.iterations || rms <= c.tolerance;
            let judged = last || place.iteration.is_multiple_of(c.iterations.div_ceil(20));
            let error = judged.then(|| self.error_in(window, &theta)).flatten();
            place.history.push(Moment { seconds: place.seconds, rms, error });
            self.log(place, rms, error)?;
            let at = (w * c.iterations + place.iteration) as u64;
            bar.at(at, &format!("residual {rms:.2e}"));
            if judged {
                let error = error.map_or("-".into(), |e| format!("{e:.2e}"));
                self.job.progress.say(&format!(
                    "{}: window {}/{}, step {}, {:.1} s, residual {rms:.2e}, error {error}",
                    self.role,
                    w + 1,
                    c.windows,
                    place.iteration,
                    place.seconds
                ));
            }
            stalled = if matches!(step, Step::Stalled { .. }) { stalled + 1 } else { 0 };
            let fixed = c.sampling.scheme == Sampling::Uniform;
            // New points may have a way down where old ones had none.
            let over = rms <= c.tolerance || (stalled > 0 && fixed) || stalled >= 3 * c.sampling.every;
            if over && final_stage {
                let how = if rms <= c.tolerance {
                    "reached the tolerance"
                } else {
                    "found no step that lowers the residual"
                };
                ended = Some(format!("Window {} {how} after {} steps.", w + 1, place.iteration));
                break;
            }
            place.points = collocation.points().to_owned();
            if judged || saved.elapsed() > SAVE_EVERY {
                place.windows[w].clone_from(&theta);
                store.save(place)?;
                saved = Instant::now();
            }
        }
        bar.finish();
        place.windows[w] = theta;
        place.done = true;
        store.save(place)?;
        Ok(Ok(ended))
    }

    /// The relative L2 error on a part of the reference inside a window, for the log alone.
    fn error_in(&self, window: &Window, theta: &[f64]) -> Option<f64> {
        let (r, d) = (self.reference, window.domain());
        let inside: Vec<usize> = (0..r.t.len())
            .filter(|i| r.t[*i] >= d.start && r.t[*i] <= d.start + d.duration * (1.0 + 1e-12))
            .collect();
        let columns: Vec<usize> = (0..r.x.len()).step_by(r.x.len().div_ceil(128)).collect();
        let xs: Vec<f64> = columns.iter().map(|i| r.x[*i]).collect();
        let (mut found, mut truth) = (Vec::new(), Vec::new());
        for i in inside.iter().step_by(inside.len().div_ceil(16).max(1)) {
            found.extend(window.values(theta, &xs, r.t[*i]).ok()?);
            truth.extend(columns.iter().map(|x| r.values[[*i, *x]]));
        }
        let [found, truth] = [found, truth].map(|v| ndarray::Array1::from(v).into_dyn());
        Some(relative_l2(found.view(), truth.view())).filter(|e| e.is_finite())
    }

    fn log(&self, place: &Place, rms: f64, error: Option<f64>) -> Result<(), Error> {
        let step = place.history.len();
        let line = |name: &str, value: f64| {
            json!({
                "step": step, "split": "train", "name": name, "value": value, "model": self.role,
            })
        };
        self.job.run.log(&line("residual_rms", rms))?;
        error.map_or(Ok(()), |e| self.job.run.log(&line("rel_l2", e)))
    }

    /// Where characteristics have crossed in a window.
    fn crossing(&self, window: &Window, theta: &[f64]) -> Option<CrossingAt> {
        let d = window.domain();
        (1..=LOOKS).find_map(|i| {
            let t = d.start + d.duration * i as f64 / LOOKS as f64;
            let c = window.characteristics(theta, t, LABELS)?;
            let worst = c.compression.iter().position(|q| q.is_nan() || *q <= 0.0)?;
            Some(CrossingAt { t, x: c.places[worst], compression: c.compression[worst] })
        })
    }

    /// The end of a window as the start of the next.
    fn next_start(&self, window: &Window, theta: &[f64]) -> Result<Profile, String> {
        let (d, n) = (window.domain(), RESTART_POINTS);
        let xs: Vec<f64> = (0..n).map(|i| d.origin + d.length * i as f64 / n as f64).collect();
        let u = window.values(theta, &xs, d.start + d.duration).map_err(|at| meets(&at))?;
        Profile::through(&u, d.origin, d.length).map_err(|e| e.to_string())
    }
}

fn meets(at: &CrossingAt) -> String {
    format!("Characteristics cross at t = {:.4}, x = {:.4} (X_ξ = {:.2e})", at.t, at.x, at.compression)
}

impl Solved {
    /// Of a method that is not this one.
    pub(super) fn elsewhere(seconds: f64, parameters: usize, failure: Option<String>) -> Self {
        Self { windows: Vec::new(), history: Vec::new(), seconds, parameters, notes: Vec::new(), failure }
    }

    /// The window of a time.
    fn at(&self, t: f64) -> Option<&(Window, Vec<f64>)> {
        self.windows.iter().find(|(w, _)| {
            let d = w.domain();
            t <= d.start + d.duration * (1.0 + 1e-12)
        })
    }

    /// `u` on the grid of the reference, `[time, x]`; not a number where the solve did not come.
    pub(super) fn field(&self, reference: &Reference) -> Array2<f64> {
        let mut field = Array2::from_elem(reference.values.dim(), f64::NAN);
        for (t, mut row) in reference.t.iter().zip(field.rows_mut()) {
            let values = self.at(*t).and_then(|(w, theta)| w.values(theta, &reference.x, *t).ok());
            if let Some(values) = values {
                row.assign(&ndarray::aview1(&values));
            }
        }
        field
    }

    /// The least `X_ξ` over the run, in the Lagrangian frame.
    pub(super) fn compression(&self, reference: &Reference) -> Option<f64> {
        let least = reference.t.iter().filter_map(|t| {
            let (w, theta) = self.at(*t)?;
            let c = w.characteristics(theta, *t, LABELS)?;
            c.compression.into_iter().reduce(f64::min)
        });
        least.reduce(f64::min)
    }

    /// Labels and places `[time, label]` of evenly spaced characteristics of the first window.
    pub(super) fn characteristics(
        &self,
        reference: &Reference,
        count: usize,
    ) -> Option<(Vec<f64>, Array2<f64>)> {
        let (window, theta) = self.windows.first()?;
        let d = window.domain();
        let times: Vec<f64> =
            reference.t.iter().copied().filter(|t| *t <= d.start + d.duration * (1.0 + 1e-12)).collect();
        let labels = window.characteristics(theta, 0.0, count)?.labels;
        let rows = times.iter().map(|t| window.characteristics(theta, *t, count).map(|c| c.places));
        let rows: Vec<f64> = rows.collect::<Option<Vec<_>>>()?.concat();
        Some((labels, Array2::from_shape_vec((times.len(), count), rows).ok()?))
    }
}
