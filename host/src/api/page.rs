//! Lists in pages: the parameters that every list takes, and the shape that every list has.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;

use crate::http::Problem;
use crate::record::{Reason, Seq, Severity, Time};
use crate::store::{InteractionFilter, OutcomeFilter, Page, Position, VerdictFilter};

/// A stretch of a list.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct List<T> {
    /// The items, newest first.
    pub(super) items: Vec<T>,
    /// Give this as `cursor` to get the next stretch; null at the end.
    pub(super) next: Option<String>,
}

impl<T> List<T> {
    pub(super) fn of<R>(page: Page<R>, item: impl FnMut(R) -> T) -> Self {
        Self { items: page.items.into_iter().map(item).collect(), next: page.next.map(write_cursor) }
    }
}

/// The query of a list. Every parameter narrows the list; those about verdicts all have to hold of one verdict. Each is
/// read as text first, so that what is wrong with it can be said.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct ListQuery {
    /// Where to go on: the `next` of the list before.
    pub(super) cursor: Option<String>,
    /// How many items at most, 1 to 500; 50 where absent.
    #[param(value_type = u32, required = false, minimum = 1, maximum = 500)]
    pub(super) limit: Option<String>,
    /// Filed under this project.
    pub(super) project: Option<String>,
    /// Answered by this provider.
    pub(super) provider: Option<String>,
    /// Answered by this model.
    pub(super) model: Option<String>,
    /// Of this session.
    pub(super) session: Option<String>,
    /// Of this user.
    pub(super) user: Option<String>,
    /// Made from the prompt template of this name.
    pub(super) prompt: Option<String>,
    /// `true`: the call failed. `false`: it did not.
    #[param(value_type = bool, required = false)]
    pub(super) has_error: Option<String>,
    /// Started at this moment (RFC 3339) or later.
    #[param(value_type = Time, required = false)]
    pub(super) from: Option<String>,
    /// Started before this moment (RFC 3339).
    #[param(value_type = Time, required = false)]
    pub(super) to: Option<String>,
    /// Judged by the binding of this name.
    pub(super) plugin: Option<String>,
    /// Judged by this binding: a digest as in `/v1/plugins`. Where a binding was changed, verdicts of the old one stay,
    /// and `plugin` finds those of both.
    pub(super) binding: Option<String>,
    /// `true`: also by shadow bindings, which are otherwise left out unless `plugin` or `binding` names them.
    #[param(value_type = bool, required = false)]
    pub(super) shadow: Option<String>,
    /// Given a verdict of this name.
    pub(super) verdict: Option<String>,
    /// Given a verdict with this label or code.
    pub(super) label: Option<String>,
    /// Given a verdict with at least this value; true counts as 1 and false as 0.
    #[param(value_type = f64, required = false)]
    pub(super) min_value: Option<String>,
    /// Given a verdict with at most this value.
    #[param(value_type = f64, required = false)]
    pub(super) max_value: Option<String>,
    /// Given a finding of at least this severity: `info`, `low`, `medium`, `high` or `critical`.
    #[param(value_type = Severity, required = false)]
    pub(super) min_severity: Option<String>,
    /// What came of an evaluation: `succeeded`, `failed`, or the reason of a failure such as `deadline`.
    pub(super) outcome: Option<String>,
}

/// How many items a list has where nothing is said of it, and at most.
const ITEMS: (usize, usize) = (50, 500);

/// The query of a list, with every parameter valid.
pub(super) struct ListRequest {
    pub(super) filter: InteractionFilter,
    pub(super) after: Option<Position>,
    pub(super) limit: usize,
}

impl<S: Send + Sync> FromRequestParts<S> for ListRequest {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        parse_query::<ListQuery>(parts.uri.query().unwrap_or_default())?.try_into()
    }
}

/// The query of one interaction.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct DetailQuery {
    /// `true`: with the evaluations of shadow bindings.
    #[param(value_type = bool, required = false)]
    shadow: Option<String>,
}

/// Whether the evaluations of shadow bindings are asked for.
pub(super) struct Shadows(pub(super) bool);

impl<S: Send + Sync> FromRequestParts<S> for Shadows {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let query = parse_query::<DetailQuery>(parts.uri.query().unwrap_or_default())?;
        Ok(Self(flag("shadow", query.shadow)?.unwrap_or(false)))
    }
}

pub(super) fn parse_query<T: DeserializeOwned>(query: &str) -> Result<T, Problem> {
    let pairs = serde_urlencoded::Deserializer::new(form_urlencoded::parse(query.as_bytes()));
    serde_path_to_error::deserialize(pairs).map_err(|error| {
        let said = error.inner().to_string();
        let quoted = said.split('`').nth(1).map(str::to_owned);
        Problem::field(quoted.unwrap_or_else(|| error.path().to_string()), said)
    })
}

