//! The connection that creates and removes databases.

use tokio::sync::Mutex;

use super::client::{Client, Fault, Rows};
use fixtures::find::Address;

/// A connection that is kept between statements, because opening one costs more than most statements.
pub struct Admin {
    /// A database that always exists.
    pub address: Address,
    kept: Mutex<Option<Client>>,
}

impl Admin {
    /// Connects on the first statement.
    pub fn new(address: Address) -> Admin {
        Admin { address, kept: Mutex::default() }
    }

    /// Runs SQL.
    pub async fn query(&self, sql: &str) -> Result<Rows, Fault> {
        let mut kept = self.kept.lock().await;
        // Taken out, because a connection is unusable once its query has been canceled.
        let mut last = kept.take();
        loop {
            let is_new = last.is_none();
            let mut client = match last.take() {
                Some(client) => client,
                None => Client::connect(&self.address).await?,
            };
            match client.query(sql).await {
                // The server has closed the kept connection; the loop opens a new one.
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
