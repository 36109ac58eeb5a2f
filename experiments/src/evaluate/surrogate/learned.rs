//! What is learned in a comparison of surrogates: the model and its learned rivals.

use std::cell::RefCell;
use std::time::Instant;

use burn::optim::GradientsParams;
use burn::tensor::{Device, Tensor, TensorData};
use flowmap_datasets::dataset::Dataset;
use flowmap_datasets::flow::Flow;
use flowmap_datasets::generate::DataError;
use flowmap_datasets::problem::Problem;
use flowmap_datasets::rng::stream;
use flowmap_models::config::ModelConfig;
use flowmap_models::emulator::{Emulator, FieldSpec};
use flowmap_models::grid::{GridNetworkConfig, GridSurrogate};
use flowmap_models::semilinear_operator::{LinearPart, SemilinearOperator, SemilinearOperatorConfig};
use flowmap_solvers::issue::Issue;
use ndarray::{ArrayD, Axis};
use rand::Rng;

use super::misalignment::{Misalignment, misalignment};
use super::{Entry, field_spec, single_steps};
use crate::config::ExperimentConfig;
use crate::error::Error;
use crate::evaluate::{Baseline, Job, seeded};
use crate::metric::by_lead_time;
use crate::train::{FieldObjective, Fit, Objective, Trained, begun, keep_scale};

/// Modes of a Fourier layer on two axes, where it is a rival: those of Z. Li et al., ICLR 2021.
const PLANE_MODES: usize = 12;

/// The times that a step is measured; the fastest counts.
const MEASURED: usize = 3;

/// A model of fields.
pub(super) enum Learned {
    Operator(SemilinearOperatorConfig),
    Grid(GridNetworkConfig),
}

/// What all that learn share.
pub(super) struct Task<'a> {
    pub(super) config: &'a ExperimentConfig,
    pub(super) problem: &'a Problem,
    pub(super) data: &'a Dataset,
    /// The test trajectories, and what of them is predicted.
    pub(super) tested: &'a ArrayD<f64>,
    pub(super) truth: &'a ArrayD<f64>,
    pub(super) job: &'a Job<'a>,
    pub(super) specs: RefCell<Vec<(LinearPart, FieldSpec)>>,
}

/// What a model costs.
#[derive(Clone, Copy)]
pub(super) struct Cost {
    pub(super) params: usize,
    /// Multiplications of one sample's forward pass, where they are counted.
    pub(super) macs: Option<usize>,
    /// Milliseconds of a step of a batch, and of its gradient.
    pub(super) forward_ms: f64,
    pub(super) backward_ms: f64,
    /// Seconds of the training.
    pub(super) seconds: f64,
}

/// What has been learned: how it does, what it costs, and how its features move.
pub(super) struct Entered {
    pub(super) entry: Entry,
    pub(super) cost: Cost,
    pub(super) misalignment: Option<Misalignment>,
    /// Whether the scale that its first weights belong to is known.
    pub(super) known: bool,
}

impl Learned {
    pub(super) fn of(model: &ModelConfig) -> Result<Self, Error> {
        if let ModelConfig::SemilinearOperator(operator) = model {
            return Ok(Self::Operator(operator.clone()));
        }
        model.grid().map(Self::Grid).ok_or_else(|| {
            let issue = Issue::new(format!("model.{}", model.name()), "this model does not learn fields");
            DataError::Config(issue).into()
        })
    }

    /// The rival that a baseline is, with the model's number of parameters; none for what is not learned.
    pub(super) fn rival(
        &self,
        baseline: Baseline,
        params: usize,
        task: &Task<'_>,
    ) -> Result<Option<Self>, Error> {
        let plain =
            |c: &SemilinearOperatorConfig| SemilinearOperatorConfig { linear: LinearPart::None, ..c.clone() };
        if baseline == Baseline::Fno {
            return Ok(match self {
                // The same network without the linear part.
                Self::Operator(c) => (c.linear == LinearPart::Exact).then(|| Self::Operator(plain(c))),
                Self::Grid(_) => {
                    let spec = task.spec(LinearPart::None)?;
                    let mut c = plain(&SemilinearOperatorConfig::default());
                    if spec.shape.len() == 2 {
                        c.modes = PLANE_MODES;
                    }
                    Some(Self::Operator(c.fitted(params, &spec, task.job.device)))
                }
            });
        }
        let Some(grid) = baseline.fields().and_then(|m| m.grid()) else { return Ok(None) };
        Ok(Some(Self::Grid(grid.fitted(params, &task.spec(LinearPart::None)?))))
    }

