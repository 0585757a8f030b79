//! The rule for streaks. It knows nothing of requests or tables, so it is easy to test.

use time::Date;

/// How many days in a row a habit was done, up to `today`, or up to yesterday if today is still to
/// do. `days` are the days it was done on, ascending and each one once; days after `today` do not
/// count.
pub fn streak(days: &[Date], today: Date) -> u32 {
    let is_done = |day: &Date| days.binary_search(day).is_ok();
    let mut day = if is_done(&today) {
        Some(today)
    } else {
        today.previous_day()
    };

    let mut length = 0;
    while let Some(done) = day.filter(is_done) {
        length += 1;
        day = done.previous_day();
    }
    length
}

#[cfg(test)]
mod tests {
    use time::macros::date;

    use super::*;

    #[test]
    fn a_habit_never_done_has_no_streak() {
        assert_eq!(streak(&[], date!(2026 - 01 - 31)), 0);
    }

    #[test]
    fn today_counts() {
        assert_eq!(streak(&[date!(2026 - 01 - 31)], date!(2026 - 01 - 31)), 1);
    }

    #[test]
    fn days_in_a_row_are_counted_up_to_today() {
        let days = [
            date!(2026 - 01 - 29),
            date!(2026 - 01 - 30),
            date!(2026 - 01 - 31),
        ];
        assert_eq!(streak(&days, date!(2026 - 01 - 31)), 3);
    }

    #[test]
    fn a_streak_up_to_yesterday_still_stands() {
        let days = [date!(2026 - 01 - 29), date!(2026 - 01 - 30)];
        assert_eq!(streak(&days, date!(2026 - 01 - 31)), 2);
    }

    #[test]
    fn a_streak_up_to_the_day_before_yesterday_is_over() {
        let days = [date!(2026 - 01 - 28), date!(2026 - 01 - 29)];
        assert_eq!(streak(&days, date!(2026 - 01 - 31)), 0);
    }

    #[test]
    fn a_day_left_out_ends_the_count() {
        let days = [
            date!(2026 - 01 - 27),
            date!(2026 - 01 - 28),
            date!(2026 - 01 - 30),
        ];
        assert_eq!(streak(&days, date!(2026 - 01 - 30)), 1);
        assert_eq!(streak(&days, date!(2026 - 01 - 31)), 1);
    }

    #[test]
    fn a_streak_goes_on_over_the_end_of_a_month() {
        let days = [
            date!(2026 - 04 - 29),
            date!(2026 - 04 - 30),
            date!(2026 - 05 - 01),
        ];
        assert_eq!(streak(&days, date!(2026 - 05 - 01)), 3);
    }

    #[test]
    fn a_streak_goes_on_over_the_end_of_a_year() {
        let days = [date!(2025 - 12 - 31), date!(2026 - 01 - 01)];
        assert_eq!(streak(&days, date!(2026 - 01 - 01)), 2);
    }

    #[test]
    fn a_leap_day_is_a_day() {
        let with = [
            date!(2024 - 02 - 28),
            date!(2024 - 02 - 29),
            date!(2024 - 03 - 01),
        ];
        assert_eq!(streak(&with, date!(2024 - 03 - 01)), 3);

        let without = [date!(2024 - 02 - 28), date!(2024 - 03 - 01)];
        assert_eq!(streak(&without, date!(2024 - 03 - 01)), 1);
    }

    #[test]
    fn in_other_years_march_follows_the_28th_of_february() {
        let days = [date!(2026 - 02 - 28), date!(2026 - 03 - 01)];
        assert_eq!(streak(&days, date!(2026 - 03 - 01)), 2);
    }

    #[test]
    fn days_to_come_do_not_count() {
        let days = [
            date!(2026 - 01 - 30),
            date!(2026 - 01 - 31),
            date!(2026 - 02 - 01),
        ];
        assert_eq!(streak(&days, date!(2026 - 01 - 31)), 2);
        assert_eq!(streak(&days, date!(2026 - 01 - 29)), 0);
    }
}
