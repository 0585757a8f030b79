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
