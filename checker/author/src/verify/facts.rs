//! The course as data, so that each rule can be tried on a course that breaks it.

use course::COURSE;
use harness::step::Step;
use workshop::starters::{CheckRow, Outline};

/// What the rules need to know about a step.
#[derive(Debug, Clone)]
pub struct StepFacts {
    /// 1 to 10.
    pub number: u8,
    /// Name of the step's folders.
    pub slug: String,
    /// The title.
    pub title: String,
    /// The checks that the step introduces.
    pub checks: Vec<CheckFacts>,
}

/// What the rules need to know about a check.
#[derive(Debug, Clone)]
pub struct CheckFacts {
    /// `STEP.slug`.
    pub id: String,
    /// The claim.
    pub claim: String,
    /// The hints, from a nudge to nearly the answer.
    pub hints: Vec<String>,
    /// The heading of the chapter that explains it, as its slug.
    pub anchor: String,
    /// Whether it is a stretch check.
    pub stretch: bool,
}

impl StepFacts {
    /// What a starter needs to know about the step.
    pub fn outline(&self) -> Outline {
        let row = |check: &CheckFacts| CheckRow { id: check.id.clone(), claim: check.claim.clone(), stretch: check.stretch };
        Outline { number: self.number, slug: self.slug.clone(), checks: self.checks.iter().map(row).collect() }
    }

    /// The two packages of the step: the starter's and the solution's.
    pub fn packages(&self) -> [String; 2] {
        [format!("step-{}", self.slug), format!("solution-{}", self.slug)]
    }
}

/// Every step of the course.
pub fn from_course() -> Vec<StepFacts> {
    COURSE.steps.iter().map(of_step).collect()
}

fn of_step(step: &'static Step) -> StepFacts {
    let checks = step.own_checks().into_iter().map(|check| CheckFacts {
        id: check.id.to_owned(),
        claim: check.claim.to_owned(),
        hints: check.hints.iter().map(|hint| (*hint).to_owned()).collect(),
        anchor: check.anchor.to_owned(),
        stretch: check.stretch,
    });
    StepFacts { number: step.number, slug: step.slug.to_owned(), title: step.title.to_owned(), checks: checks.collect() }
}

/// Every check of every step.
pub fn checks(steps: &[StepFacts]) -> impl Iterator<Item = &CheckFacts> {
    steps.iter().flat_map(|step| &step.checks)
}