    /// What figures call it.
    fn label(&self) -> &'static str {
        match self {
            Self::Operator(c) if c.linear == LinearPart::Exact => "semilinear operator",
            Self::Operator(_) => "FNO, no linear part",
            Self::Grid(GridNetworkConfig::ConvNet(_)) => "convolutions",
            Self::Grid(GridNetworkConfig::ResidualNet(_)) => "ResNet",
            Self::Grid(GridNetworkConfig::DilatedResnet(_)) => "dilated ResNet",
            Self::Grid(GridNetworkConfig::UNet(_)) => "U-Net",
            Self::Grid(GridNetworkConfig::StridedUNet(_)) => "U-Net, strided",
            Self::Grid(GridNetworkConfig::ModernUNet(_)) => "U-Net-Mod",
            Self::Grid(GridNetworkConfig::FourierOperator(_)) => "FNO",
            Self::Grid(GridNetworkConfig::FactorisedOperator(_)) => "F-FNO",
            Self::Grid(GridNetworkConfig::Sinenet(_)) => "SineNet",
        }
    }

    /// Trains and rolls out; gives the entry and what it costs.
    pub(super) fn enter(&self, role: &str, task: &Task<'_>) -> Result<Entered, Error> {
        let mut train = task.config.train.clone().unwrap_or_default();
        // Rivals begin with weights of their own.
        train.start = train.start.filter(|_| role == "model");
        let fitting = Fit::new(role, &train, task.job);
        match self {
            Self::Operator(c) => {
                let spec = task.spec(c.linear)?;
                self.learn(role, &fitting, None, task, &spec, |spec, device| c.init(spec, device))
            }
            Self::Grid(c) => {
                let spec = task.spec(LinearPart::None)?;
                let cost = c.cost_on(&spec);
                c.within_budget(cost).map_err(|(key, least)| {
                    let what = format!("the smallest such network takes {least}");
                    let issue = Issue::new(format!("model.sinenet.budget.{key}"), what);
                    DataError::Config(issue.hint("give more, or fewer waves or levels"))
                })?;
                let macs = Some(cost.macs);
                self.learn(role, &fitting, macs, task, &spec, |spec, device| {
                    GridSurrogate::init(c, spec, device)
                })
            }
        }
    }
}

impl Learned {
    fn learn<M: Emulator>(
        &self,
        role: &str,
        fitting: &Fit<'_>,
        macs: Option<usize>,
        task: &Task<'_>,
        spec: &FieldSpec,
        draw: impl Fn(&FieldSpec, &Device) -> M,
    ) -> Result<Entered, Error>
    where
        for<'a> FieldObjective<'a>: Objective<M>,
    {
        let device = task.job.device;
        let [forward_ms, backward_ms] =
            speed(&drawn(task.config, device, |device| draw(spec, device))?, task)?;
        let resumed = if fitting.resume { begun(fitting.run, role, spec) } else { None };
        let start = fitting.config.start.as_ref().filter(|_| resumed.is_none());
        let (told, known) = match (&resumed, start) {
            (Some(told), _) => (told.clone(), true),
            (None, Some(start)) => start.scaled(spec)?,
            (None, None) => (spec.clone(), true),
        };
        let mut model = drawn(task.config, device, |device| draw(&told, device))?;
        if let Some(start) = start {
            let keys = match self {
                Self::Grid(c) => c.pytorch_keys(),
                Self::Operator(_) => None,
            };
            model = start.taken_up(model, keys)?;
        }
        keep_scale(fitting.run, role, &told)?;
        let trained = train(fitting, task.problem, task.data, task.config, device, model)?;
        let params = trained.model.num_params();
        let cost = Cost { params, macs, forward_ms, backward_ms, seconds: trained.seconds };
        let misalignment =
            (role == "model").then(|| misalignment(&trained.model, task, &spec.edges)).flatten();
        Ok(Entered { entry: entry(role, self.label(), &trained, task), cost, misalignment, known })
    }
}

