//! When something is seen, and what: drawn for a twin, or read from a file.

use std::collections::BTreeMap;
use std::path::Path;

use flowmap_datasets::format::{npz, table};
use flowmap_datasets::rng::stream;
use flowmap_solvers::assimilation::{Observation, Operator, observation::Sensors};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;

use super::AssimilationConfig;

/// How much larger the noise of an outlier is.
const OUTLIER: f64 = 10.0;

/// What is seen at one time.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Sight {
    pub(crate) operator: Operator,
    pub(crate) values: Vec<f64>,
    /// The standard deviation of each value.
    pub(crate) deviation: Vec<f64>,
}

impl Sight {
    pub(crate) fn observation(&self) -> Observation<'_> {
        Observation { operator: &self.operator, values: &self.values, deviation: &self.deviation }
    }
}

/// A time at which there is an estimate, and what is seen then, if something is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Event {
    pub(crate) time: f64,
    pub(crate) seen: Option<Sight>,
}

/// The times of the cycles of a trial.
pub(crate) fn times(
    config: &AssimilationConfig,
    cycles: usize,
    dt: f64,
    seed: u64,
    index: usize,
) -> Vec<f64> {
    let mut rng = stream(seed, "times", index as u64);
    let mut off = || config.irregular * (rng.random::<f64>() - 0.5);
    (1..=cycles)
        .map(|k| if config.irregular > 0.0 { (k as f64 + off()) * dt } else { k as f64 * dt })
        .collect()
}

/// What is seen of the states of a trial with noise of one deviation.
pub(crate) fn drawn(
    config: &AssimilationConfig,
    deviation: f64,
    times: &[f64],
    states: &[Vec<f64>],
    rng: &mut ChaCha8Rng,
) -> Vec<Event> {
    let sight = |state: &[f64], rng: &mut ChaCha8Rng| {
        let mut values = config.operator.apply(state);
        let mut operator = config.operator.clone();
        for value in &mut values {
            let wild = config.outliers > 0.0 && rng.random::<f64>() < config.outliers;
            let size = if wild { OUTLIER * deviation } else { deviation };
            *value += size * rng.sample::<f64, _>(StandardNormal);
        }
        if let Some(entries) = operator.entries(state.len()).filter(|_| config.dropout > 0.0) {
            let kept: Vec<usize> =
                (0..values.len()).filter(|_| rng.random::<f64>() >= config.dropout).collect();
            operator = Operator::Sensors(Sensors { at: kept.iter().map(|i| entries[*i]).collect() });
            values = kept.iter().map(|i| values[*i]).collect();
        }
        let deviation = vec![deviation; values.len()];
        (!values.is_empty()).then_some(Sight { operator, values, deviation })
    };
    let events = times.iter().zip(states).enumerate().map(|(k, (time, state))| {
        let observed = rng.random::<f64>() < config.fraction || k < config.warm_up;
        // Noise is drawn in any case, so that another fraction changes no other value.
        let seen = sight(state, rng);
        Event { time: *time, seen: seen.filter(|_| observed) }
    });
    events.collect()
}

