//! A check: an id, a claim, hints, a place in the book, and a body that proves the claim.

use std::future::Future;
use std::pin::Pin;

use crate::api::Api;
use fixtures::Fixture;
use model::{Kind, Outcome};

type Body = Box<dyn Proof>;

/// One check of the course.
pub struct Check {
    /// `STEP.slug`, such as `1.create`.
    pub id: &'static str,
    /// The claim about the server, in one sentence.
    pub claim: &'static str,
    /// The step that introduces the check.
    pub step: u8,
    /// Whether the check is extra.
    pub stretch: bool,
    /// The folder of that step.
    pub slug: &'static str,
    /// Whether nothing else may run meanwhile, because the check measures times.
    pub exclusive: bool,
    /// Whether it works with a second user.
    pub second_user: bool,
    /// The fixture that it disturbs. Such a check is isolated: it starts its own servers, on backing services of their own.
    pub disturbs: Option<&'static dyn Fixture>,
    /// Checks without which this one proves nothing; if one of them does not pass, this one is skipped.
    pub needs: &'static [&'static str],
    /// The last step that it applies to, if a later step changes the contract.
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
        exclusive: false,
        second_user: false,
        disturbs: None,
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

    /// Where the book explains it: a path from the repository's root, and a heading.
    pub fn chapter(&self) -> String {
        format!("docs/src/{}.md#{}", self.slug, self.anchor)
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
    exclusive: bool,
    second_user: bool,
    disturbs: Option<&'static dyn Fixture>,
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

    /// The check measures times, so nothing else may run meanwhile.
    pub fn exclusive(mut self) -> Self {
        self.exclusive = true;
        self
    }

    /// The check needs a second user. Declaring it saves the other workers the password hash that a signup costs.
    pub fn second_user(mut self) -> Self {
        self.second_user = true;
        self
    }

    /// The check disturbs this fixture. It starts its own servers on backing services of its own, and sends nothing to the server
    /// that is already running, so that other checks can examine that one meanwhile.
    pub fn disturbs(mut self, fixture: &'static dyn Fixture) -> Self {
        self.disturbs = Some(fixture);
        self
    }

    /// Checks without which this one proves nothing.
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

    /// The body, which returns early if the server breaks the claim.
    pub fn proof(self, body: impl AsyncFn(&Api) -> Outcome + 'static) -> Check {
        Check {
            id: self.id,
            claim: self.claim,
            step: self.step,
            stretch: self.stretch,
            slug: "",
            exclusive: self.exclusive,
            second_user: self.second_user,
            disturbs: self.disturbs,
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
