//! Twin experiments: classical filters and learned observers follow a truth by noisy, partial observations.

mod config;
mod draw;
mod events;
mod forecast;
mod learned;
mod measure;
mod twin;

pub use config::AssimilationConfig;
pub(crate) use forecast::Forecast;

use flowmap_datasets::flow::AdjointFlow;
use flowmap_datasets::generate::DataError;
use flowmap_models::config::ModelConfig;
use flowmap_models::observer::Forecast as Inside;
use flowmap_solvers::assimilation::{Adjoint, Filter, FilterConfig};
use flowmap_solvers::issue::Issue;
use ndarray::{Array1, Array2};
use rayon::prelude::*;

use super::keep::{build, obtain, write_npz};
use super::{Findings, Job};
use crate::config::ExperimentConfig;
use crate::error::Error;
use forecast::NetworkForecast;
use learned::{Learned, Lessons, climate, learn};
use measure::{Scores, mean, measure, observed};
use twin::{Course, Scene, Trial, Truth, Twin};

/// The most bytes of estimates that are kept.
const KEPT: usize = 64_000_000;

/// A filter and how it fared in a scene, trial by trial.
struct Entry<'a> {
    name: &'a str,
    method: &'static str,
    /// What moves its estimates.
    moved: &'static str,
    courses: Vec<Course>,
    scores: Scores,
}

/// A way to see the truths, and how all fared.
struct View<'a> {
    scene: &'a Scene,
    trials: Vec<Trial<'a>>,
    entries: Vec<Entry<'a>>,
}

/// Something that estimates, moved by something.
struct Candidate<'a> {
    name: String,
    source: Source<'a>,
    inside: Inside,
}

enum Source<'a> {
    Filter(&'a FilterConfig),
    Learned(&'a Learned),
}

impl Candidate<'_> {
    fn method(&self) -> &'static str {
        match &self.source {
            Source::Filter(filter) => filter.name(),
            Source::Learned(learned) => learned.method,
        }
    }

    fn filter(&self, twin: &Twin<'_>) -> Result<Box<dyn Filter>, Error> {
        match &self.source {
            Source::Learned(learned) => {
                Ok((learned.make)(twin.config.start_deviation / twin.climate_deviation))
            }
            Source::Filter(filter) => {
                let adjoint =
                    filter.needs_adjoint().then(|| AdjointFlow::new(twin.problem, twin.recipe.solver));
                let adjoint = adjoint.flatten().map(|a| Box::new(a) as Box<dyn Adjoint>);
                filter.init(twin.climatology.as_ref(), adjoint).ok_or_else(|| {
                    let path = format!("assimilation.filters.{}", self.name);
                    let issue = Issue::new(path, format!("'{}' differentiates the equations", filter.name()));
                    DataError::Config(issue.hint(
                        "take a system of ordinary equations and an explicit method of a fixed step, or another filter",
                    ))
                    .into()
                })
            }
        }
    }
}

