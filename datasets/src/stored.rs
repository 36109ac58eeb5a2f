//! Trajectories of a problem from files in place of a solver.

use std::ops::Range;
use std::sync::Arc;

use flowmap_solvers::issue::Issue;
use ndarray::{ArrayD, Axis, concatenate};

use crate::data::FileConfig;
use crate::dataset::{Dataset, Normalisation, Stored};
use crate::format::{FormatError, Opened, PARTS, Trajectories, channels, open};
use crate::generate::{DataError, Recipe};
use crate::problem::Problem;

/// By how many deviations a mean may be off that came with a file, and by which factor a deviation, where it may be that of more trajectories
/// than are used.
const FAR: (f64, f64) = (1.0, 4.0);

/// Some trajectories of a file.
struct Taken {
    from: Arc<Trajectories>,
    range: Range<usize>,
    steps: usize,
}

/// Where trajectories come from, and what asks for them.
struct Asked<'a> {
    key: &'a str,
    steps: usize,
}

impl Recipe<'_> {
    /// One file, whose first trajectories train, the next validate and the last test, or whose parts do; or two, of which the second tests and the
    /// first may have `data.train_steps` samples after the first: what no part covers is then not a number. With `stay`, what trains stays
    /// in the file.
    pub(crate) fn read_file(
        &self,
        problem: &Problem,
        file: &FileConfig,
        stay: bool,
    ) -> Result<Dataset, DataError> {
        let c = self.data;
        let mut card = self.card(problem);
        card.source = Some(match &file.test {
            Some(test) => format!("{} to train, {} to test", file.path.display(), test.display()),
            None => file.path.display().to_string(),
        });
        let steps = if file.test.is_some() && c.train_steps > 0 { c.train_steps } else { c.steps };
        let first = Asked { key: "data.file.path", steps };
        let fitted = |all, asked: &Asked<'_>| self.fitted(problem, file, all, asked).map(Arc::new);
        let parts = match open(&file.path)? {
            Opened::Whole(all) => {
                let all = fitted(*all, &first)?;
                let (middle, end) = (c.train + c.validation, c.trajectories());
                let (wanted, of) = match file.test {
                    Some(_) => (middle, "data.train + validation"),
                    None => (end, "data.train + validation + test"),
                };
                let take = |range| Taken { from: all.clone(), range, steps };
                self.require(&all, wanted, of, &first)?;
                [
                    Some(take(0..c.train)),
                    Some(take(c.train..middle)),
                    file.test.is_none().then(|| take(middle..end)),
                ]
            }
            Opened::Parts(parts) => {
                let found = names(&parts);
                let mut all = Vec::new();
                for part in *parts {
                    all.push(part.map(|p| fitted(p, &first)).transpose()?);
                }
                // Without trajectories that validate, those that train do, after them.
                let spare = file.test.is_some() && all[1].is_none();
                let wanted = [
                    (c.train, "data.train", 0),
                    (c.validation, "data.validation", usize::from(!spare)),
                    (if file.test.is_some() { 0 } else { c.test }, "data.test", 2),
                ];
                let mut taken = [None, None, None];
                for (i, (n, of, part)) in wanted.into_iter().enumerate().filter(|(_, (n, ..))| *n > 0) {
                    let Some(from) = &all[part] else {
                        let path = file.path.clone();
                        return Err(FormatError::NoPart { path, part: PARTS[part], found }.into());
                    };
                    let start = if i == 1 && spare { c.train } else { 0 };
                    self.require(from, start + n, of, &first)?;
                    taken[i] = Some(Taken { from: from.clone(), range: start..start + n, steps });
                }
                taken
            }
        };
        let [train, validation, mut test] = parts;
        if let Some(path) = &file.test {
            let second = Asked { key: "data.file.test", steps: c.steps };
            let all = match open(path)? {
                Opened::Whole(all) => *all,
                Opened::Parts(parts) => {
                    let found = names(&parts);
                    let [_, _, judges] = *parts;
                    judges.ok_or_else(|| FormatError::NoPart { path: path.clone(), part: PARTS[2], found })?
                }
            };
            let all = fitted(all, &second)?;
            self.require(&all, c.test, "data.test", &second)?;
            test = Some(Taken { from: all, range: 0..c.test, steps: c.steps });
        }
        let warning =
            [&train, &validation, &test].into_iter().flatten().find_map(|t| apart(problem, &t.from));
        let mut arrays = Vec::new();
        let stored = match train {
            Some(train) if stay && c.train > 0 => {
                let samples = if c.train_steps > 0 { c.train_steps } else { c.steps } + 1;
                let statistics = statistics(&train, samples)?;
                alike(&train.from, &statistics)?;
                let still = |s: &f64| if *s > 0.0 { *s } else { 1.0 };
                let std = statistics.std.iter().map(still).collect();
                Some(Stored::new(train.from, train.range, Normalisation { std, ..statistics }))
            }
            Some(train) => {
                let values = self.values(&train)?;
                if c.train > 0 && train.from.statistics.is_some() {
                    alike(&train.from, &statistics(&train, train.steps + 1)?)?;
                }
                arrays.push(values);
                None
            }
            None => None,
        };
        for part in [validation, test].iter().flatten() {
            arrays.push(self.values(part)?);
        }
        card.warnings.extend(warning);
        let views: Vec<_> = arrays.iter().map(|a| a.view()).collect();
        let all = concatenate(Axis(0), &views)
            .map_err(|e| DataError::Config(Issue::new("data.file", e.to_string())))?;
        let data = self.assemble(problem, card, all.as_standard_layout().into_owned());
        Ok(Dataset { stored, ..data })
    }

    /// The values taken, all finite; what is shorter than `data.steps` ends in what is not a number.
    fn values(&self, part: &Taken) -> Result<ArrayD<f64>, DataError> {
        let values = part.from.part(part.range.clone(), 0..part.steps + 1)?;
        if part.steps == self.data.steps {
            return Ok(values);
        }
        let mut missing = values.shape().to_vec();
        missing[1] = self.data.steps - part.steps;
        Ok(concatenate![Axis(1), values, ArrayD::from_elem(missing, f64::NAN)])
    }

    /// The trajectories of a file with the channels of the problem, in its order, if they fit it.
    fn fitted(
        &self,
        problem: &Problem,
        file: &FileConfig,
        all: Trajectories,
        asked: &Asked<'_>,
    ) -> Result<Trajectories, DataError> {
        let misfit = |what: String, hint: String| misfit(&all, asked.key, what, hint);
        let wanted = problem.state_shape();
        let names = problem.channels();
        let list = |names: &[String]| names.join(", ");
        let chosen: Vec<usize> = if !file.channels.is_empty() {
            if file.channels.len() != names.len() {
                let what =
                    format!("{} channels named, and the problem has {}", file.channels.len(), list(&names));
                let issue = Issue::new("data.file.channels", what);
                return Err(DataError::Config(
                    issue.hint("name one channel of the file for each of the problem"),
                ));
            }
            if let Some(twice) =
                (1..file.channels.len()).find(|i| file.channels[..*i].contains(&file.channels[*i]))
            {
                let what = format!("'{}' is named twice", file.channels[twice]);
                let issue = Issue::new("data.file.channels", what);
                return Err(DataError::Config(
                    issue.hint("each channel of the problem is one of the file's"),
                ));
            }
            let place = |name: &String| {
                all.channels.iter().position(|c| c == name).ok_or_else(|| {
                    let there =
                        if all.channels.is_empty() { "none with a name".into() } else { list(&all.channels) };
                    let what = format!("{}: no channel '{name}'", all.path.display());
                    DataError::Config(
                        Issue::new("data.file.channels", what).hint(format!("there are {there}")),
                    )
                })
            };
            file.channels.iter().map(place).collect::<Result<_, _>>()?
        } else if all.channels.is_empty() || (names.len() == 1 && all.channels.len() == 1) {
            (0..all.shape[2]).collect()
        } else {
            let own = channels::own(&all.channels);
            let place = |name| own.iter().chain(&all.channels).position(|c| c == name).map(|i| i % own.len());
            let places: Option<Vec<usize>> = names.iter().map(place).collect();
            let one_to_one = |p: &Vec<usize>| p.len() == own.len() && (0..own.len()).all(|i| p.contains(&i));
            places.filter(one_to_one).ok_or_else(|| {
                misfit(
                    format!("channels {}, and the problem has {}", list(&all.channels), list(&names)),
                    "name those to take by data.file.channels, in the order of the problem's".into(),
                )
            })?
        };
        let mut shape = all.shape[2..].to_vec();
        shape[0] = chosen.len();
        if shape != wanted {
            return Err(misfit(
                format!("states of shape {shape:?} for a problem with {wanted:?}"),
                "set the problem's points and dimensions to those of the file".into(),
            ));
        }
        let all = all.select(&chosen);
        Ok(if file.cache_mb == 0 { all } else { all.with_cache(file.cache_mb << 20) })
    }

    /// Whether a file has as many trajectories and samples as are asked for, at the right times.
    fn require(&self, all: &Trajectories, n: usize, of: &str, asked: &Asked<'_>) -> Result<(), DataError> {
        let misfit = |what: String, hint: &str| Err(misfit(all, asked.key, what, hint.to_owned()));
        let (trajectories, samples, steps) = (all.shape[0], all.shape[1], asked.steps);
        if trajectories < n {
            return misfit(format!("{trajectories} trajectories, and {of} = {n}"), "ask for fewer");
        }
        if self.data.dt == 0.0 || self.data.steps == 0 {
            return misfit(
                "data.dt or data.steps is missing".into(),
                "a problem needs both; a file without a problem may go without",
            );
        }
        if samples < steps + 1 {
            return misfit(
                format!("{samples} samples a trajectory, and {steps} steps"),
                "lower data.steps, or data.train_steps of the file that trains",
            );
        }
        let spacings: Vec<f64> = all.times.windows(2).take(steps).map(|t| t[1] - t[0]).collect();
        let right = |s: f64| ((s - self.data.dt) / self.data.dt).abs() <= 1e-3;
        if let Some(first) = spacings.first().filter(|s| !right(**s)) {
            return misfit(format!("samples are {first} apart"), "set data.dt to the spacing of the file");
        }
        if let Some(i) = spacings.iter().position(|s| !right(*s)) {
            return misfit(
                format!(
                    "sample {} comes {} after the one before, others {}",
                    i + 2,
                    spacings[i],
                    self.data.dt
                ),
                "a map has one step: bring the samples to equal times",
            );
        }
        Ok(())
    }
}

