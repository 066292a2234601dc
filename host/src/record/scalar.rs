//! The small values: names, counts, sizes and durations, each with its range.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A place in the log: 1 is the first interaction, 0 stands before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize)]
#[serde(transparent)]
pub struct Seq(pub u64);

impl Seq {
    /// The place after this one.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

/// A short text that names something: 1 to 256 bytes, without control characters.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String, min_length = 1, max_length = 256)]
pub struct Name(Arc<str>);

/// Why a text is no [`Name`].
#[derive(Debug, thiserror::Error)]
pub enum NameError {
    /// No byte at all.
    #[error("expected at least one character")]
    Empty,
    /// More than 256 bytes.
    #[error("expected at most {max} bytes, got {got}", max = Name::MAX_BYTES)]
    TooLong {
        /// Its length in bytes.
        got: usize,
    },
    /// A line feed, a NUL or another control character.
    #[error("expected no control character")]
    Control,
}

impl Name {
    /// The length of the longest name, in bytes.
    pub const MAX_BYTES: usize = 256;

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Name {
    type Error = NameError;

    fn try_from(text: String) -> Result<Self, NameError> {
        text.parse()
    }
}

impl FromStr for Name {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        if text.is_empty() {
            Err(NameError::Empty)
        } else if text.len() > Self::MAX_BYTES {
            Err(NameError::TooLong { got: text.len() })
        } else if text.chars().any(char::is_control) {
            Err(NameError::Control)
        } else {
            Ok(Self(text.into()))
        }
    }
}

impl From<Name> for String {
    fn from(name: Name) -> Self {
        name.as_str().to_owned()
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// What an interaction is known by: a [`Name`], by default a UUID of version 7.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(transparent)]
#[schema(value_type = String, min_length = 1, max_length = 256)]
pub struct InteractionId(pub Name);

impl InteractionId {
    /// A new id that sorts after those made before.
    pub fn generate() -> Self {
        let mut buffer = uuid::Uuid::encode_buffer();
        Self(Name((&*uuid::Uuid::now_v7().hyphenated().encode_lower(&mut buffer)).into()))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl FromStr for InteractionId {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        text.parse().map(Self)
    }
}

impl fmt::Display for InteractionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A count of tokens or other units: at most 2^53 - 1, so that every JSON reader keeps it exact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(try_from = "u64")]
#[schema(value_type = u64, maximum = 9_007_199_254_740_991_u64)]
pub struct Count(u64);

/// A count above 2^53 - 1.
#[derive(Debug, thiserror::Error)]
#[error("expected a count of at most {max}", max = Count::MAX)]
pub struct CountError;

impl Count {
    /// The largest count.
    pub const MAX: u64 = (1 << 53) - 1;

    /// The count as an integer.
    pub fn get(self) -> u64 {
        self.0
    }
}

impl TryFrom<u64> for Count {
    type Error = CountError;

    fn try_from(count: u64) -> Result<Self, CountError> {
        if count <= Self::MAX { Ok(Self(count)) } else { Err(CountError) }
    }
}

/// A duration of a call, in milliseconds: finite, from 0 to 10^12 (some 31 years).
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(try_from = "f64")]
#[schema(value_type = f64, minimum = 0, maximum = 1e12)]
pub struct Milliseconds(f64);

/// A duration out of range.
#[derive(Debug, thiserror::Error)]
#[error("expected milliseconds from 0 to 1e12")]
pub struct MillisecondsError;

impl Milliseconds {
    /// The duration as a number of milliseconds.
    pub fn get(self) -> f64 {
        self.0
    }
}

impl TryFrom<f64> for Milliseconds {
    type Error = MillisecondsError;

