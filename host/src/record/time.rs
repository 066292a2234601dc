//! A moment, to the nanosecond.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A moment in UTC, to the nanosecond, from 1970 to 2262: what fits a signed 64-bit count of nanoseconds.
/// As text it is RFC 3339.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String, format = DateTime)]
pub struct Time(i64);

/// Why a text is no [`Time`].
#[derive(Debug, thiserror::Error)]
pub enum TimeError {
    /// Not RFC 3339.
    #[error("expected a time as in RFC 3339, such as 2026-03-01T12:00:00Z")]
    Syntax,
    /// Before 1970 or after 2262.
    #[error("expected a time from the year 1970 to 2262")]
    Range,
}

impl Time {
    /// This moment by the machine's clock.
    pub fn now() -> Self {
        Self(i64::try_from(jiff::Timestamp::now().as_nanosecond()).unwrap_or(i64::MAX))
    }

    /// Nanoseconds since 1970-01-01T00:00:00Z, never below 0.
    pub fn as_nanoseconds(self) -> i64 {
        self.0
    }

    /// How long after the other this moment is; nothing where it is not after it.
    pub fn since(self, other: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(other.0).try_into().unwrap_or(0))
    }

    /// The moment that many nanoseconds after 1970-01-01T00:00:00Z; a count below 0 is taken as 0.
    pub fn from_nanoseconds(nanoseconds: i64) -> Self {
        Self(nanoseconds.max(0))
    }
}

impl std::ops::Add<Duration> for Time {
    type Output = Self;

    /// That much later, and never after 2262.
    fn add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)))
    }
}

impl FromStr for Time {
    type Err = TimeError;

    fn from_str(text: &str) -> Result<Self, TimeError> {
        let parsed: jiff::Timestamp = text.parse().map_err(|_| TimeError::Syntax)?;
        match i64::try_from(parsed.as_nanosecond()) {
            Ok(nanoseconds) if nanoseconds >= 0 => Ok(Self(nanoseconds)),
            _ => Err(TimeError::Range),
        }
    }
}

impl TryFrom<String> for Time {
    type Error = TimeError;

    fn try_from(text: String) -> Result<Self, TimeError> {
        text.parse()
    }
}

impl From<Time> for String {
    fn from(time: Time) -> Self {
        time.to_string()
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = jiff::Timestamp::from_nanosecond(i128::from(self.0)).map_err(|_| fmt::Error)?;
        write!(f, "{time}")
    }
}
