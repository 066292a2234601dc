//! The price list as static tables, which the build makes; knows nothing of calls.

use crate::unit::Unit;

include!(concat!(env!("OUT_DIR"), "/tables.rs"));

/// The list and the day it was last changed; `data/README.md` says more.
pub const LIST: &str = "genai-prices 2026-07-25";

/// Every price of the list is in US dollars.
pub const CURRENCY: &str = "USD";

const NANOSECONDS_A_SECOND: u64 = 1_000_000_000;
const NANOSECONDS_A_DAY: u64 = 86_400 * NANOSECONDS_A_SECOND;

/// A stretch of [`TEXT`], in any case where names are compared with it. Packed, as all that there are many of: the
/// host copies the tables for every call.
#[derive(Clone, Copy)]
#[repr(Rust, packed)]
pub(crate) struct Slice {
    at: u16,
    len: u8,
}

impl Slice {
    pub(crate) fn text(self) -> &'static str {
        &TEXT[usize::from(self.at)..][..usize::from(self.len)]
    }

    pub(crate) fn len(self) -> usize {
        usize::from(self.len)
    }
}

/// A provider of the list.
pub(crate) struct Provider {
    pub(crate) id: &'static str,
    /// Names that are matched whole, by length and then by bytes in lower case.
    pub(crate) names: &'static [Name],
    /// The tests for all other rules, in the models' order.
    pub(crate) tests: &'static [Test],
    /// The providers in whose lists a model is looked for that this one lacks.
    pub(crate) fallbacks: &'static [u8],
}

/// A name that stands for a model.
#[repr(Rust, packed)]
pub(crate) struct Name {
    pub(crate) text: Slice,
    pub(crate) model: u16,
}

/// How a test's text must stand in a name.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    Equals,
    StartsWith,
    EndsWith,
    Contains,
    /// The name starts with the text and then that many digits.
    StartsWithDigits,
    /// The name is the text and then that many digits.
    EqualsDigits,
}

/// A test of a name on behalf of its owner, a model or a provider.
#[repr(Rust, packed)]
pub(crate) struct Test {
    pub(crate) kind: Kind,
    pub(crate) digits: u8,
    /// Whether the next test must hold as well.
    pub(crate) and: bool,
    pub(crate) text: Slice,
    pub(crate) owner: u16,
}

/// A model of the list.
#[repr(Rust, packed)]
struct Model {
    id: Slice,
    /// The prices that hold where no change does.
    set: u16,
}

/// Other prices of a model, at some times. Of those that hold, the first counts.
struct Change {
    model: u16,
    set: u16,
    when: When,
}

/// When a change holds.
enum When {
    /// From the start of that day after 1970-01-01, in UTC.
    FromDay(u32),
    /// Each day from `start` (included) to `end` (excluded), in seconds of the day in UTC.
    Daily { start: u32, end: u32 },
}

impl When {
    fn holds(&self, at: u64) -> bool {
        match *self {
            Self::FromDay(day) => at / NANOSECONDS_A_DAY >= u64::from(day),
            Self::Daily { start, end } => {
                let second = at % NANOSECONDS_A_DAY / NANOSECONDS_A_SECOND;
                let (started, ended) = (second >= u64::from(start), second >= u64::from(end));
                if start <= end { started && !ended } else { started || !ended }
            }
        }
    }
}

/// One price of a set. A unit's first row holds for every call, the later ones for calls with more input.
struct Row {
    unit: Unit,
    above: u8,
    price: u16,
}

/// A price for a million of a unit, in billionths of the currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// The unit.
    pub unit: Unit,
    /// Billionths of the currency for a million.
    pub price: u64,
}

/// The providers; an index into it is a provider.
pub(crate) fn providers() -> &'static [Provider] {
    PROVIDERS
}

/// The tests of providers' names.
pub(crate) fn by_provider() -> &'static [Test] {
    BY_PROVIDER
}

/// The tests that tell a model's provider from the model's name.
pub(crate) fn by_model() -> &'static [Test] {
    BY_MODEL
}

/// The list's id of a model.
pub(crate) fn model_id(model: u16) -> &'static str {
    MODELS[usize::from(model)].id.text()
}

/// The prices of a model at a time, for a call with so many tokens of input.
pub(crate) fn rates(model: u16, at: u64, input: u64) -> Vec<Rate> {
    let change = CHANGES.iter().find(|change| change.model == model && change.when.holds(at));
    let set = usize::from(change.map_or(MODELS[usize::from(model)].set, |change| change.set));
    let mut rates: Vec<Rate> = Vec::new();
    for row in &ROWS[usize::from(SETS[set])..usize::from(SETS[set + 1])] {
        let price = AMOUNTS[usize::from(row.price)];
        match rates.last_mut() {
            Some(last) if last.unit == row.unit => {
                if input > THRESHOLDS[usize::from(row.above)] {
                    last.price = price;
                }
            }
            _ => rates.push(Rate { unit: row.unit, price }),
        }
    }
    rates
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Slice {
        /// A text that stands somewhere in the tables.
        pub(crate) fn of(text: &str) -> Self {
            let at = TEXT.find(text).expect("a text of the tables");
            Self { at: at.try_into().expect("within reach"), len: text.len().try_into().expect("a short text") }
        }
    }

    /// Bytes that the tables take up in the plugin's memory.
    fn size() -> usize {
        let providers: usize =
            PROVIDERS.iter().map(|p| size_of_val(p.names) + size_of_val(p.tests) + p.fallbacks.len()).sum();
        TEXT.len()
            + size_of_val(PROVIDERS)
            + providers
            + size_of_val(MODELS)
            + size_of_val(CHANGES)
            + size_of_val(BY_PROVIDER)
            + size_of_val(BY_MODEL)
            + size_of_val(SETS)
            + size_of_val(ROWS)
            + size_of_val(AMOUNTS)
            + size_of_val(THRESHOLDS)
    }

    #[test]
    fn the_tables_are_small() {
        assert!(size() <= 80 * 1024, "{} bytes are copied for every call", size());
    }

    #[test]
    fn changes_hold_in_their_time() {
        let at = |day: u64, second: u64, nanosecond: u64| (day * 86_400 + second) * NANOSECONDS_A_SECOND + nanosecond;
        let check = |when: When, at: u64, expect: bool| assert_eq!(when.holds(at), expect, "{at}");
        check(When::FromDay(3), at(2, 86_399, 999_999_999), false);
        check(When::FromDay(3), at(3, 0, 0), true);
        check(When::FromDay(3), u64::MAX, true);
        check(When::Daily { start: 10, end: 20 }, at(7, 9, 999_999_999), false);
        check(When::Daily { start: 10, end: 20 }, at(7, 10, 0), true);
        check(When::Daily { start: 10, end: 20 }, at(7, 19, 999_999_999), true);
        check(When::Daily { start: 10, end: 20 }, at(7, 20, 0), false);
        // Over midnight.
        check(When::Daily { start: 20, end: 10 }, at(7, 5, 0), true);
        check(When::Daily { start: 20, end: 10 }, at(7, 10, 0), false);
        check(When::Daily { start: 20, end: 10 }, at(7, 20, 0), true);
    }
}
