//! The dictionary of words that many rows share.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension, params};

/// The writer's view of the table `names`: what it has looked up or added.
#[derive(Default)]
pub(super) struct Names {
    known: HashMap<String, i64>,
}

/// Words come from outside, so what is remembered is bounded; the table itself is not.
const MOST_KNOWN: usize = 1 << 16;

impl Names {
    /// The word's number, made where it has none.
    pub(super) fn id(&mut self, connection: &Connection, text: &str) -> rusqlite::Result<i64> {
        if let Some(id) = self.known.get(text) {
            return Ok(*id);
        }
        let found = connection
            .prepare_cached("SELECT id FROM names WHERE text = ?1")?
            .query_row(params![text], |row| row.get(0))
            .optional()?;
        let id = match found {
            Some(id) => id,
            None => connection.prepare_cached("INSERT INTO names (text) VALUES (?1)")?.insert(params![text])?,
        };
        if self.known.len() >= MOST_KNOWN {
            self.known.clear();
        }
        self.known.insert(text.to_owned(), id);
        Ok(id)
    }

    /// Forgets everything: what a transaction added is gone when it is rolled back.
    pub(super) fn forget(&mut self) {
        self.known.clear();
    }
}
