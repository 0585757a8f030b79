//! The steps of the workshop and their checks. A step's file reads as its specification.

mod step_02;
mod step_03;
mod step_04;
mod step_05;

use harness::step::Course;
use services::FIXTURES;

pub use step_03::list_times;

/// The workshop.
pub const COURSE: &Course = &Course {
    steps: &[first_step::STEP, step_02::STEP, step_03::STEP, step_04::STEP, step_05::STEP],
    fixtures: FIXTURES,
    goes_on: false,
};

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn the_steps_are_numbered_from_1_without_a_gap_as_their_folders_are() {
        for (place, step) in COURSE.steps.iter().enumerate() {
            assert_eq!(usize::from(step.number), place + 1);
            assert!(step.slug.starts_with(&format!("{:02}-", step.number)), "{}", step.slug);
            assert!(step.own_checks().iter().all(|check| check.step == step.number), "{}", step.slug);
        }
    }

    #[test]
    fn every_id_is_used_once_and_every_need_comes_before() {
        let mut seen = HashSet::new();
        for check in COURSE.checks() {
            for need in check.needs {
                assert!(seen.contains(need), "{} needs {need}, which does not come before it", check.id);
            }
            assert!(seen.insert(check.id), "{} stands twice", check.id);
        }
    }

    #[test]
    fn a_step_grades_its_own_checks_before_the_regressions() {
        let step = COURSE.step(2).expect("step 2 exists");
        let steps: Vec<u8> = COURSE.checks_at(step).iter().map(|check| check.step).collect();
        let first_earlier = steps.iter().position(|number| *number == 1).expect("regressions");
        assert!(steps[first_earlier..].iter().all(|number| *number == 1));
    }

    #[test]
    fn the_checks_of_signing_in_need_no_others() {
        for sign_in in COURSE.steps.iter().filter_map(|step| step.sign_in) {
            let needs = |id: &&str| COURSE.check(id).expect("the check exists").needs;
            assert!(sign_in.checks.iter().flat_map(needs).all(|need| sign_in.checks.contains(need)));
        }
    }

    #[test]
    fn nothing_needs_an_exclusive_check_which_comes_last() {
        let is_exclusive = |id: &&str| COURSE.check(id).expect("the check exists").exclusive;
        assert!(COURSE.checks().filter(|check| !check.exclusive).all(|check| !check.needs.iter().any(is_exclusive)));
    }

    #[test]
    fn a_step_has_the_fixtures_of_the_steps_before_it() {
        for (before, step) in COURSE.steps.iter().zip(&COURSE.steps[1..]) {
            let has = |name| step.fixtures.iter().any(|fixture| fixture.name() == name);
            assert!(before.fixtures.iter().all(|fixture| has(fixture.name())), "{}", step.slug);
            assert!(before.sign_in.is_none() || step.sign_in.is_some(), "{}", step.slug);
        }
    }

    #[test]
    fn the_report_knows_which_checks_disturb_the_database() {
        let disturbs = |id| COURSE.check(id).expect("the check exists").disturbs.is_some();
        assert!(disturbs("5.pool") && disturbs("3.utc-days") && disturbs("3.import-cut"));
        assert!(!disturbs("1.create"));
    }
}