/// The observations of a file of a state of `size` entries.
///
/// # Errors
/// A sentence on what cannot be read, is out of order, out of range, of the wrong shape or not finite, and where.
pub(crate) fn read(path: &Path, deviation: f64, size: usize) -> Result<Vec<Event>, String> {
    let rows = if table::named(path) { of_table(path)? } else { of_archive(path)? };
    let named = path.display();
    let mut events: Vec<(f64, BTreeMap<usize, (f64, f64)>)> = Vec::new();
    for (place, row) in rows.into_iter() {
        let Row { time, entry, value, deviation: own } = row;
        let fail = |what: String| Err(format!("{named}: {place}: {what}"));
        if !time.is_finite() || time < 0.0 {
            return fail(format!("the time {time} is negative or not finite"));
        }
        if entry < 0.0 || entry.fract() != 0.0 || entry >= size as f64 {
            return fail(format!(
                "entry {entry} of a state of {size} entries, which run from 0 to {}",
                size - 1
            ));
        }
        if !value.is_finite() {
            return fail(format!("the value {value} is not finite"));
        }
        let own = own.unwrap_or(deviation);
        if !(own > 0.0 && own.is_finite()) {
            return fail(format!("the deviation {own} is not positive: its covariance is singular"));
        }
        match events.last() {
            Some((last, _)) if time < *last => {
                return fail(format!("the time {time} comes after {last}: sort the observations by time"));
            }
            Some((last, _)) if time == *last => {}
            _ => events.push((time, BTreeMap::new())),
        }
        if let Some((_, seen)) = events.last_mut()
            && seen.insert(entry as usize, (value, own)).is_some()
        {
            return fail(format!("entry {entry} is seen twice at t = {time}"));
        }
    }
    if events.is_empty() {
        return Err(format!("{named}: no observation"));
    }
    let event = |(time, seen): (f64, BTreeMap<usize, (f64, f64)>)| {
        let operator = Operator::Sensors(Sensors { at: seen.keys().copied().collect() });
        let (values, deviation) = seen.into_values().unzip();
        Event { time, seen: Some(Sight { operator, values, deviation }) }
    };
    Ok(events.into_iter().map(event).collect())
}

/// One value.
struct Row {
    time: f64,
    entry: f64,
    value: f64,
    deviation: Option<f64>,
}

fn of_table(path: &Path) -> Result<Vec<(String, Row)>, String> {
    let found = table::read(path).map_err(|e| e.to_string())?;
    let wanted = format!("{}: the columns are not time, entry, value[, deviation]", path.display());
    let at = |name: &str| found.channels.iter().position(|c| c.eq_ignore_ascii_case(name));
    let (Some(entry), Some(value)) = (at("entry"), at("value")) else { return Err(wanted) };
    let own = at("deviation");
    if found.times.is_empty() {
        return Err(wanted);
    }
    let row = |(i, time): (usize, &f64)| {
        let cell = |column: usize| found.values[[0, i, column]];
        let row = Row { time: *time, entry: cell(entry), value: cell(value), deviation: own.map(cell) };
        (format!("observation {}", i + 1), row)
    };
    Ok(found.times.iter().enumerate().map(row).collect())
}

