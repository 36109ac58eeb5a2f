//! One config file is one experiment: training, metrics, plots, report, and the command line.

pub mod cli;
pub mod commands;
pub mod config;
pub mod device;
pub mod error;
pub mod evaluate;
pub mod metric;
pub mod plot;
pub mod report;
pub mod run_dir;
pub mod train;
pub mod vtk;
