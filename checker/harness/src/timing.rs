//! Comparing times on a machine that does other things as well.

/// How many times as long a quick one of the longer times has to be as a slow one of the shorter ones, to be sure of it.
const CLEAR: f64 = 1.5;

/// The time that half of all times do not exceed.
pub fn median(times: &[f64]) -> f64 {
    quantile(times, 0.5)
}

/// Whether times are longer than others beyond doubt: noise makes them overlap.
pub fn are_clearly_longer(longer: &[f64], shorter: &[f64]) -> bool {
    quantile(longer, 0.25) > quantile(shorter, 0.75) * CLEAR
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
