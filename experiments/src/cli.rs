//! The command line.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};

use crate::commands;
use crate::device::DeviceName;
use crate::error::Error;

/// Learns and simulates the flow maps of PDEs and dynamical systems: one config file is one experiment.
#[derive(Debug, Parser)]
#[command(
    name = "experiment",
    version,
    args_conflicts_with_subcommands = true,
    arg_required_else_help = true
)]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    run: RunArgs,
}

/// How data are laid out in files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub enum Layout {
    /// One NPZ archive.
    Npz,
    /// NAME_train.npy, NAME_test.npy and NAME.json.
    Apebench,
    /// One HDF5 file: 'tensor', or one array a field.
    Pdebench,
    /// NAME_train.h5, NAME_valid.h5 and NAME_test.h5, one array a field.
    Pdearena,
    /// A folder with data/train, data/valid, data/test and stats.yaml.
    TheWell,
}

/// How experiments run.
#[derive(Clone, Debug, clap::Args)]
pub struct RunArgs {
    /// Config files; each is one experiment.
    #[arg(value_name = "CONFIG", required = true)]
    pub configs: Vec<PathBuf>,
    /// The run folder (of several experiments: a folder with one run folder each).
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// What changes the configs.
    #[command(flatten)]
    pub overrides: OverrideArgs,
    /// Where tensors live.
    #[arg(long, value_enum, default_value_t)]
    pub device: DeviceName,
    /// Threads; all processors if absent.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub threads: Option<u16>,
    /// Check, and say what would be done; write nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// Continue an interrupted run: that in --out, else the newest of the same config.
    #[arg(long)]
    pub resume: bool,
    /// Errors only.
    #[arg(short, long, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Every epoch, and more.
    #[arg(short, long)]
    pub verbose: bool,
}

/// What changes a config.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct OverrideArgs {
    /// Change a value of the config, such as `--set solver.etdrk4.dt=0.01`.
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// Change the seed.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(..=i64::MAX as u64))]
    pub seed: Option<u64>,
    /// A smaller version of the same experiment, in less than a minute.
    #[arg(long)]
    pub quick: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Parse, validate, print the resolved config and its cost; run nothing.
    Check {
        /// Config files.
        #[arg(required = true, value_name = "CONFIG")]
        configs: Vec<PathBuf>,
        #[command(flatten)]
        overrides: OverrideArgs,
    },
    /// What there is.
    List {
        /// Of what; everything if absent.
        what: Option<Catalogue>,
    },
    /// Make and cache the data only.
    Data {
        /// The config file.
        #[arg(value_name = "CONFIG")]
        config: PathBuf,
        /// Write the data to a file too, in the layout that its ending says: .npz, .npy (APEBench), .h5 or .hdf5 (PDEBench); of The Well, to a folder.
        #[arg(long, value_name = "PATH")]
        out: Option<PathBuf>,
        /// The layout of what is written.
        #[arg(long, value_name = "LAYOUT", requires = "out")]
        layout: Option<Layout>,
        #[command(flatten)]
        overrides: OverrideArgs,
    },
    /// One table and one picture of several runs.
    Compare {
        /// Run folders.
        #[arg(required = true, num_args = 2.., value_name = "RUN")]
        runs: Vec<PathBuf>,
        /// Where the picture is written.
        #[arg(long, value_name = "DIR", default_value = ".")]
        out: PathBuf,
    },
    /// Rebuild report.html from a run folder.
    Report {
        /// The run folder.
        #[arg(value_name = "RUN")]
        run: PathBuf,
    },
    /// Completions for a shell.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
}

/// What can be listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Catalogue {
    /// Problems.
    Problems,
    /// Solvers.
    Solvers,
    /// Models.
    Models,
    /// Metrics.
    Metrics,
    /// Configs.
    Configs,
}

/// Runs the command line; the exit status is 0 done, 2 bad usage or config, 3 numerical failure, 130 interrupted.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let result = match cli.command {
        None => commands::run(&cli.run),
        Some(Command::Check { configs, overrides }) => commands::check(&configs, &overrides),
        Some(Command::List { what }) => commands::list(what),
        Some(Command::Data { config, out, layout, overrides }) => {
            commands::data(&config, out.as_deref(), layout, &overrides)
        }
        Some(Command::Compare { runs, out }) => commands::compare(&runs, &out),
        Some(Command::Report { run }) => commands::report(&run),
        Some(Command::Completions { shell }) => commands::completions(shell),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tell(&error);
            ExitCode::from(error.status())
        }
    }
}

/// One message on stderr.
pub(crate) fn tell(error: &Error) {
    match error {
        Error::Config(errors) => eprint!("{errors}"),
        other => {
            eprintln!("error: {other}");
            if let Some(hint) = other.hint() {
                eprintln!("  hint: {hint}");
            }
        }
    }
}

impl From<&OverrideArgs> for crate::config::Overrides {
    fn from(args: &OverrideArgs) -> Self {
        Self { set: args.set.clone(), seed: args.seed, quick: args.quick }
    }
}