fn of_archive(path: &Path) -> Result<Vec<(String, Row)>, String> {
    let arrays = npz::arrays(path).map_err(|e| e.to_string())?;
    let named = path.display();
    let get = |name: &str| arrays.iter().find(|(n, _)| n == name).map(|(_, a)| a);
    let missing = |name: &str| format!("{named}: no entry '{name}'; wanted are times, values and entries");
    let times = get("times").ok_or_else(|| missing("times"))?;
    let values = get("values").ok_or_else(|| missing("values"))?;
    let entries = get("entries").ok_or_else(|| missing("entries"))?;
    let &[count, sensors] = values.shape() else {
        return Err(format!("{named}: 'values' has the shape {:?}, not [time, sensor]", values.shape()));
    };
    let moving = entries.shape() == [count, sensors];
    if times.shape() != [count] || !(moving || entries.shape() == [sensors]) {
        return Err(format!(
            "{named}: 'times' {:?} and 'entries' {:?} do not fit 'values' {:?}",
            times.shape(),
            entries.shape(),
            values.shape()
        ));
    }
    let own = get("deviation");
    if let Some(own) = own.filter(|d| d.shape() != [sensors]) {
        return Err(format!("{named}: 'deviation' has the shape {:?}, not [sensor]", own.shape()));
    }
    let mut rows = Vec::new();
    for k in 0..count {
        for s in 0..sensors {
            // What is not a number was not seen.
            if values[[k, s]].is_nan() {
                continue;
            }
            let entry = if moving { entries[[k, s]] } else { entries[[s]] };
            let row = Row { time: times[[k]], entry, value: values[[k, s]], deviation: own.map(|d| d[[s]]) };
            rows.push((format!("time {}, sensor {}", k + 1, s + 1), row));
        }
    }
    Ok(rows)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn table(text: &str) -> Result<Vec<Event>, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("seen.csv");
        std::fs::write(&path, text).unwrap();
        read(&path, 0.5, 8)
    }

    #[test]
    fn values_of_one_time_are_one_event() {
        let events = table("time,entry,value\n0.5,3,1.0\n0.5,1,2.0\n1.25,7,-1\n").unwrap();
        assert_eq!(events.iter().map(|e| e.time).collect::<Vec<_>>(), [0.5, 1.25]);
        let seen = events[0].seen.as_ref().unwrap();
        assert_eq!(seen.operator, Operator::Sensors(Sensors { at: vec![1, 3] }));
        assert_eq!((seen.values.clone(), seen.deviation.clone()), (vec![2.0, 1.0], vec![0.5; 2]));
    }

    #[test]
    fn what_is_wrong_is_named_with_its_place() {
        let head = "time,entry,value,deviation\n";
        for (rows, said) in [
            ("1,0,1,1\n0.5,0,1,1\n", "observation 2: the time 0.5 comes after 1"),
            ("1,8,1,1\n", "observation 1: entry 8 of a state of 8 entries"),
            ("1,0.5,1,1\n", "entry 0.5"),
            ("1,0,nan,1\n", "observation 1: the value NaN is not finite"),
            ("1,0,1,0\n", "the deviation 0 is not positive: its covariance is singular"),
            ("1,0,1,1\n1,0,2,1\n", "observation 2: entry 0 is seen twice at t = 1"),
            ("-1,0,1,1\n", "the time -1 is negative"),
        ] {
            let error = table(&format!("{head}{rows}")).unwrap_err();
            assert!(error.contains(said), "{error}\n{said}");
        }
        assert!(table("t,u\n0,1\n").unwrap_err().contains("the columns are not time, entry, value"));
    }

    #[test]
    fn an_archive_has_gaps_and_moving_sensors() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("seen.npz");
        let mut archive = ndarray_npy::NpzWriter::new(std::fs::File::create(&path).unwrap());
        archive.add_array("times", &ndarray::arr1(&[0.25, 1.0])).unwrap();
        archive.add_array("values", &ndarray::arr2(&[[1.0, f64::NAN], [2.0, 3.0]])).unwrap();
        archive.add_array("entries", &ndarray::arr2(&[[0.0, 1.0], [4.0, 2.0]])).unwrap();
        archive.finish().unwrap();
        let events = read(&path, 0.1, 8).unwrap();
        let seen: Vec<_> = events.iter().map(|e| e.seen.clone().unwrap()).collect();
        assert_eq!(seen[0].operator, Operator::Sensors(Sensors { at: vec![0] }));
        assert_eq!(seen[1].operator, Operator::Sensors(Sensors { at: vec![2, 4] }));
        assert_eq!(seen[1].values, [3.0, 2.0]);
    }

    #[test]
    fn lost_values_leave_the_others_as_they_are() {
        let config: AssimilationConfig =
            serde_json::from_str(r#"{"deviation": 0.1, "filters": {}}"#).unwrap();
        let states = vec![vec![1.0; 50]; 20];
        let times: Vec<f64> = (1..=20).map(f64::from).collect();
        let whole = drawn(&config, 0.1, &times, &states, &mut stream(0, "x", 0));
        let fewer = AssimilationConfig { fraction: 0.5, ..config.clone() };
        let some = drawn(&fewer, 0.1, &times, &states, &mut stream(0, "x", 0));
        let seen = some.iter().filter(|e| e.seen.is_some()).count();
        assert!((4..17).contains(&seen), "{seen}");
        assert!(some.iter().zip(&whole).all(|(s, w)| s.seen.is_none() || s == w));
        let gaps = AssimilationConfig { dropout: 0.4, ..config };
        let some = drawn(&gaps, 0.1, &times, &states, &mut stream(0, "x", 0));
        let values: usize = some.iter().filter_map(|e| e.seen.as_ref()).map(|s| s.values.len()).sum();
        assert!((500..700).contains(&values), "{values} of 1000");
    }
}