/// Milliseconds of one step of a batch of the training data, and of its gradient.
fn speed<M: Emulator>(model: &M, task: &Task<'_>) -> Result<[f64; 2], Error> {
    let (data, history) = (task.data, model.history());
    let batch = task.config.train.as_ref().map_or(1, |t| t.batch);
    let windows = data.windows(&data.split.train, history);
    let mut values: Vec<f32> = Vec::new();
    for (t, s) in windows.iter().cycle().take(batch) {
        let frames = data.frames(*t, *s, history).map_err(DataError::File)?;
        values.extend(frames.iter().map(|v| *v as f32));
    }
    let points: usize = data.values.shape()[3..].iter().product();
    let shape = [batch, values.len() / (batch * points).max(1), points];
    let start = Tensor::<3>::from_data(TensorData::new(values, shape), &task.job.device.clone().autodiff());
    let mut fastest = [f64::INFINITY; 2];
    for _ in 0..MEASURED {
        let started = Instant::now();
        let Some(state) = model.rollout(start.clone(), 1).pop() else { break };
        let loss = state.powi_scalar(2).mean();
        let _ = loss.clone().into_scalar::<f64>();
        let forward = started.elapsed();
        let gradients = GradientsParams::from_grads(loss.backward(), model);
        // Gradients of a device that computes later.
        let _ = gradients.len();
        let _ = task.job.device.sync();
        let all = started.elapsed();
        for (least, took) in fastest.iter_mut().zip([forward, all - forward]) {
            *least = least.min(1e3 * took.as_secs_f64());
        }
    }
    Ok(fastest)
}

impl Task<'_> {
    /// What a model is told; all that trains is read for it once.
    fn spec(&self, linear: LinearPart) -> Result<FieldSpec, Error> {
        let found = self.specs.borrow().iter().find(|(of, _)| *of == linear).map(|(_, spec)| spec.clone());
        if let Some(spec) = found {
            return Ok(spec);
        }
        let (dt, history) = (self.config.data.dt, self.config.data.history);
        let bundle = self.config.train.as_ref().map_or(1, |t| t.bundle);
        let spec = FieldSpec { bundle, ..field_spec(self.problem, self.data, dt, history, linear)? };
        self.specs.borrow_mut().push((linear, spec.clone()));
        Ok(spec)
    }
}

fn entry<M: Emulator>(role: &str, label: &str, trained: &Trained<M>, task: &Task<'_>) -> Entry {
    let device = task.job.device;
    let rolled = crate::train::rollout(&trained.model, task.tested, device);
    let given = trained.model.history() - 1;
    let prediction = rolled.slice_axis(Axis(1), (given..).into()).to_owned();
    Entry {
        name: role.to_owned(),
        label: label.to_owned(),
        errors: by_lead_time(prediction.view(), task.truth.view()),
        single: Some(single_steps(&trained.model, task.tested, device)),
        prediction,
        learned: true,
    }
}

/// Draws the weights of an operator from their own stream and trains.
pub(in crate::evaluate) fn fit(
    training: &Fit<'_>,
    operator: &SemilinearOperatorConfig,
    problem: &Problem,
    data: &Dataset,
    config: &ExperimentConfig,
    device: &Device,
) -> Result<Trained<SemilinearOperator>, Error> {
    let spec = field_spec(problem, data, config.data.dt, 1, operator.linear)?;
    let model = drawn(config, device, |device| operator.init(&spec, device))?;
    train(training, problem, data, config, device, model)
}

fn train<M: Emulator>(
    training: &Fit<'_>,
    problem: &Problem,
    data: &Dataset,
    config: &ExperimentConfig,
    device: &Device,
    model: M,
) -> Result<Trained<M>, Error>
where
    for<'a> FieldObjective<'a>: Objective<M>,
{
    let mut objective = FieldObjective::new(data, training.config, model.history(), config.seed, device);
    if let (true, Some(solver)) = (training.config.diverted_chain, &config.solver) {
        let flow = Flow::new(problem, solver).map_err(DataError::Config)?;
        objective = objective.diverted(flow, config.data.dt);
    }
    training.train(model, &mut objective)
}

/// A model before its training, on an autodiff device; all of a comparison start from the same stream.
fn drawn<M: Emulator>(
    config: &ExperimentConfig,
    device: &Device,
    draw: impl Fn(&Device) -> M,
) -> Result<M, Error> {
    let tracked = device.clone().autodiff();
    let seed = stream(config.seed, "weights", 0).next_u64();
    seeded(&tracked, seed, || Ok::<_, Error>(draw(&tracked)))
}
