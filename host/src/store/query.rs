//! SQL conditions put together from filters; every value is bound, none is written into the text.

use rusqlite::ToSql;

/// Conditions that all have to hold, with their values.
#[derive(Default)]
pub(super) struct Conditions {
    sql: Vec<&'static str>,
    pub(super) values: Vec<Box<dyn ToSql>>,
}

impl Conditions {
    /// Adds a condition with one `?` for each value.
    pub(super) fn add(&mut self, sql: &'static str, values: impl IntoIterator<Item = Box<dyn ToSql>>) {
        self.sql.push(sql);
        self.values.extend(values);
    }

    /// Adds a condition on a value where there is one.
    pub(super) fn add_some<T: ToSql + Clone + 'static>(&mut self, sql: &'static str, value: Option<&T>) {
        if let Some(value) = value {
            self.add(sql, [Box::new(value.clone()) as Box<dyn ToSql>]);
        }
    }

    /// The conditions as one.
    pub(super) fn sql(&self) -> String {
        if self.sql.is_empty() { "1".to_owned() } else { self.sql.join(" AND ") }
    }
}
