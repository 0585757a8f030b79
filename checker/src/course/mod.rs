//! The steps of the workshop and their checks. A step's file reads as its specification.

mod api;
mod check;
mod client;
mod data;
mod database;
mod habit;
mod instances;
mod logline;
mod members;
mod openapi;
mod problem;
mod routes;
mod statements;
mod step_01;
mod step_02;
mod step_03;
mod step_04;
mod step_05;
mod timing;

use std::path::Path;

pub use api::Api;
pub use check::Check;
#[cfg(test)]
pub use check::check;
pub use data::Data;
pub use instances::{FIRST_WITH_A_DATABASE, FIRST_WITH_USERS, Instances};
pub use statements::Statements;
pub use step_03::list_times;
pub use step_04::SIGNING_IN;

use crate::outcome::Problem;
use crate::starters::{CheckRow, Outline};

/// One step of the workshop.
#[derive(Debug)]
pub struct Step {
    /// 1 to 10.
    pub number: u8,
    /// Names the step's folders and chapter, such as `01-api-basics`.
    pub slug: &'static str,
    /// The title for people.
    pub title: &'static str,
    checks: fn() -> Vec<Check>,
    advice: fn(source: &Path) -> Vec<Problem>,
}

/// The steps, in order.
pub const STEPS: &[Step] = &[
    Step { number: 1, slug: "01-api-basics", title: "API basics", checks: step_01::checks, advice: |_| Vec::new() },
    Step { number: 2, slug: "02-framework", title: "A framework, used well", checks: step_02::checks, advice: step_02::advice },
    Step { number: 3, slug: "03-databases", title: "PostgreSQL", checks: step_03::checks, advice: |_| Vec::new() },
    Step {
        number: 4,
        slug: "04-auth",
        title: "Authentication and authorization",
        checks: step_04::checks,
        advice: |_| Vec::new(),
    },
    Step {
        number: 5,
        slug: "05-validation-errors",
        title: "Validation and errors",
        checks: step_05::checks,
        advice: step_05::advice,
    },
];

impl Step {
    /// The step with this number.
    pub fn numbered(number: u8) -> Option<&'static Step> {
        STEPS.iter().find(|step| step.number == number)
    }

    /// The step after this one.
    pub fn next(&self) -> Option<&'static Step> {
        Step::numbered(self.number + 1)
    }

    /// The package the learner edits.
    pub fn package(&self) -> String {
        format!("step-{}", self.slug)
    }

    /// The package of the reference solution.
    pub fn solution(&self) -> String {
        format!("solution-{}", self.slug)
    }

    /// The checks this step introduces.
    pub fn own_checks(&self) -> Vec<Check> {
        (self.checks)()
    }

    /// Every check graded at this step: its own first, then the earlier ones that still apply.
    pub fn all_checks(&self) -> Vec<Check> {
        let earlier = STEPS.iter().filter(|step| step.number < self.number);
        let earlier = earlier.flat_map(Step::own_checks).filter(|check| check.applies(self.number));
        self.own_checks().into_iter().chain(earlier).collect()
    }

    /// What the starters need to know of the step.
    pub fn outline(&self) -> Outline {
        let row = |check: Check| CheckRow { id: check.id.into(), claim: check.claim.into(), stretch: check.stretch };
        Outline { number: self.number, slug: self.slug.into(), checks: self.own_checks().into_iter().map(row).collect() }
    }

    /// What is worth mending in the learner's source, though no verdict depends on it.
    pub fn advice(&self, source: &Path) -> Vec<Problem> {
        (self.advice)(source)
    }

    /// Where the book explains a check: a path from the repository's root, and a heading.
    pub fn chapter(check: &Check) -> String {
        let slug = Step::numbered(check.step).map_or("", |step| step.slug);
        format!("docs/src/{slug}.md#{}", check.anchor)
    }
}

/// The check with this id.
pub fn find(id: &str) -> Option<Check> {
    STEPS.iter().flat_map(Step::own_checks).find(|check| check.id == id)
}

/// The check whose id is closest to what somebody typed, if one is close.
pub fn closest(typed: &str) -> Option<&'static str> {
    let slug = typed.split_once('.').map_or(typed, |(_, slug)| slug);
    let ids = STEPS.iter().flat_map(Step::own_checks).map(|check| check.id);
    let rated = ids.map(|id| {
        let own = id.split_once('.').map_or(id, |(_, slug)| slug);
        let alike = |a: &str, b: &str| similar::TextDiff::from_chars(a, b).ratio();
        (alike(typed, id).max(alike(slug, own)), id)
    });
    rated.filter(|(alike, _)| *alike > 0.6).max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, id)| id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_id_is_used_once_and_every_need_comes_before() {
        let mut seen = HashSet::new();
        for check in STEPS.iter().flat_map(Step::own_checks) {
            for need in check.needs {
                assert!(seen.contains(need), "{} needs {need}, which does not come before it", check.id);
            }
            assert!(seen.insert(check.id), "{} stands twice", check.id);
        }
    }

    #[test]
    fn a_step_grades_its_own_checks_before_the_regressions() {
        let step = Step::numbered(2).expect("step 2 exists");
        let steps: Vec<u8> = step.all_checks().iter().map(|check| check.step).collect();
        let first_earlier = steps.iter().position(|number| *number == 1).expect("regressions");
        assert!(steps[first_earlier..].iter().all(|number| *number == 1));
    }
}
