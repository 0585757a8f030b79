//! What a check is: an id, a claim, hints, a place in the book, and a body that proves the claim.

use std::future::Future;
use std::pin::Pin;

use super::api::Api;
use crate::outcome::{Kind, Outcome};

type Body = Box<dyn Proof>;

/// One check of the course.
pub struct Check {
    /// `STEP.slug`, such as `1.create`.
    pub id: &'static str,
    /// What is claimed of the server, in one sentence.
    pub claim: &'static str,
    /// The step that introduces the check.
    pub step: u8,
    /// Whether the check is extra.
    pub stretch: bool,
    /// Whether nothing else is examined meanwhile, because it measures times.
    pub alone: bool,
    /// Whether it needs what is dear to make in each lane: a second user.
    pub in_first_lane: bool,
    /// Whether the running servers have no part in it: it starts its own, on the database whose way may be disturbed.
    pub apart: bool,
    /// Checks without which this one says nothing; when one of them does not pass, this one is skipped.
    pub needs: &'static [&'static str],
    /// The last step it applies to, when a later step changes what is asked.
    pub until: Option<u8>,
    /// One to three hints, from a nudge to nearly the answer.
    pub hints: &'static [&'static str],
    /// The heading in the step's chapter, as its slug.
    pub anchor: &'static str,
    body: Body,
}

/// Starts the description of a check. `id` begins with the number of its step.
pub fn check(id: &'static str, claim: &'static str) -> Draft {
    let step = id.split('.').next().and_then(|number| number.parse().ok());
    Draft {
        id,
        claim,
        step: step.expect("an id begins with the number of its step"),
        stretch: false,
        alone: false,
        in_first_lane: false,
        apart: false,
        needs: &[],
        until: None,
        hints: &[],
        anchor: "",
    }
}

impl Check {
    /// Whether the check is graded at `step`.
    pub fn applies(&self, step: u8) -> bool {
        self.step <= step && self.until.is_none_or(|last| step <= last)
    }

    /// Why the check is part of a run of `step`.
    pub fn kind(&self, step: u8) -> Kind {
        match (self.stretch, self.step < step) {
            (true, _) => Kind::Stretch,
            (false, true) => Kind::Regression,
            (false, false) => Kind::Core,
        }
    }

    /// Examines a server.
    pub async fn examine(&self, api: &Api) -> Outcome {
        self.body.prove(api).await
    }
}

/// A check without its body.
pub struct Draft {
    id: &'static str,
    claim: &'static str,
    step: u8,
    stretch: bool,
    alone: bool,
    in_first_lane: bool,
    apart: bool,
    needs: &'static [&'static str],
    until: Option<u8>,
    hints: &'static [&'static str],
    anchor: &'static str,
}

impl Draft {
    /// The check is extra.
    pub fn stretch(mut self) -> Self {
        self.stretch = true;
        self
    }

    /// The check measures times, which nothing else may disturb.
    pub fn alone(mut self) -> Self {
        self.alone = true;
        self
    }

    /// The check works with a second user.
    pub fn in_first_lane(mut self) -> Self {
        self.in_first_lane = true;
        self
    }

    /// The check starts the servers that it examines, on the database whose way may be disturbed, which it has for itself. It asks
    /// nothing of the server that runs already, so others may examine that meanwhile.
    pub fn apart(mut self) -> Self {
        self.apart = true;
        self
    }

    /// Checks without which this one says nothing.
    pub fn needs(mut self, ids: &'static [&'static str]) -> Self {
        self.needs = ids;
        self
    }

    /// Hints, from a nudge to nearly the answer.
    pub fn hints(mut self, hints: &'static [&'static str]) -> Self {
        self.hints = hints;
        self
    }

    /// The heading in the step's chapter that explains it, as its slug.
    pub fn book(mut self, anchor: &'static str) -> Self {
        self.anchor = anchor;
        self
    }

    /// The body: it returns early with what broke the claim.
    pub fn proof(self, body: impl AsyncFn(&Api) -> Outcome + 'static) -> Check {
        Check {
            id: self.id,
            claim: self.claim,
            step: self.step,
            stretch: self.stretch,
            alone: self.alone,
            in_first_lane: self.in_first_lane,
            apart: self.apart,
            needs: self.needs,
            until: self.until,
            hints: self.hints,
            anchor: self.anchor,
            body: Box::new(body),
        }
    }
}

/// An async closure behind a pointer.
trait Proof {
    fn prove<'a>(&'a self, api: &'a Api) -> Pin<Box<dyn Future<Output = Outcome> + 'a>>;
}

impl<F: AsyncFn(&Api) -> Outcome> Proof for F {
    fn prove<'a>(&'a self, api: &'a Api) -> Pin<Box<dyn Future<Output = Outcome> + 'a>> {
        Box::pin(self(api))
    }
}
