//! Measures of predictions: pure functions of arrays.

mod correlation;
mod correlation_dimension;
mod crps;
mod displacement;
mod exponent_from_series;
mod frmse;
#[cfg(test)]
mod golden;
mod hellinger;
mod mean_discrepancy;
mod nrmse;
mod prediction_error;
mod quantile;
mod relative_l2;
mod return_map;
mod spectrum;
mod state_space_divergence;
mod valid_prediction_time;
mod valid_time;
mod wasserstein;

pub use correlation::{CORRELATION_THRESHOLD, correlation, correlation_times};
pub use correlation_dimension::{CorrelationDimension, correlation_dimension};
pub use crps::crps;
pub use displacement::displacement;
pub use exponent_from_series::{NeighbourDivergence, exponent_from_series};
pub use frmse::frmse;
pub use hellinger::{hellinger_distance, power_spectra};
pub use mean_discrepancy::mean_discrepancy;
pub use nrmse::{nrmse, vrmse};
pub use prediction_error::prediction_errors;
pub use quantile::quantile;
pub use relative_l2::{by_lead_time, relative_l2, scaled_l2};
pub use return_map::{Maximum, maxima, return_map};
pub use spectrum::mean_spectrum;
pub use state_space_divergence::{binned_divergence, mixture_divergence, state_space_divergence};
pub use valid_prediction_time::{VALID_THRESHOLD, ValidPredictions, even_starts, valid_prediction_time};
pub use valid_time::valid_time;
pub use wasserstein::{sliced_wasserstein_2, wasserstein_2};

