//! From usage and prices to a cost; knows nothing of where the prices come from.

use tribunal_sdk::{Attribute, AttributeValue, Cost, CostItem, Failure, Usage};

use crate::decimal::divide_half_even;
use crate::table::{CURRENCY, Rate};
use crate::unit::Unit;

/// The count in `usage.other` that is paid for by a price for requests. Where it is not posted it is 1.
const REQUESTS: &str = "requests";

/// A part of the usage that no other part holds.
struct Bucket<'a> {
    name: &'a str,
    /// None where no price can be meant for it.
    unit: Option<Unit>,
    count: u64,
}

/// What is in the usage.
fn buckets(usage: &Usage) -> impl Iterator<Item = Bucket<'_>> {
    let own = [
        ("input_tokens", Unit::INPUT, usage.input_tokens),
        ("cache_read_tokens", Unit::CACHE_READ, usage.cache_read_tokens),
        ("cache_write_tokens", Unit::CACHE_WRITE, usage.cache_write_tokens),
        ("output_tokens", Unit::OUTPUT, usage.output_tokens),
        ("reasoning_tokens", Unit::OUTPUT, usage.reasoning_tokens),
    ];
    let own = own.into_iter().map(|(name, unit, count)| Bucket { name, unit: Some(unit), count });
    let other = usage.other.iter().filter(|other| other.name != REQUESTS);
    let other = other.map(|other| Bucket { name: &other.name, unit: Unit::of_other(&other.name), count: other.count });
    own.chain(other).filter(|bucket| bucket.count > 0)
}

/// All input of the call, which decides on prices that depend on it.
pub(crate) fn input(usage: &Usage) -> u64 {
    let input = buckets(usage).filter(|bucket| bucket.unit.is_some_and(|unit| Unit::INPUT.spans(unit)));
    input.fold(0, |sum, bucket| sum.saturating_add(bucket.count))
}

/// The cost at these rates. Without a rate the model is free.
pub(crate) fn cost(usage: &Usage, rates: &[Rate], price_list: String) -> Result<Cost, Failure> {
    let (mut items, mut unpriced) = (Vec::new(), Vec::new());
    let mut exact: u128 = 0;
    let mut charge = |name: &str, quantity: u64, unit_price: u64| {
        let product = u128::from(quantity) * u128::from(unit_price);
        exact = exact.saturating_add(product);
        items.push(CostItem { name: name.to_owned(), quantity, unit_price, amount: rounded(product)? });
        Ok::<(), Failure>(())
    };
    for bucket in buckets(usage) {
        match bucket.unit.and_then(|unit| rate(rates, unit)) {
            Some(price) => charge(bucket.name, bucket.count, price)?,
            None => unpriced.push(bucket.name),
        }
    }
    if let Some(price) = rate(rates, Unit::REQUESTS) {
        let posted = usage.other.iter().find(|other| other.name == REQUESTS);
        charge(REQUESTS, posted.map_or(1, |posted| posted.count), price)?;
    }
    let mut attributes = Vec::new();
    if !rates.is_empty() && !unpriced.is_empty() {
        attributes.push(Attribute { key: "unpriced".to_owned(), value: AttributeValue::Text(unpriced.join(", ")) });
    }
    Ok(Cost { currency: CURRENCY.to_owned(), amount: rounded(exact)?, items, price_list, attributes })
}

/// The price of the most special unit that spans this one.
fn rate(rates: &[Rate], unit: Unit) -> Option<u64> {
    rates.iter().filter(|rate| rate.unit.spans(unit)).max_by_key(|rate| rate.unit.traits()).map(|rate| rate.price)
}

fn rounded(millionths: u128) -> Result<u64, Failure> {
    u64::try_from(divide_half_even(millionths, 1_000_000))
        .map_err(|_| Failure::new("invalid-input", "the usage costs more than 18 billion dollars: check its counts"))
}