/// Makes truths and observations, learns what is to be learned, lets every filter follow every truth, averages, draws.
///
/// # Errors
/// If the configuration does not fit, the truth or the climate diverges, a training fails, the user interrupts, or a file
/// cannot be read or written.
pub fn assimilation(
    config: &ExperimentConfig,
    assimilation: &AssimilationConfig,
    job: &Job<'_>,
) -> Result<Findings, Error> {
    let mut findings = Findings::default();
    let problem = build(config)?;
    let Some(recipe) = config.recipe() else {
        let issue = Issue::new("problem", "a twin experiment needs equations")
            .hint("give [problem.NAME] and [solver.NAME]");
        return Err(DataError::Config(issue).into());
    };
    let observer = match &config.model {
        Some(ModelConfig::Observer(observer)) => Some(observer),
        _ => None,
    };
    let data = match observer {
        Some(_) => match obtain(config, job, &mut findings)? {
            Some(data) => Some(data),
            None => return Ok(findings),
        },
        None => None,
    };
    let twin = Twin::new(recipe, &problem, assimilation, data.as_ref().map(climate), job.interrupted)?;
    let scenes = twin.scenes();
    job.progress.say(&format!(
        "climate measured: deviation {:.3}; observations have deviation {:.3}",
        twin.climate_deviation,
        scenes.first().map_or(0.0, |s| s.deviation)
    ));
    let lessons = match (observer, &data) {
        (Some(observer), Some(data)) => Some(learn(config, observer, &twin, data, job, &mut findings)?),
        _ => None,
    };
    let truths = match &assimilation.file {
        Some(_) => vec![twin.untold()?],
        None => (0..config.data.test).into_par_iter().map(|i| twin.truth(i)).collect::<Result<_, _>>()?,
    };
    let candidates = candidates(assimilation, lessons.as_ref());
    let mut views = Vec::new();
    for scene in &scenes {
        let trials = trials(&twin, scene, &truths)?;
        let courses = follow_all(&twin, scene, &candidates, &trials, lessons.as_ref(), job)?;
        let entries = candidates.iter().zip(courses).map(|(candidate, courses)| Entry {
            name: &candidate.name,
            method: candidate.method(),
            moved: match candidate.inside {
                Inside::Solver => "solver",
                Inside::Network => "network",
            },
            scores: Scores::of(&courses, &trials, assimilation.discard),
            courses,
        });
        views.push(View { scene, entries: entries.collect(), trials });
    }
    measure(&twin, &views, &mut findings);
    draw::figures(config, &twin, &views, job.run, &mut findings)?;
    keep(&views, job, &mut findings)?;
    Ok(findings)
}

/// The classical filters around the solver, around the network where there is one, and what was learned.
fn candidates<'a>(config: &'a AssimilationConfig, lessons: Option<&'a Lessons>) -> Vec<Candidate<'a>> {
    let mut candidates = Vec::new();
    let learned = |inside| lessons.into_iter().flat_map(|l| &l.observers).filter(move |o| o.inside == inside);
    for inside in [Inside::Solver, Inside::Network] {
        let network = inside == Inside::Network;
        candidates.extend(learned(inside).map(|l| Candidate {
            name: l.name.clone(),
            source: Source::Learned(l),
            inside,
        }));
        if network && lessons.is_none_or(|l| l.network.is_none()) {
            continue;
        }
        let filters = config.filters.iter().filter(|(_, f)| !(network && f.needs_adjoint()));
        candidates.extend(filters.map(|(name, filter)| Candidate {
            name: if network { format!("{name}_network") } else { name.clone() },
            source: Source::Filter(filter),
            inside,
        }));
    }
    candidates
}

/// What is seen of all truths in a scene.
fn trials<'a>(twin: &Twin<'_>, scene: &Scene, truths: &'a [Truth]) -> Result<Vec<Trial<'a>>, Error> {
    let Some(file) = &scene.config.file else {
        return Ok(truths.iter().map(|t| twin.trial(t, scene)).collect());
    };
    let size = twin.problem.state_shape().iter().product();
    let events = events::read(&file.path, scene.deviation, size)
        .map_err(|what| Error::from(DataError::Config(Issue::new("assimilation.file.path", what))))?;
    Ok(truths.iter().map(|truth| Trial { truth, events: events.clone() }).collect())
}

