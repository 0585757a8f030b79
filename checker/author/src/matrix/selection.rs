//! Which part of the matrix is run.

use std::path::Path;

use super::changes::affected_steps;
use super::servers::WrongServer;
use checker::commands::{CommandError, closest, known_step};
use course::COURSE;
use harness::step::Step;

/// The part of the matrix that was asked for. Several conditions must all be met.
#[derive(Debug, Default)]
pub struct Selection {
    /// Every check of the step on every wrong server, in place of the declared ones and a control.
    pub full: bool,
    /// Only this step.
    pub step: Option<u8>,
    /// Only the steps affected by what has changed since this git revision.
    pub changed: Option<String>,
    /// Only the wrong servers that declare this check.
    pub check: Option<String>,
    /// Only this wrong server.
    pub server: Option<String>,
}

impl Selection {
    /// The steps whose servers are run.
    ///
    /// # Errors
    ///
    /// There is no such step, or git cannot say what has changed.
    pub async fn steps(&self, root: &Path) -> Result<Vec<&'static Step>, CommandError> {
        let mut steps: Vec<&Step> = match self.step {
            Some(number) => vec![known_step(COURSE, number)?],
            None => COURSE.steps.iter().collect(),
        };
        if let Some(revision) = &self.changed {
            let affected: Vec<u8> = affected_steps(root, revision).await?.iter().map(|step| step.number).collect();
            steps.retain(|step| affected.contains(&step.number));
        }
        Ok(steps)
    }

    /// The servers to run: the control of each step, then the wrong servers.
    ///
    /// # Errors
    ///
    /// No wrong server of these steps has the name, or declares the check.
    pub fn servers(&self, steps: &[&Step], catalogue: &[WrongServer]) -> Result<Vec<WrongServer>, CommandError> {
        let is_named = |server: &WrongServer| self.server.as_ref().is_none_or(|name| server.name == *name);
        let declares = |server: &WrongServer| self.check.as_ref().is_none_or(|id| server.declares(id));
        let (mut controls, mut wrong) = (Vec::new(), Vec::new());
        for step in steps {
            let before = wrong.len();
            let own = catalogue.iter().filter(|server| server.step == step.number);
            wrong.extend(own.filter(|server| is_named(server) && declares(server)).cloned());
            let control = WrongServer::control(step.number);
            if is_named(&control) && (self.server.is_some() || wrong.len() > before) {
                controls.push(control);
            }
        }
        controls.extend(wrong);
        if controls.is_empty() { Err(self.nothing_selected()) } else { Ok(controls) }
    }

    /// Whether every wrong server of the selected steps is run.
    pub fn has_whole_steps(&self) -> bool {
        self.check.is_none() && self.server.is_none()
    }

    /// Whether every wrong server is run.
    pub fn is_everything(&self) -> bool {
        self.has_whole_steps() && self.step.is_none() && self.changed.is_none()
    }

    fn nothing_selected(&self) -> CommandError {
        let list = "`cargo run -p saboteur -- list` shows the wrong servers and the checks that they declare.";
        match (&self.server, &self.check) {
            (None, Some(id)) => match (COURSE.check(id), closest(COURSE, id)) {
                (None, Some(closest)) => {
                    CommandError::usage(format!("There is no check {id}."), format!("Did you mean {closest}?"))
                }
                (None, None) => {
                    CommandError::usage(format!("There is no check {id}."), "`cargo run -p checker -- list` shows the checks.")
                }
                (Some(_), _) => CommandError::usage(format!("No wrong server of the selected steps declares {id}."), list),
            },
            (Some(name), None) => CommandError::usage(format!("The selected steps have no wrong server {name}."), list),
            (Some(name), Some(id)) => {
                CommandError::usage(format!("The selected steps have no wrong server {name} that declares {id}."), list)
            }
            (None, None) => CommandError::usage("The selected steps have no wrong servers.", list),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(step: u8, name: &str, trips: &[&str]) -> WrongServer {
        let trips = trips.iter().map(|id| (*id).to_owned()).collect();
        WrongServer { name: name.into(), step, breaks: "It forgets.".into(), trips }
    }

    /// The steps and names of the servers that are run, in order, or why there are none.
    fn selected(selection: &Selection, steps: &[&Step]) -> Result<Vec<(u8, String)>, String> {
        let catalogue =
            [server(1, "forgets", &["1.list", "1.create"]), server(1, "refuses", &["1.create"]), server(2, "hides", &["1.list"])];
        let servers = selection.servers(steps, &catalogue).map_err(|trouble| trouble.problem.title)?;
        Ok(servers.into_iter().map(|server| (server.step, server.name)).collect())
    }

    fn named(servers: &[(u8, &str)]) -> Result<Vec<(u8, String)>, String> {
        Ok(servers.iter().map(|(step, name)| (*step, (*name).to_owned())).collect())
    }

    fn steps() -> Vec<&'static Step> {
        COURSE.steps[..2].iter().collect()
    }

    #[test]
    fn whole_steps_are_their_controls_and_all_their_wrong_servers() {
        let expected = named(&[(1, "none"), (2, "none"), (1, "forgets"), (1, "refuses"), (2, "hides")]);
        assert_eq!(selected(&Selection::default(), &steps()), expected);
        assert_eq!(selected(&Selection::default(), &steps()[1..]), named(&[(2, "none"), (2, "hides")]));
    }

    #[test]
    fn a_check_selects_those_that_declare_it_and_their_controls() {
        let selection = |id: &str| Selection { check: Some(id.into()), ..Selection::default() };
        assert_eq!(selected(&selection("1.list"), &steps()), named(&[(1, "none"), (2, "none"), (1, "forgets"), (2, "hides")]));
        assert_eq!(selected(&selection("1.create"), &steps()), named(&[(1, "none"), (1, "forgets"), (1, "refuses")]));
    }

    #[test]
    fn a_name_selects_one_server_or_the_controls() {
        let selection = Selection { server: Some("hides".into()), ..Selection::default() };
        assert_eq!(selected(&selection, &steps()), named(&[(2, "hides")]));
        let selection = Selection { server: Some("none".into()), ..Selection::default() };
        assert_eq!(selected(&selection, &steps()), named(&[(1, "none"), (2, "none")]));
    }

    #[test]
    fn what_selects_nothing_is_an_error_that_says_why() {
        let error = |server: Option<&str>, check: Option<&str>| {
            let (server, check) = (server.map(str::to_owned), check.map(str::to_owned));
            selected(&Selection { server, check, ..Selection::default() }, &steps()).expect_err("nothing is selected")
        };
        assert_eq!(error(Some("gone"), None), "The selected steps have no wrong server gone.");
        assert_eq!(error(None, Some("1.gone")), "There is no check 1.gone.");
        assert_eq!(error(None, Some("1.delete")), "No wrong server of the selected steps declares 1.delete.");
        let both = error(Some("refuses"), Some("1.list"));
        assert_eq!(both, "The selected steps have no wrong server refuses that declares 1.list.");
    }

    #[tokio::test]
    async fn a_step_that_does_not_exist_cannot_be_selected() {
        let selection = |step| Selection { step: Some(step), ..Selection::default() };
        assert!(selection(99).steps(Path::new(".")).await.is_err());
        let steps = selection(2).steps(Path::new(".")).await.expect("there is a step 2");
        assert_eq!(steps.iter().map(|step| step.number).collect::<Vec<_>>(), [2]);
    }
}
