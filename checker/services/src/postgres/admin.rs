//! The connection by which databases are made and removed.

use tokio::sync::Mutex;

use super::client::{Client, Fault, Rows};
use crate::find::Address;

/// A connection that is kept between two statements: opening one costs a server more than most of what is asked by it.
pub struct Admin {
    /// A database that is always there.
    pub address: Address,
    kept: Mutex<Option<Client>>,
}

impl Admin {
    /// Connects with the first statement.
    pub fn new(address: Address) -> Admin {
        Admin { address, kept: Mutex::default() }
    }

    /// Runs SQL.
    pub async fn query(&self, sql: &str) -> Result<Rows, Fault> {
        let mut kept = self.kept.lock().await;
        // Taken out, because nobody can go on with a connection whose query was given up.
        let mut last = kept.take();
        loop {
            let is_new = last.is_none();
            let mut client = match last.take() {
                Some(client) => client,
                None => Client::connect(&self.address).await?,
            };
            match client.query(sql).await {
                // It was ended since it was last used.
                Err(Fault::Connection(_)) if !is_new => {}
                Err(Fault::Connection(error)) => return Err(Fault::Connection(error)),
                result => {
                    *kept = Some(client);
                    return result;
                }
            }
        }
    }
}
