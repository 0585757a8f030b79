//! Processes of the target, and the databases they get.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use futures_util::future::join_all;

use super::database::Store;
use crate::outcome::Problem;
use crate::services::Postgres;
use crate::target::{Launcher, RunToExit, Server};

/// The first step whose servers keep their data in a database.
pub const FIRST_WITH_A_DATABASE: u8 = 3;

/// Starts processes of the target, each with its environment.
pub struct Instances {
    launcher: RefCell<Launcher>,
    service: Option<Postgres>,
    shared: Option<Rc<Store>>,
    /// Every database made in this run, the shared one included.
    stores: RefCell<Vec<Rc<Store>>>,
}

impl Instances {
    /// For a target that needs no database, or that has its own.
    pub fn without_database(launcher: Launcher) -> Instances {
        Instances { launcher: launcher.into(), service: None, shared: None, stores: RefCell::default() }
    }

    /// For a target whose processes share a database, which is made now.
    pub async fn with_database(launcher: Launcher, service: Postgres) -> Result<Instances, Problem> {
        let shared = Rc::new(Store::make(&service).await?);
        let stores = RefCell::new(vec![shared.clone()]);
        Ok(Instances { launcher: launcher.into(), service: Some(service), shared: Some(shared), stores })
    }

    /// Whether the target is a server that runs already.
    pub fn is_url(&self) -> bool {
        self.launcher.borrow().is_url()
    }

    /// The database that checks share.
    pub fn shared(&self) -> Option<&Rc<Store>> {
        self.shared.as_ref()
    }

    /// Every database made so far.
    pub fn stores(&self) -> Vec<Rc<Store>> {
        self.stores.borrow().clone()
    }

    /// Makes another database, without tables.
    pub async fn make_store(&self) -> Result<Rc<Store>, Problem> {
        let Some(service) = &self.service else {
            return Err(Problem::new("There is no database in this run.", "See what the checker said when it started."));
        };
        let store = Rc::new(Store::make(service).await?);
        self.stores.borrow_mut().push(store.clone());
        Ok(store)
    }

    /// Starts a process on a database.
    pub async fn start(&self, store: Option<&Store>, env: &[(&str, &str)]) -> Result<Server, Problem> {
        let url = store.map(Store::url);
        let launcher = self.launcher.borrow().clone();
        launcher.start(&environment(url.as_deref(), env)).await
    }

    /// Starts a process that is expected to end by itself, on the shared database unless `env` says otherwise.
    pub async fn run_to_exit(&self, env: &[(&str, &str)], deadline: Duration) -> RunToExit {
        let url = self.shared().map(|store| store.url());
        let launcher = self.launcher.borrow().clone();
        launcher.run_to_exit(&environment(url.as_deref(), env), deadline).await
    }

    /// Starts nothing any more: the server has ended by itself too often.
    pub fn give_up(&self) {
        let given_up = self.launcher.borrow().given_up();
        self.launcher.replace(given_up);
    }

    /// Removes every database of this run.
    pub async fn close(self) {
        drop(self.shared);
        let stores = self.stores.take().into_iter().filter_map(Rc::into_inner);
        join_all(stores.map(Store::remove)).await;
    }
}

fn environment<'a>(url: Option<&'a str>, env: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let database = url.map(|url| ("DATABASE_URL", url));
    database.into_iter().chain(env.iter().copied()).collect()
}
