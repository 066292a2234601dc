//! Which interactions a binding judges: an expression of the Common Expression Language over an interaction.

mod expression;

use std::fmt;
use std::sync::Arc;

use cel::{Context, Env, ExecutionError, Value};

use expression::Expression;

use super::Interaction;

/// A compiled CEL expression over the fields of an interaction, by the names they are posted under. It is a pure
/// function, so whether an interaction was filtered is computed when asked and never stored.
pub struct Filter {
    source: String,
    expression: Expression,
    fields: Vec<&'static Field>,
    env: Arc<Env>,
}

/// Why a text is no [`Filter`].
#[derive(Debug, thiserror::Error)]
pub enum FilterError {
    /// More than is worked out for every interaction.
    #[error("the filter is too large: {0}")]
    TooLarge(String),
    /// Not CEL.
    #[error("the filter is not valid CEL: {0}")]
    Syntax(String),
    /// It failed on an interaction that has every field, or gave no boolean.
    #[error("the filter does not work on an interaction: {0}")]
    Useless(String),
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

/// Fields that hold whatever the application posts.
const OPEN: [&str; 5] = ["parameters", "attributes", "input", "output", "context"];

/// Whether the name is that of a macro's variable, as in `input.exists(m, m.role == "user")`.
fn is_bound(source: &str, name: &str) -> bool {
    let source: String = source.split_ascii_whitespace().collect();
    let macros = ["all", "exists", "exists_one", "existsOne", "map", "filter"];
    name.starts_with('@') || macros.iter().any(|of| source.contains(&format!(".{of}({name},")))
}

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
        let expression = Expression::compile(source, &env)?;
        let fields = expression
            .variables()
            .into_iter()
            .filter(|name| !is_bound(source, name))
            .map(|name| FIELDS.iter().find(|field| field.name == name).ok_or(FilterError::UnknownField { name }))
            .collect::<Result<_, _>>()?;
        let filter = Self { source: source.to_owned(), expression, fields, env };
        filter.probe()?;
        Ok(filter)
    }

    /// Tries it on an interaction that has every field, so that a misspelt function or field shows at once and not as
    /// a binding that judges nothing. Only what is open (attributes, parameters, lengths) may fail there.
    fn probe(&self) -> Result<(), FilterError> {
        let is_open = || self.fields.iter().any(|field| OPEN.contains(&field.name));
        match self.execute(&Interaction::canary()) {
            Ok(Value::Bool(_)) | Err(ExecutionError::IndexOutOfBounds(_)) => Ok(()),
            Err(ExecutionError::NoSuchKey(_)) if is_open() => Ok(()),
            Ok(other) => Err(FilterError::Useless(format!("it gives a {}, not a boolean", other.type_of()))),
            Err(error) => Err(FilterError::Useless(in_words(&error))),
        }
    }

    /// The expression as it was written.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Whether the interaction passes. An expression that fails on it, for example on a key that is not there, or
    /// that gives no boolean, lets nothing pass and says why.
    pub fn passes(&self, interaction: &Interaction) -> Result<bool, String> {
        match self.execute(interaction) {
            Ok(Value::Bool(passes)) => Ok(passes),
            Ok(other) => Err(format!("the filter gave a value of type {}, not a boolean", other.type_of())),
            Err(error) => Err(format!("the filter failed: {}", in_words(&error))),
        }
    }

    fn execute(&self, interaction: &Interaction) -> Result<Value, ExecutionError> {
        let mut context = Context::with_env(Arc::clone(&self.env));
        for field in &self.fields {
            context.add_variable_from_value(field.name, (field.value)(interaction));
        }
        self.expression.work_out(&mut context)
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

/// What failed, with the types of values in place of the values: they may hold the whole interaction, and the keys of a map
/// in another order each time.
fn in_words(error: &ExecutionError) -> String {
    let one = |what: &str, value: &Value| format!("{what} does not take a {}", value.type_of());
    let two = |what: &str, left: &Value, right: &Value| {
        format!("{what} does not take a {} and a {}", left.type_of(), right.type_of())
    };
    match error {
        ExecutionError::UnsupportedTargetType { target } => one("a function", target),
        ExecutionError::NotSupportedAsMethod { method, target } => one(&format!("the method `{method}`"), target),
        ExecutionError::UnsupportedKeyType(value) | ExecutionError::DuplicateKey(value) => one("a map's key", value),
        ExecutionError::ValuesNotComparable(left, right) => two("a comparison", left, right),
        ExecutionError::UnsupportedBinaryOperator(operator, left, right) => two(&format!("`{operator}`"), left, right),
        ExecutionError::UnsupportedIndex(index, value) => two("an index", index, value),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::Filter;

    pub(super) fn check(source: &str, expected: Result<(), &str>) {
        let made = Filter::new(source).map_err(|error| error.to_string());
        match (made, expected) {
            (Ok(_), Ok(())) => {}
            (Err(error), Err(says)) => assert!(error.contains(says), "{source}: {error}"),
            (made, expected) => panic!("{source}: {made:?}, expected {expected:?}"),
        }
    }

    #[test]
    fn a_filter_that_can_judge_nothing_is_refused() {
        check("operation == \"chat\" && model.startsWith(\"gpt-4\")", Ok(()));
        check("usage.output_tokens > 20 && duration_ms > 1000.0", Ok(()));
        check("attributes.plan == \"gold\"", Ok(()));
        check("has(parameters.top_k) && parameters.top_k > 3", Ok(()));
        check("input.exists(m, m.role == \"user\")", Ok(()));
        check("output.all( m , m.role == \"assistant\")", Ok(()));
        check("input[3].role == \"user\"", Ok(()));
        check("error == null", Ok(()));
        check("usage.outptu_tokens > 20", Err("No such key: outptu_tokens"));
        check("model.startWith(\"gpt\")", Err("does not work"));
        check("model.matches(\"(\")", Err("does not work"));
        check("model", Err("not a boolean"));
        check("input - model == null", Err("does not take a list and a string"));
        check("size(model)", Err("not a boolean"));
        check("modle == \"gpt\"", Err("names `modle`"));
        check("model ==", Err("not valid CEL"));
    }
}
