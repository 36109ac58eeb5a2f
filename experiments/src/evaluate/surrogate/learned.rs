//! What is learned in a comparison of surrogates: the model and its learned rivals.

use burn::tensor::Device;
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
use ndarray::ArrayD;
use rand::Rng;

use super::{Entry, field_spec, one_step};
use crate::config::ExperimentConfig;
use crate::error::Error;
use crate::evaluate::{Baseline, Job, seeded};
use crate::metric::by_lead_time;
use crate::train::{FieldObjective, Fit, Objective, Trained};

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
    pub(super) truth: &'a ArrayD<f64>,
    pub(super) job: &'a Job<'a>,
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
                    let c = plain(&SemilinearOperatorConfig::default());
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
            Self::Grid(GridNetworkConfig::FourierOperator(_)) => "FNO",
            Self::Grid(GridNetworkConfig::Sinenet(_)) => "SineNet",
        }
    }

    /// Trains and rolls out; gives the entry, the seconds of the training and the number of parameters.
    pub(super) fn enter(&self, role: &str, task: &Task<'_>) -> Result<(Entry, f64, usize), Error> {
        let train = task.config.train.clone().unwrap_or_default();
        let fitting = Fit::new(role, &train, task.job);
        match self {
            Self::Operator(c) => {
                let trained = fit(&fitting, c, task.problem, task.data, task.config, task.job.device)?;
                Ok(entry(role, self.label(), &trained, task))
            }
            Self::Grid(c) => {
                let spec = task.spec(LinearPart::None)?;
                let draw = |device: &Device| GridSurrogate::init(c, &spec, device);
                let trained =
                    train_drawn(&fitting, task.problem, task.data, task.config, task.job.device, draw)?;
                Ok(entry(role, self.label(), &trained, task))
            }
        }
    }
}

impl Task<'_> {
    fn spec(&self, linear: LinearPart) -> Result<FieldSpec, Error> {
        field_spec(self.problem, self.data, self.config.data.dt, linear)
    }
}

fn entry<M: Emulator>(role: &str, label: &str, trained: &Trained<M>, task: &Task<'_>) -> (Entry, f64, usize) {
    let device = task.job.device;
    let prediction = crate::train::rollout(&trained.model, task.truth, device);
    let entry = Entry {
        name: role.to_owned(),
        label: label.to_owned(),
        errors: by_lead_time(prediction.view(), task.truth.view()),
        one_step: Some(one_step(&trained.model, task.truth, device)),
        prediction,
        learned: true,
    };
    (entry, trained.seconds, trained.model.num_params())
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
    let spec = field_spec(problem, data, config.data.dt, operator.linear)?;
    train_drawn(training, problem, data, config, device, |device| operator.init(&spec, device))
}

fn train_drawn<M: Emulator>(
    training: &Fit<'_>,
    problem: &Problem,
    data: &Dataset,
    config: &ExperimentConfig,
    device: &Device,
    draw: impl FnOnce(&Device) -> M,
) -> Result<Trained<M>, Error>
where
    for<'a> FieldObjective<'a>: Objective<M>,
{
    let tracked = device.clone().autodiff();
    // All models of a comparison start from the same stream.
    let drawn =
        seeded(&tracked, stream(config.seed, "weights", 0).next_u64(), || Ok::<_, Error>(draw(&tracked)));
    let mut objective = FieldObjective::new(data, training.config, config.seed, device);
    if let (true, Some(solver)) = (training.config.diverted_chain, &config.solver) {
        let flow = Flow::new(problem, solver).map_err(DataError::Config)?;
        objective = objective.diverted(flow, config.data.dt);
    }
    training.train(drawn?, &mut objective)
}
