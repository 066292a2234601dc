//! SQL conditions put together from filters; every value is bound, none is written into the text.

use rusqlite::ToSql;

use super::list::InteractionFilter;
use crate::record::Time;

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

    /// Whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.sql.is_empty()
    }

    /// The conditions as one.
    pub(super) fn sql(&self) -> String {
        if self.sql.is_empty() { "1".to_owned() } else { self.sql.join(" AND ") }
    }
}

/// What asks of the interaction itself.
pub(super) fn interaction_conditions(filter: &InteractionFilter) -> Conditions {
    let mut conditions = Conditions::default();
    conditions.add_some("i.project = (SELECT id FROM names WHERE text = ?)", filter.project.as_ref());
    conditions.add_some("i.provider = (SELECT id FROM names WHERE text = ?)", filter.provider.as_ref());
    conditions.add_some("i.model = (SELECT id FROM names WHERE text = ?)", filter.model.as_ref());
    conditions.add_some("i.prompt = (SELECT id FROM names WHERE text = ?)", filter.prompt.as_ref());
    conditions.add_some("i.session = ?", filter.session.as_ref());
    conditions.add_some("i.user = ?", filter.user.as_ref());
    match filter.has_error {
        Some(true) => conditions.add("i.error IS NOT NULL", []),
        Some(false) => conditions.add("i.error IS NULL", []),
        None => {}
    }
    conditions
}

/// The index for the condition that leaves the fewest rows, as a rule.
pub(super) fn index(filter: &InteractionFilter) -> &'static str {
    match filter {
        InteractionFilter { session: Some(_), .. } => "interactions_session",
        InteractionFilter { user: Some(_), .. } => "interactions_user",
        InteractionFilter { prompt: Some(_), .. } => "interactions_prompt",
        InteractionFilter { has_error: Some(true), .. } => "interactions_error",
        InteractionFilter { model: Some(_), .. } => "interactions_model",
        InteractionFilter { provider: Some(_), .. } => "interactions_provider",
        InteractionFilter { project: Some(_), .. } => "interactions_project",
        _ => "interactions_started",
    }
}

/// What asks of when it was started.
pub(super) fn time_conditions(conditions: &mut Conditions, filter: &InteractionFilter) {
    conditions.add_some("i.started_at >= ?", filter.from.map(Time::as_nanoseconds).as_ref());
    conditions.add_some("i.started_at < ?", filter.to.map(Time::as_nanoseconds).as_ref());
}