/// The courses of every candidate in every trial.
fn follow_all(
    twin: &Twin<'_>,
    scene: &Scene,
    candidates: &[Candidate<'_>],
    trials: &[Trial<'_>],
    lessons: Option<&Lessons>,
    job: &Job<'_>,
) -> Result<Vec<Vec<Course>>, Error> {
    let say = |name: &str, trial: &Trial<'_>, course: &Course| {
        let (what, value) = match trial.truth.states.is_empty() {
            true => ("innovation", mean(&course.innovation)),
            false => ("rmse", mean(&observed(&course.estimate, trial, twin.config.discard))),
        };
        job.progress.say(&format!(
            "{name}{}, trial {}: {what} {value:.4}",
            scene.suffix,
            trial.truth.index + 1
        ));
    };
    // Every classical filter in every trial is a task of its own; networks are as parallel as their device.
    let classical: Vec<_> = candidates
        .iter()
        .enumerate()
        .filter_map(|(i, c)| match (&c.source, c.inside) {
            (Source::Filter(filter), Inside::Solver) => Some((i, c.name.as_str(), *filter)),
            _ => None,
        })
        .flat_map(|task| trials.iter().map(move |t| (task, t)))
        .collect();
    let done = classical
        .into_par_iter()
        .map(|((i, name, filter), trial)| {
            let candidate =
                Candidate { name: name.to_owned(), source: Source::Filter(filter), inside: Inside::Solver };
            let course = twin.follow(name, &mut *candidate.filter(twin)?, &mut twin.flow()?, trial)?;
            say(name, trial, &course);
            Ok((i, course))
        })
        .collect::<Result<Vec<_>, Error>>()?;
    let mut courses: Vec<Vec<Course>> = candidates.iter().map(|_| Vec::new()).collect();
    done.into_iter().for_each(|(i, course)| courses[i].push(course));
    for (candidate, courses) in candidates.iter().zip(&mut courses).filter(|(_, c)| c.is_empty()) {
        for trial in trials {
            let mut forecast: Box<dyn Forecast + '_> = match (candidate.inside, lessons) {
                (Inside::Network, Some(Lessons { network: Some(model), spec, .. })) => {
                    Box::new(NetworkForecast { model, spec, device: job.device })
                }
                _ => Box::new(twin.flow()?),
            };
            let course =
                twin.follow(&candidate.name, &mut *candidate.filter(twin)?, &mut *forecast, trial)?;
            say(&candidate.name, trial, &course);
            courses.push(course);
        }
    }
    Ok(courses)
}

/// The first trial of every scene as arrays, and the errors of all.
fn keep(views: &[View<'_>], job: &Job<'_>, findings: &mut Findings) -> Result<(), Error> {
    let rows = |states: &[Vec<f64>]| {
        let columns = states.first().map_or(0, Vec::len);
        Array2::from_shape_vec((states.len(), columns), states.concat()).unwrap_or_default()
    };
    let Some(first) = views.first() else { return Ok(()) };
    let truth = first.trials[0].truth;
    let size = first.entries.iter().find_map(|e| e.courses[0].states.first()).map_or(0, Vec::len);
    let cycles = first.trials[0].events.len();
    let estimates = 8 * size * cycles * first.entries.len() * views.len() <= KEPT;
    if !estimates {
        findings
            .notes
            .push("The estimates are too large to be kept: predictions.npz holds their errors.".into());
    }
    write_npz(job.run, |archive| {
        let times: Array1<f64> = first.trials[0].events.iter().map(|e| e.time).collect();
        archive.add_array("times", &times)?;
        archive.add_array("truth", &rows(&truth.states))?;
        for view in views {
            let suffix = &view.scene.suffix;
            if estimates {
                archive.add_array(format!("observations{suffix}"), &rows(&seen(&view.trials[0], size)))?;
            }
            for entry in &view.entries {
                let name = entry.name;
                if estimates {
                    archive.add_array(format!("estimate_{name}{suffix}"), &rows(&entry.courses[0].states))?;
                }
                let errors: Vec<Array1<f64>> =
                    entry.courses.iter().map(|c| Array1::from(padded(&c.estimate, cycles))).collect();
                let views: Vec<_> = errors.iter().map(|e| e.view()).collect();
                let stacked = ndarray::stack(ndarray::Axis(0), &views).unwrap_or_default();
                archive.add_array(format!("rmse_{name}{suffix}"), &stacked)?;
            }
        }
        Ok(())
    })
}

/// What is seen in every cycle at the entries that it tells of, not a number where nothing is.
fn seen(trial: &Trial<'_>, size: usize) -> Vec<Vec<f64>> {
    let of = |event: &events::Event| {
        let mut row = vec![f64::NAN; size];
        let Some(sight) = &event.seen else { return row };
        let entries = sight.operator.entries(size).unwrap_or_else(|| {
            (0..sight.values.len()).map(|i| sight.operator.place(i, size).round() as usize).collect()
        });
        entries.iter().zip(&sight.values).filter(|(i, _)| **i < size).for_each(|(i, v)| row[*i] = *v);
        row
    };
    trial.events.iter().map(of).collect()
}

/// A series, with nothing where it ended early.
fn padded(series: &[f64], length: usize) -> Vec<f64> {
    (0..length).map(|k| series.get(k).copied().unwrap_or(f64::NAN)).collect()
}
