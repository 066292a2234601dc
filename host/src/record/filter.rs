//! Which interactions a binding judges: an expression of the Common Expression Language over an interaction.

use std::fmt;
use std::sync::Arc;

use cel::{Context, Env, Program, Value};

use super::Interaction;

/// A compiled CEL expression over the fields of an interaction, by the names they are posted under. It is a pure
/// function, so whether an interaction was filtered is computed when asked and never stored.
pub struct Filter {
    source: String,
    program: Program,
    fields: Vec<&'static Field>,
    env: Arc<Env>,
}

/// Why a text is no [`Filter`].
#[derive(Debug, thiserror::Error)]
pub enum FilterError {
    /// Not CEL.
    #[error("the filter is not valid CEL: {0}")]
    Syntax(String),
    /// A name that is no field of an interaction.
    #[error("the filter names `{name}`, which is no field of an interaction; there are {}", Filter::field_names())]
    UnknownField {
        /// The unknown name.
        name: String,
    },
}

struct Field {
    name: &'static str,
    value: fn(&Interaction) -> Value,
}

const FIELDS: &[Field] = &[
    Field { name: "id", value: |i| i.id.as_str().into() },
    Field { name: "project", value: |i| i.posted.project.as_str().into() },
    Field { name: "operation", value: |i| i.posted.operation.as_str().into() },
    Field { name: "provider", value: |i| i.posted.provider.as_str().into() },
    Field { name: "model", value: |i| i.posted.model.as_str().into() },
    Field { name: "requested_model", value: |i| i.posted.requested_model.as_ref().map(|m| m.as_str()).into() },
    Field { name: "started_at", value: |i| timestamp(i) },
    Field { name: "duration_ms", value: |i| i.posted.duration_ms.map(|d| Value::Float(d.get())).into() },
    Field {
        name: "time_to_first_token_ms",
        value: |i| i.posted.time_to_first_token_ms.map(|d| Value::Float(d.get())).into(),
    },
    Field { name: "input", value: |i| structured(&i.posted.input) },
    Field { name: "output", value: |i| structured(&i.posted.output) },
    Field { name: "usage", value: |i| structured(&i.posted.usage) },
    Field { name: "parameters", value: |i| structured(&i.posted.parameters) },
    Field { name: "finish_reasons", value: |i| structured(&i.posted.finish_reasons) },
    Field { name: "error", value: |i| structured(&i.posted.error) },
    Field { name: "context", value: |i| structured(&i.posted.context) },
    Field { name: "reference", value: |i| i.posted.reference.as_deref().into() },
    Field { name: "prompt", value: |i| structured(&i.posted.prompt) },
    Field { name: "session", value: |i| i.posted.session.as_ref().map(|s| s.as_str()).into() },
    Field { name: "user", value: |i| i.posted.user.as_ref().map(|u| u.as_str()).into() },
    Field { name: "attributes", value: |i| structured(&i.posted.attributes) },
];

fn structured(value: &impl serde::Serialize) -> Value {
    cel::to_value(value).unwrap_or(Value::Null)
}

fn timestamp(interaction: &Interaction) -> Value {
    let nanoseconds = interaction.started_at.as_nanoseconds();
    Value::Timestamp(chrono::DateTime::from_timestamp_nanos(nanoseconds).fixed_offset())
}

impl Filter {
    /// Compiles the expression and checks that every name in it is a field.
    pub fn new(source: &str) -> Result<Self, FilterError> {
        let env = Arc::new(Env::stdlib());
        let program = env.compile(source).map_err(|error| FilterError::Syntax(error.to_string()))?;
        let fields = program
            .references()
            .variables()
            .into_iter()
            .map(|name| {
                FIELDS
                    .iter()
                    .find(|field| field.name == name)
                    .ok_or_else(|| FilterError::UnknownField { name: name.to_owned() })
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { source: source.to_owned(), program, fields, env })
    }

    /// The expression as it was written.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Whether the interaction passes. An expression that fails on it, for example on a key that is not there, or
    /// that gives no boolean, lets nothing pass and says why.
    pub fn passes(&self, interaction: &Interaction) -> Result<bool, String> {
        let mut context = Context::with_env(Arc::clone(&self.env));
        for field in &self.fields {
            context.add_variable_from_value(field.name, (field.value)(interaction));
        }
        match self.program.execute(&context) {
            Ok(Value::Bool(passes)) => Ok(passes),
            Ok(other) => Err(format!("the filter gave a value of type {}, not a boolean", other.type_of())),
            Err(error) => Err(format!("the filter failed: {error}")),
        }
    }

    fn field_names() -> String {
        FIELDS.iter().map(|field| field.name).collect::<Vec<_>>().join(", ")
    }
}

impl fmt::Debug for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Filter({:?})", self.source)
    }
}
