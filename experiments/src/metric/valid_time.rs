//! The valid prediction time.

/// The time at which an error first passes a threshold, linear between samples; the last time if it never does.
pub fn valid_time(times: &[f64], errors: &[f64], threshold: f64) -> f64 {
    let Some(i) = errors.iter().position(|e| !e.is_finite() || *e > threshold) else {
        return times.last().copied().unwrap_or(0.0);
    };
    if i == 0 {
        return times[0];
    }
    let (a, b) = (errors[i - 1], errors[i]);
    let s = if b.is_finite() { (threshold - a) / (b - a) } else { 0.0 };
    times[i - 1] + s * (times[i] - times[i - 1])
}

#[cfg(test)]
mod tests {
    use super::valid_time;

    #[test]
    fn by_hand() {
        let t = [0.0, 1.0, 2.0, 3.0];
        assert_eq!(valid_time(&t, &[0.0, 0.1, 0.3, 0.9], 0.2), 1.5);
        assert_eq!(valid_time(&t, &[0.0, 0.1, 0.1, 0.1], 0.2), 3.0);
        assert_eq!(valid_time(&t, &[0.0, 0.1, f64::INFINITY, 0.0], 0.2), 1.0);
    }
}
