//! A step of the workshop, and the course that the steps make up.

use std::path::Path;

use fixtures::Fixture;
use model::Problem;

use crate::check::Check;
use crate::contract::{Contract, SignIn};
use crate::route::Route;

/// One step of the workshop. Everything particular to it is in its own folder.
pub struct Step {
    /// 1 to 10.
    pub number: u8,
    /// Names the step's folders and chapter, such as `01-api-basics`.
    pub slug: &'static str,
    /// The title for people.
    pub title: &'static str,
    /// The fixtures that its servers need.
    pub fixtures: &'static [&'static dyn Fixture],
    /// How users sign in; `None` before there are users.
    pub sign_in: Option<&'static SignIn>,
    /// The routes that the step introduces and that work on habits or on the user.
    pub routes: &'static [Route],
    /// The checks that the step introduces.
    pub checks: fn() -> Vec<Check>,
    /// Advice on the learner's source code, on which no verdict depends.
    pub advice: fn(source: &Path) -> Vec<Problem>,
}

/// The steps of the workshop, in order.
pub struct Course {
    /// The steps; numbered from 1 without a gap.
    pub steps: &'static [Step],
    /// Every fixture, in the order in which they are shown.
    pub fixtures: &'static [&'static dyn Fixture],
    /// Whether the workshop has further steps, which this program cannot grade.
    pub goes_on: bool,
}

impl Step {
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
        let mut checks = (self.checks)();
        for check in &mut checks {
            check.slug = self.slug;
        }
        checks
    }
}

impl Course {
    /// The step with this number.
    pub fn step(&self, number: u8) -> Option<&'static Step> {
        self.steps.iter().find(|step| step.number == number)
    }

    /// The step after this one.
    pub fn after(&self, step: &Step) -> Option<&'static Step> {
        self.step(step.number + 1)
    }

    /// The number of the step after this one, whether this program can grade it or not.
    pub fn number_after(&self, step: &Step) -> Option<u8> {
        let next = self.after(step).map(|next| next.number);
        next.or(self.goes_on.then_some(step.number + 1))
    }

    /// The step before this one.
    pub fn before(&self, step: &Step) -> Option<&'static Step> {
        self.step(step.number.checked_sub(1)?)
    }

    /// What applies to a server at `step`.
    pub fn contract(&self, step: &Step) -> Contract {
        let steps = self.steps.iter().filter(|earlier| earlier.number <= step.number);
        let mut routes: Vec<&Route> = steps.flat_map(|step| step.routes).collect();
        routes.sort_by_key(|route| route.is_last);
        Contract { sign_in: step.sign_in, routes }
    }

    /// The last step.
    pub fn last(&self) -> &'static Step {
        self.steps.last().expect("a course has steps")
    }

    /// Every check.
    pub fn checks(&self) -> impl Iterator<Item = Check> {
        self.steps.iter().flat_map(Step::own_checks)
    }

    /// The check with this id.
    pub fn check(&self, id: &str) -> Option<Check> {
        self.checks().find(|check| check.id == id)
    }

    /// Every check graded at `step`: its own first, then the earlier ones that still apply.
    pub fn checks_at(&self, step: &Step) -> Vec<Check> {
        let earlier = self.steps.iter().filter(|earlier| earlier.number < step.number);
        let earlier = earlier.flat_map(Step::own_checks).filter(|check| check.applies(step.number));
        step.own_checks().into_iter().chain(earlier).collect()
    }
}
