//! Compares durations that were measured on a busy machine.

/// Times are clearly longer if their lower quartile exceeds the upper quartile of the others by this factor.
const CLEAR_FACTOR: f64 = 1.5;

/// The median.
pub fn median(times: &[f64]) -> f64 {
    quantile(times, 0.5)
}

/// Whether one set of times is clearly longer than the other. If only noise separates them, the two overlap.
pub fn are_clearly_longer(longer: &[f64], shorter: &[f64]) -> bool {
    quantile(longer, 0.25) > quantile(shorter, 0.75) * CLEAR_FACTOR
}

fn quantile(times: &[f64], part: f64) -> f64 {
    let mut times = times.to_vec();
    times.sort_by(f64::total_cmp);
    times[((times.len() - 1) as f64 * part).round() as usize]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_that_overlap_are_not_clearly_longer() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert!(are_clearly_longer(&[9.0, 8.0, 30.0, 9.0], &[2.0, 2.0, 40.0, 3.0, 2.0]));
        assert!(!are_clearly_longer(&[9.0, 2.0, 30.0, 2.0], &[2.0, 2.0, 2.0]));
        assert!(!are_clearly_longer(&[9.0; 4], &[2.0, 8.0, 8.0]));
    }
}
