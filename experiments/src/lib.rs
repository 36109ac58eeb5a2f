//! One config file is one experiment: training, metrics, plots, report, and the command line.