fn misfit(all: &Trajectories, key: &str, what: String, hint: String) -> DataError {
    DataError::Config(Issue::new(key, format!("{}: {what}", all.path.display())).hint(hint))
}

/// What to tell of points that are not as far apart as the problem's.
fn apart(problem: &Problem, all: &Trajectories) -> Option<String> {
    let spacing = |x: &[f64]| x.get(1).zip(x.first()).map(|(b, a)| b - a);
    let pairs = all.coordinates.iter().zip(problem.coordinates());
    let mut found = pairs.filter_map(|(x, own)| spacing(x).zip(spacing(&own)).map(|(a, b)| (a, b, x.len())));
    // Some files have their last point at the end of an axis, which others leave to the next cell.
    let (a, b, _) = found.find(|(a, b, n)| (a / b - 1.0).abs() > 2.0 / *n as f64)?;
    Some(format!(
        "{}: points are {a:.4} apart, and those of the problem {b:.4}: set its length, or what knows the equation solves another one",
        all.path.display()
    ))
}

/// The parts that are there.
fn names(parts: &[Option<Trajectories>; 3]) -> Vec<&'static str> {
    PARTS.iter().zip(parts).filter(|(_, p)| p.is_some()).map(|(name, _)| *name).collect()
}

/// Means and deviations, zero of what does not vary, of some trajectories, `samples` of each, in one pass with one of them in memory; all must be finite.
fn statistics(train: &Taken, samples: usize) -> Result<Normalisation, FormatError> {
    let channels = train.from.shape[2];
    let (mut count, mut mean, mut squares) = (0.0, vec![0.0; channels], vec![0.0; channels]);
    for trajectory in train.range.clone() {
        let values = train.from.finite(trajectory, 0..samples)?;
        let n = (values.len() / channels) as f64;
        for (c, channel) in values.axis_iter(Axis(1)).enumerate() {
            let own = channel.sum() / n;
            let off = own - mean[c];
            // Two sets of samples as one (T. F. Chan, G. H. Golub, R. J. LeVeque, 1983).
            squares[c] +=
                channel.iter().map(|u| (u - own).powi(2)).sum::<f64>() + off * off * n * count / (count + n);
            mean[c] += off * n / (count + n);
        }
        count += n;
    }
    let std = squares.iter().map(|s| (s / count).sqrt()).collect();
    Ok(Normalisation { mean, std })
}

/// Whether the means and deviations that came with a file can be those of its trajectories.
fn alike(all: &Trajectories, measured: &Normalisation) -> Result<(), FormatError> {
    let Some(stored) = &all.statistics else { return Ok(()) };
    let of = measured.mean.iter().zip(&measured.std).zip(stored.of.mean.iter().zip(&stored.of.std));
    for (c, ((mean, std), (stored_mean, stored_std))) in of.enumerate() {
        let far = (mean - stored_mean).abs() > FAR.0 * std.max(*stored_std);
        let ratio = stored_std / std;
        // What does not vary in some trajectories may in others.
        let still = *std == 0.0;
        if far || (!still && ratio > FAR.1) || (!still && *stored_std > 0.0 && ratio < 1.0 / FAR.1) {
            let message = format!(
                "'{}' has mean {stored_mean:.4} and deviation {stored_std:.4} there, {mean:.4} and {std:.4} in {}",
                all.channels[c],
                all.path.display()
            );
            return Err(FormatError::Statistics { path: stored.path.clone(), message });
        }
    }
    Ok(())
}