    fn try_from(milliseconds: f64) -> Result<Self, MillisecondsError> {
        if (0.0..=1e12).contains(&milliseconds) { Ok(Self(milliseconds)) } else { Err(MillisecondsError) }
    }
}

/// How many evaluations a second at most: from 0.001 to 10^6, which is more than a host makes.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(try_from = "f64")]
#[schema(value_type = f64, minimum = 0.001, maximum = 1e6)]
pub struct Rate(f64);

/// A rate out of range.
#[derive(Debug, thiserror::Error)]
#[error("expected a number of evaluations a second, from 0.001 to 1e6")]
pub struct RateError;

impl Rate {
    /// The highest rate: no host is held back by it.
    pub const MOST: Self = Self(1e6);

    /// The rate as a number of evaluations a second.
    pub fn get(self) -> f64 {
        self.0
    }
}

impl TryFrom<f64> for Rate {
    type Error = RateError;

    fn try_from(rate: f64) -> Result<Self, RateError> {
        if (1e-3..=Self::MOST.0).contains(&rate) { Ok(Self(rate)) } else { Err(RateError) }
    }
}

impl FromStr for Rate {
    type Err = RateError;

    fn from_str(text: &str) -> Result<Self, RateError> {
        text.parse::<f64>().map_err(|_| RateError)?.try_into()
    }
}

/// A number of bytes, written as `64MiB` (`B`, `KiB`, `MiB`, `GiB`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct ByteSize(pub usize);

/// A text that is no [`ByteSize`] or no [`Deadline`].
#[derive(Debug, thiserror::Error)]
#[error("expected {0}")]
pub struct UnitError(&'static str);

impl ByteSize {
    const UNITS: [(&'static str, usize); 4] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)];
}

impl TryFrom<String> for ByteSize {
    type Error = UnitError;

    fn try_from(text: String) -> Result<Self, UnitError> {
        let parse = || {
            let (unit, scale) = Self::UNITS.iter().find(|(unit, _)| text.ends_with(unit))?;
            let number: usize = text[..text.len() - unit.len()].trim_end().parse().ok()?;
            number.checked_mul(*scale)
        };
        parse().map(Self).ok_or(UnitError("a size such as \"64MiB\" (B, KiB, MiB or GiB)"))
    }
}

impl From<ByteSize> for String {
    fn from(size: ByteSize) -> Self {
        size.to_string()
    }
}

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (unit, scale) =
            Self::UNITS.iter().find(|(_, scale)| self.0 != 0 && self.0.is_multiple_of(*scale)).unwrap_or(&("B", 1));
        write!(f, "{}{unit}", self.0 / scale)
    }
}

/// The longest a call may take by the clock, 1 ms to 1 h, written as `500ms` (`ms`, `s`, `m`, `h`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Deadline(Duration);

impl Deadline {
    const UNITS: [(&'static str, u64); 4] = [("ms", 1), ("h", 3_600_000), ("m", 60_000), ("s", 1_000)];
    const MAX_MS: u64 = 3_600_000;

    /// A deadline of that many milliseconds, for constants.
    pub const fn from_millis(milliseconds: u64) -> Self {
        assert!(milliseconds >= 1 && milliseconds <= Self::MAX_MS, "a deadline is 1 ms to 1 h");
        Self(Duration::from_millis(milliseconds))
    }

    /// The deadline as a duration.
    pub const fn get(self) -> Duration {
        self.0
    }
}

impl TryFrom<String> for Deadline {
    type Error = UnitError;

    fn try_from(text: String) -> Result<Self, UnitError> {
        let parse = || {
            let (unit, scale) = Self::UNITS.iter().find(|(unit, _)| text.ends_with(unit))?;
            let number: u64 = text[..text.len() - unit.len()].trim_end().parse().ok()?;
            number.checked_mul(*scale).filter(|ms| (1..=Self::MAX_MS).contains(ms))
        };
        parse().map(Self::from_millis).ok_or(UnitError("a duration from \"1ms\" to \"1h\" (ms, s, m or h)"))
    }
}

impl From<Deadline> for String {
    fn from(deadline: Deadline) -> Self {
        deadline.to_string()
    }
}

impl fmt::Display for Deadline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = self.0.as_millis();
        if ms.is_multiple_of(1000) { write!(f, "{}s", ms / 1000) } else { write!(f, "{ms}ms") }
    }
}
