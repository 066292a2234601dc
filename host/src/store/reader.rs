//! Reading what is stored from another process: beside a running server or without one. Takes no lock and changes nothing.

use std::path::Path;

use rusqlite::Connection;

use super::compare::{self, Comparison, ComparisonError, ComparisonRequest};
use super::find::{self, FindError, FoundBinding};
use super::{StoreError, schema};

/// A database that is only read.
pub struct StoreReader {
    connection: Connection,
}

impl StoreReader {
    /// Opens a database that a server of this version has opened before.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        // SQLite's own words for a file that is not there are no help.
        std::fs::metadata(path).map_err(|source| StoreError::File { path: path.to_owned(), source })?;
        let connection = schema::open_read_only(path)
            .map_err(|source| StoreError::Query { operation: "open the database", source })?;
        schema::check_version(&connection, path)?;
        Ok(Self { connection })
    }

    pub(super) fn run<T>(
        &self,
        operation: &'static str,
        query: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        query(&self.connection).map_err(|source| StoreError::Query { operation, source })
    }

    /// The binding of that name that judged the newest interaction, else the one whose digest begins like that.
    pub fn binding_find(&self, wanted: &str) -> Result<Result<FoundBinding, FindError>, StoreError> {
        self.run("find a binding", |connection| find::find(connection, wanted))
    }

    /// Compares two bindings. Takes some seconds for a million interactions.
    pub fn compare(&self, request: &ComparisonRequest) -> Result<Comparison, ComparisonError> {
        self.run("compare two bindings", |connection| compare::compare(connection, request, &|| true))?
    }
}
