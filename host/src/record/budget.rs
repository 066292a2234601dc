//! How much may be spent on models.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Time;

/// An amount of US dollars, exact to a billionth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Usd(u64);

impl Usd {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// That many billionths.
    pub const fn from_billionths(billionths: u64) -> Self {
        Self(billionths)
    }

    /// As billionths.
    pub fn billionths(self) -> u64 {
        self.0
    }

    /// As dollars, rounded to a double.
    pub fn dollars(self) -> f64 {
        self.0 as f64 / 1e9
    }
}

impl std::ops::Add for Usd {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl std::ops::Sub for Usd {
    type Output = Self;

    /// Nothing where the other is larger.
    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl std::iter::Sum for Usd {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, std::ops::Add::add)
    }
}

impl fmt::Display for Usd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} USD", self.dollars())
    }
}

/// The most that may be spent within a period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Table")]
pub struct Budget {
    /// The most.
    pub limit: Usd,
    /// Within each of these.
    pub per: Period,
}

/// A budget as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    usd: f64,
    per: Period,
}

impl TryFrom<Table> for Budget {
    type Error = &'static str;

    fn try_from(Table { usd, per }: Table) -> Result<Self, Self::Error> {
        let limit = Usd((usd * 1e9).round() as u64);
        if (0.0..=1e6).contains(&usd) && (usd == 0.0 || limit > Usd::ZERO) {
            Ok(Self { limit, per })
        } else {
            Err("expected 0, or 1e-9 to 1e6 US dollars")
        }
    }
}

/// A stretch of the calendar, in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Period {
    /// A clock hour.
    Hour,
    /// A day.
    Day,
    /// A month.
    Month,
}

/// An hour, counted from 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hour(pub i64);

const NANOSECONDS: i64 = 3_600_000_000_000;

impl Hour {
    /// The hour of that moment.
    pub fn of(time: Time) -> Self {
        Self(time.as_nanoseconds() / NANOSECONDS)
    }

    /// When it begins.
    pub fn begin(self) -> Time {
        Time::from_nanoseconds(self.0.saturating_mul(NANOSECONDS))
    }
}

impl Period {
    /// The first hour of the period around that hour, and the first after it.
    pub fn around(self, Hour(hour): Hour) -> (Hour, Hour) {
        let days = |day: i64| Hour(day * 24);
        match self {
            Self::Hour => (Hour(hour), Hour(hour + 1)),
            Self::Day => (days(hour.div_euclid(24)), days(hour.div_euclid(24) + 1)),
            Self::Month => {
                let today = jiff::civil::date(1970, 1, 1) + jiff::Span::new().days(hour.div_euclid(24));
                let first = today.first_of_month();
                let next = today.last_of_month().tomorrow().unwrap_or(today);
                let since =
                    |date: jiff::civil::Date| days(i64::from((date - jiff::civil::date(1970, 1, 1)).get_days()));
                (since(first), since(next))
            }
        }
    }

    /// As operators write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Month => "month",
        }
    }
}

impl fmt::Display for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let article = if self.per == Period::Hour { "an" } else { "a" };
        write!(f, "{} {article} {}", self.limit, self.per.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periods_are_those_of_the_calendar() {
        let at = |text: &str| Hour::of(text.parse().expect("a time"));
        for (period, moment, first, next) in [
            (Period::Hour, "2026-02-28T23:59:59Z", "2026-02-28T23:00:00Z", "2026-03-01T00:00:00Z"),
            (Period::Day, "2026-02-28T23:59:59Z", "2026-02-28T00:00:00Z", "2026-03-01T00:00:00Z"),
            (Period::Month, "2026-02-28T23:59:59Z", "2026-02-01T00:00:00Z", "2026-03-01T00:00:00Z"),
            (Period::Month, "2028-12-31T00:00:00Z", "2028-12-01T00:00:00Z", "2029-01-01T00:00:00Z"),
            (Period::Month, "1970-01-01T00:00:00Z", "1970-01-01T00:00:00Z", "1970-02-01T00:00:00Z"),
        ] {
            assert_eq!(period.around(at(moment)), (at(first), at(next)), "{period:?} around {moment}");
        }
    }
}