/// Every metric of `summary.json`: its name, and what it is.
pub const METRICS: &[(&str, &str)] = &[
    (
        "rel_l2",
        "relative L2 error against the exact solution: of a simulation at its last sample, of a network that is the solution over all places and times",
    ),
    ("rel_l2_end", "relative L2 error of a network that is the solution, at the last time"),
    ("rel_l2_<role>", "rel_l2 of another network: pinn, in the Eulerian frame; c<speed>, at that speed"),
    ("max_error", "largest error of a network that is the solution"),
    (
        "residual_rms",
        "root mean square of the equation's residual at the last step, on the points of that step",
    ),
    ("mae", "mean absolute error of a network that moves, at the last time; mae_mean over all times"),
    (
        "mean_sq_error",
        "mean of the squared error of the velocity of a flow by a network, at the last time; mean_sq_error_mean over all times",
    ),
    ("energy_drift, enstrophy_drift", "largest relative change of what a flow conserves"),
    ("error", "mean distance of the displacements of a block by a network to the reference"),
    (
        "energy",
        "mean energy density of a deformed block; energy_reference of the reference, energy_reference_half of half as many elements",
    ),
    (
        "energy_gain",
        "the most that the energy of a falling block, by the volume, rises in a step; the method only takes",
    ),
    ("reference_gradient", "root mean square of the energy's gradient where a reference was found"),
    ("divergence_rms", "root mean square of the divergence of a velocity at the end"),
    (
        "reference_error",
        "mean distance of the reference's displacements to those of half as many elements, or to exact ones",
    ),
    ("start_rms", "root mean square that is left of the start to which a network was fitted"),
    ("regressions", "regressions of a march in time"),
    ("min_compression", "least X_ξ of a Lagrangian solution: characteristics cross where it is zero"),
    ("iterations", "steps of the optimiser that found a solution"),
    ("order", "order of a simulation's method, from the errors of two halvings of its step"),
    ("strong_error", "root mean square error of stochastic paths at their end against the exact ones"),
    (
        "weak_error_mean_<variable>",
        "error of the mean over stochastic paths at their end against the exact mean",
    ),
    ("weak_error_variance_<variable>", "error of their variance against the exact variance"),
    (
        "reference_rel_l2",
        "relative L2 difference of the data to the same with half the step, the largest of four trajectories",
    ),
    ("<invariant>_drift", "largest relative deviation of a conserved quantity from its start"),
    ("one_step_rel_l2", "relative L2 error of one step, the mean over all windows of the test trajectories"),
    ("rollout_rel_l2", "relative L2 error at the last lead time, the mean over the test trajectories"),
    (
        "rollout_rel_l2_median",
        "relative L2 error at the last lead time, the median over the test trajectories",
    ),
    (
        "one_step_scaled_l2, rollout_scaled_l2",
        "relative L2 error over space of one step, and of rollouts, the mean over test trajectories, lead times and channels, each by itself: what SineNet's authors report",
    ),
    (
        "<metric>_unet, <metric>_resnet, <metric>_fno",
        "a metric of the U-Net, the dilated residual network, the Fourier neural operator beside a network on a grid",
    ),
    (
        "misalignment_wave, misalignment_fields",
        "mean length, in points, by which features move in a wave of a SineNet, the mean over its waves, and the fields themselves in a step",
    ),
    (
        "innovations_<metric>",
        "a metric of a free run with innovations that are drawn again from those along the training series; innovations_gain is the share by which a sample corrects the state",
    ),
    ("macs", "multiplications of one sample's forward pass of a network on a grid"),
    (
        "forward_ms, backward_ms",
        "milliseconds of one step of a batch before the training, and of its gradient",
    ),
    (
        "gmean_nrmse",
        "geometric mean over the first 100 lead times of the relative L2 error, the mean over the test trajectories",
    ),
    (
        "nrmse",
        "root mean square error over root mean square of every sample, time and channel, the mean over all of a rollout: SineNet's scaled L2, PDEBench's nRMSE",
    ),
    ("vrmse", "the same over the standard deviation in space: that of The Well"),
    (
        "frmse_low, frmse_mid, frmse_high",
        "root mean square error of the Fourier coefficients of a rollout in the shells below 4, below 12, and from 12 on: PDEBench's fRMSE",
    ),
    (
        "correlation_time",
        "lead time at which Pearson's correlation with the truth is first below 0.8, the mean over the test trajectories",
    ),
    (
        "valid_time",
        "lead time at which the relative L2 error passes the threshold, the mean over the test trajectories",
    ),
    (
        "valid_lyapunov_times",
        "Lyapunov times for which a prediction is valid: of fields valid_time with evaluate.threshold, times the published exponent; of series up to a root mean square error of 0.4 standard deviations, times the known exponent, or else series_lyapunov_max",
    ),
    (
        "spectrum_error",
        "mean absolute difference of the logarithms of the energy spectra at the last lead time",
    ),
    (
        "d_stsp",
        "divergence, in nats, of the generated trajectory's distribution in state space from the true one's",
    ),
    (
        "d_hellinger",
        "Hellinger distance of the generated power spectrum from the true one, the mean over the channels",
    ),
    ("pe_<n>", "mean squared error of predictions n steps ahead, from every sample of the test series"),
    ("lyapunov_max", "largest Lyapunov exponent, per unit of time"),
    ("kaplan_yorke", "Kaplan-Yorke dimension, from the Lyapunov spectrum"),
    ("correlation_dimension", "correlation dimension of the generated trajectory"),
    (
        "truth_lyapunov_max",
        "largest Lyapunov exponent of the system behind the data, published, or measured from its equations",
    ),
    ("series_lyapunov_max", "largest Lyapunov exponent, estimated from the test series alone"),
    ("truth_correlation_dimension", "correlation dimension of the test series"),
    ("floor_d_stsp", "d_stsp of the test series' second half against its first: what no model need beat"),
    ("floor_d_hellinger", "d_hellinger of the test series' second half against its first"),
    ("fixed_points", "fixed points of a learned piecewise-linear map"),
    ("baseline_<name>_<metric>", "a metric of a baseline: of the same name as the model's"),
    ("baseline_<name>_rollout_rel_l2", "rollout_rel_l2 of a baseline of fields"),
    ("baseline_persistence_rel_l2", "rollout_rel_l2 of the start, unchanged"),
    ("improvement_over_fno", "rollout_rel_l2 of the baseline fno, over the model's"),
    (
        "trajectory_rel_l2",
        "relative L2 error of whole test trajectories from their starts, the mean over them",
    ),
    (
        "trajectory_rel_l2_median",
        "relative L2 error of whole test trajectories from their starts, the median over them",
    ),
    ("field_rel_l2", "relative L2 error of a learned vector field on the states of the test trajectories"),
    ("horizon_rel_l2", "relative L2 error of a free run to evaluate.horizon"),
    (
        "energy_drift",
        "of a model of dynamics: largest deviation of the true energy (of another problem, its own invariant) along a free run to evaluate.horizon from its start, over the energy there above that of the state zero",
    ),
    (
        "coefficient_error",
        "largest relative error of a coefficient of the terms read out of a universal differential equation and fitted to the trajectories; one if a term was missed",
    ),
    ("readout_coefficient_error", "coefficient_error before the terms are fitted to the trajectories"),
    ("terms_missed", "true terms that were not read out"),
    ("terms_spurious", "terms that were read out and are not true"),
    (
        "seen_rel_l2",
        "relative L2 error of a latent differential equation on the stretch whose samples it saw some of",
    ),
    (
        "extrapolation_rel_l2",
        "relative L2 error of a latent differential equation after the stretch that it saw",
    ),
    (
        "rmse_a_<filter>",
        "root mean square error of a filter's analysis, the mean over observed cycles and trials; metrics of filters end on _<scene> where there are scenes, and names of filters on _network or _solver where that moves the estimates",
    ),
    (
        "rmse_f_<filter>",
        "root mean square error of a filter's forecast, the mean over observed cycles and trials",
    ),
    ("rel_l2_<filter>", "error of a filter's estimate over all cycles, relative to the size of the truth"),
    ("rel_l2_f_<filter>", "the same of the forecasts, before something is seen"),
    (
        "innovation_<filter>",
        "root mean square of a filter's innovations in units of the noise: about one where nothing more can be learned",
    ),
    ("learned_step_us", "microseconds of one step of a learned forecast of one state"),
    ("solver_step_us", "microseconds of the solver over the same time"),
    (
        "valid_time_<filter>",
        "time for which forecasts from estimates stay within 0.4 of the climate's deviation (assimilation.forecasts), the mean over trials, for as many cycles as a trial has and 1000 at most; valid_lyapunov_times_<filter>, times the published exponent",
    ),
    (
        "<invariant>_drift_<filter>",
        "largest absolute deviation of a conserved quantity of the estimates from the truth's",
    ),
    (
        "spread_<filter>",
        "root mean square deviation of a filter's members from their mean, after the analysis",
    ),
    ("crps_<filter>", "continuous ranked probability score of a filter's members"),
    ("ms_per_cycle_<filter>", "milliseconds of a cycle of a filter, its forecasts included"),
    (
        "gradient_error_<method>_<field>",
        "relative error of the gradient of a solve, against keeping all stages of the same solve",
    ),
    (
        "peak_mb_<method>_<steps>",
        "memory of the states, stages and times kept for a gradient, in MB (10⁶ bytes)",
    ),
    ("gradient_s_<method>_<steps>", "seconds of a solve and its gradient"),
    ("accuracy", "share of the test series whose class is told"),
    ("accuracy_dropped", "accuracy where each test series has lost the share data.dropped of its samples"),
    (
        "w2",
        "Wasserstein-2 distance of sampled points to those of the true density, exact, the mean over clouds",
    ),
    (
        "sliced_w2",
        "the root mean square of the Wasserstein-2 distances of their projections on 64 directions",
    ),
    (
        "mmd",
        "squared maximum mean discrepancy of samples to the truth, unbiased, so zero in the mean where the laws are the same; of paths, each path one point",
    ),
    (
        "outliers",
        "share of the samples where the true density is below that of all but 0.5 % of its own points",
    ),
    (
        "<metric>_floor",
        "a distance of the truth's own samples to other samples of it: what no model need beat",
    ),
    (
        "<metric>_<n>_steps",
        "a distance of the points that n Euler steps of a rectified flow make; before it was straightened: _before",
    ),
    ("w2_ratio", "w2 of one Euler step of a rectified flow over that of 100"),
    ("straightness", "mean squared deviation of a flow's velocity from its straight line, relative to that"),
    (
        "<metric>_<sampler>",
        "a distance of the points of a sampler: probability_flow, reverse_sde, predictor_corrector",
    ),
    ("evaluations_<sampler>", "evaluations of the network by a sampler, of all points at once"),
    ("nll", "mean negative log-likelihood of the test points, nats a point"),
    ("nll_hutchinson", "the same with one random direction a point for the divergence"),
    ("nll_truth", "that of the true density on the same points"),
    ("nll_peer", "that of another program's model of the same data, as the config tells"),
    ("entropy", "differential entropy of the true density, by quadrature: no model's expected nll is lower"),
    (
        "marginal_error",
        "largest error of a mean or a standard deviation of generated paths over times and channels, relative to the true standard deviation",
    ),
    ("members", "members of a sweep; its other metrics are medians over them"),
    ("members_failed", "members of a sweep that have not ended well"),
    ("diverged_at", "time since the start of the solve at which a trajectory of the data diverged"),
    ("params", "parameters of the model"),
    ("train_s", "seconds of training, of all models together"),
    ("solve_s", "seconds of making the data"),
];