impl TryFrom<ListQuery> for ListRequest {
    type Error = Problem;

    fn try_from(query: ListQuery) -> Result<Self, Problem> {
        let limit = limit(query.limit, ITEMS)?;
        let time =
            "a time from 1970 to 2262 as in RFC 3339, such as 2026-03-01T12:00:00Z; in an address, + is written %2B";
        let verdict = VerdictFilter {
            plugin: query.plugin,
            binding: parse("binding", query.binding, "the 64 hexadecimal digits of a binding's digest")?,
            shadows: flag("shadow", query.shadow)?.unwrap_or(false),
            verdict: query.verdict,
            label: query.label,
            min_value: number("min_value", query.min_value)?,
            max_value: number("max_value", query.max_value)?,
            min_severity: query.min_severity.map(|text| severity(&text)).transpose()?,
            outcome: query.outcome.map(|text| outcome(&text)).transpose()?,
        };
        let filter = InteractionFilter {
            project: query.project,
            provider: query.provider,
            model: query.model,
            session: query.session,
            user: query.user,
            prompt: query.prompt,
            has_error: flag("has_error", query.has_error)?,
            from: parse::<Time>("from", query.from, time)?,
            to: parse::<Time>("to", query.to, time)?,
            verdict,
        };
        let after = query.cursor.map(|text| read_cursor(&text)).transpose()?;
        Ok(Self { filter, after, limit })
    }
}

/// The parameter `limit`: what it is where it is absent, and at most.
pub(super) fn limit(text: Option<String>, (absent, most): (usize, usize)) -> Result<usize, Problem> {
    let expected = format!("a number from 1 to {most}");
    match parse("limit", text, &expected)? {
        None => Ok(absent),
        Some(limit) if (1..=most).contains(&limit) => Ok(limit),
        Some(limit) => Err(Problem::field("limit", format!("expected {expected}, got {limit}"))),
    }
}

fn parse<T: std::str::FromStr>(
    field: &'static str,
    text: Option<String>,
    expected: &str,
) -> Result<Option<T>, Problem> {
    text.map(|text| text.parse().map_err(|_| Problem::field(field, format!("expected {expected}, got {text:?}"))))
        .transpose()
}

/// Refuses a range of time that ends before it begins.
pub(super) fn check_range(from: Option<Time>, to: Option<Time>) -> Result<(), Problem> {
    match (from, to) {
        (Some(from), Some(to)) if to <= from => {
            Err(Problem::field("to", format!("expected a moment after `from`, which is {from}")))
        }
        _ => Ok(()),
    }
}

fn flag(field: &'static str, text: Option<String>) -> Result<Option<bool>, Problem> {
    parse(field, text, "true or false")
}

fn number(field: &'static str, text: Option<String>) -> Result<Option<f64>, Problem> {
    let expected = "a finite number";
    match parse::<f64>(field, text, expected)? {
        Some(number) if !number.is_finite() => Err(Problem::field(field, format!("expected {expected}, got {number}"))),
        number => Ok(number),
    }
}

fn severity(text: &str) -> Result<Severity, Problem> {
    let quoted = serde_json::Value::from(text);
    serde_json::from_value(quoted).map_err(|_| {
        Problem::field("min_severity", format!("expected info, low, medium, high or critical, got {text:?}"))
    })
}

fn outcome(text: &str) -> Result<OutcomeFilter, Problem> {
    match text {
        "succeeded" => Ok(OutcomeFilter::Succeeded),
        "failed" => Ok(OutcomeFilter::Failed),
        reason => Reason::parse(reason).map(OutcomeFilter::FailedFor).ok_or_else(|| {
            let reasons = Reason::ALL.map(Reason::as_str).join(", ");
            Problem::field("outcome", format!("expected succeeded, failed or one of {reasons}; got {text:?}"))
        }),
    }
}

/// A cursor is opaque to clients: the four numbers of a position in hexadecimal.
fn write_cursor(position: Position) -> String {
    let Position { started_at, seq, binding, place } = position;
    format!("{:x}-{:x}-{binding:x}-{place:x}", started_at.as_nanoseconds(), seq.0)
}

fn read_cursor(text: &str) -> Result<Position, Problem> {
    let parse = || {
        let mut numbers = text.split('-').map(|number| i64::from_str_radix(number, 16).ok());
        let mut next = || numbers.next().flatten();
        let position = Position {
            started_at: Time::from_nanoseconds(next()?),
            seq: Seq(next()?.unsigned_abs()),
            binding: next()?,
            place: next()?,
        };
        numbers.next().is_none().then_some(position)
    };
    parse().ok_or_else(|| Problem::field("cursor", "expected the `next` of the list before"))
}
