//! Prices to integers and small tables; knows nothing of how models are matched.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::date::day;
use crate::decimal::{Billionths, Decimal};
use crate::list::{Constraint, Period, Tiered};
use crate::unit::Unit;

/// The list's keys for prices, their units, and how many millionths of the price's count one unit is: a price is
/// for a million tokens, but for a thousand requests.
const KEYS: [(&str, Unit, u64); 8] = [
    ("input_mtok", Unit::INPUT, 1),
    ("output_mtok", Unit::OUTPUT, 1),
    ("cache_read_mtok", Unit::CACHE_READ, 1),
    ("cache_write_mtok", Unit::CACHE_WRITE, 1),
    ("input_audio_mtok", Unit::INPUT_AUDIO, 1),
    ("cache_audio_read_mtok", Unit::CACHE_AUDIO_READ, 1),
    ("output_audio_mtok", Unit::OUTPUT_AUDIO, 1),
    ("requests_kcount", Unit::REQUESTS, 1000),
];

/// A price for a unit, for calls with more than a threshold of input (the first of a unit: for all calls).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Row {
    pub unit: u8,
    pub above: usize,
    pub price: usize,
}

/// The tables that grow as models are added; equal values are kept once.
#[derive(Default)]
pub struct Prices {
    /// Billionths for a million units.
    pub amounts: Vec<u64>,
    pub thresholds: Vec<u64>,
    pub sets: Vec<Vec<Row>>,
    known_sets: BTreeMap<Vec<Row>, usize>,
}

impl Prices {
    /// The index of a period's set of prices.
    pub fn set(&mut self, period: &Period) -> usize {
        let mut rows = Vec::new();
        for (key, value) in &period.prices {
            let (_, unit, scale) =
                *KEYS.iter().find(|(known, ..)| known == key).unwrap_or_else(|| panic!("unknown price key {key:?}"));
            if value.is_object() {
                let tiered: Tiered = serde_json::from_value(value.clone()).expect("a tiered price");
                rows.push(self.row(unit, 0, &tiered.base, scale));
                assert!(tiered.tiers.is_sorted_by_key(|tier| tier.start), "tiers out of order");
                rows.extend(tiered.tiers.iter().map(|tier| self.row(unit, tier.start, &tier.price, scale)));
            } else {
                rows.push(self.row(unit, 0, value, scale));
            }
        }
        check_units(&rows);
        let next = self.sets.len();
        *self.known_sets.entry(rows).or_insert_with_key(|rows| {
            self.sets.push(rows.clone());
            next
        })
    }

    fn row(&mut self, unit: Unit, above: u64, price: &Value, scale: u64) -> Row {
        Row {
            unit: unit.0,
            above: index(&mut self.thresholds, above),
            price: index(&mut self.amounts, amount(price) * scale),
        }
    }
}

fn index(values: &mut Vec<u64>, value: u64) -> usize {
    values.iter().position(|known| *known == value).unwrap_or_else(|| {
        values.push(value);
        values.len() - 1
    })
}

/// The price in billionths. The list has a few that float arithmetic has left its noise on, such as
/// 0.18000000000000002, and thirds; they are rounded, as long as eight digits are kept.
fn amount(price: &Value) -> u64 {
    let Value::Number(number) = price else { panic!("a price is {price}") };
    let written = number.to_string();
    match Decimal::parse(&written).and_then(Decimal::billionths) {
        Some(Billionths::Exact(amount)) => amount,
        Some(Billionths::Nearest(amount)) if amount >= 10_000_000 => amount,
        other => panic!("the price {written} is {other:?}"),
    }
}

/// Every count must have one most special unit that is priced: where a unit has a price the wider ones have too,
/// and where two units can overlap their overlap has.
fn check_units(rows: &[Row]) {
    let priced = |unit: u8| rows.iter().any(|row| row.unit == unit);
    for row in rows {
        for (key, wider, _) in KEYS {
            assert!(!wider.spans(Unit(row.unit)) || priced(wider.0), "a price for a part of {key} and none for it");
        }
        for other in rows {
            let overlap = row.unit | other.unit;
            let apart = [Unit::INPUT.0 | Unit::OUTPUT.0, Unit::CACHE_READ.0 | Unit::CACHE_WRITE.0, Unit::REQUESTS.0];
            let disjoint = apart.iter().any(|both| overlap & both == *both);
            assert!(disjoint || priced(overlap), "no price for what two priced units share");
        }
    }
}

/// The constraint as the source of a `When`; none where the prices always hold.
pub fn when(constraint: &Constraint) -> Option<String> {
    match (&constraint.start_date, &constraint.start_time, &constraint.end_time) {
        (None, None, None) => None,
        (Some(date), None, None) => {
            let day = day(date).unwrap_or_else(|| panic!("the date {date:?}"));
            Some(format!("When::FromDay({day})"))
        }
        (None, Some(start), Some(end)) => {
            Some(format!("When::Daily {{ start: {}, end: {} }}", second(start), second(end)))
        }
        _ => panic!("a constraint of another kind"),
    }
}

/// The second of the day of a time written `16:30:00Z`.
fn second(time: &str) -> u32 {
    let parts: Option<Vec<u32>> =
        time.strip_suffix('Z').map(|time| time.split(':').filter_map(|part| part.parse().ok()).collect());
    match parts.as_deref() {
        Some([hour @ 0..24, minute @ 0..60, second @ 0..60]) => (hour * 60 + minute) * 60 + second,
        _ => panic!("the time {time:?} is not in UTC"),
    }
}
