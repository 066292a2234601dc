//! Decimal text to whole billionths; knows nothing of prices.

/// A decimal number of at most 30 digits: `digits` times ten to the power of `exponent`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decimal {
    digits: u128,
    exponent: i32,
}

/// What [`Decimal::billionths`] found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Billionths {
    /// The number is so many billionths.
    Exact(u64),
    /// The number lies between two; this is the nearer, or the even one.
    Nearest(u64),
}

impl Decimal {
    /// Reads `12`, `0.25` or `5e-05`; none where the text is no such number, is negative or too long.
    pub fn parse(text: &str) -> Option<Self> {
        let (number, exponent) = match text.split_once(['e', 'E']) {
            Some((number, exponent)) => (number, exponent.parse::<i16>().ok()?),
            None => (text, 0),
        };
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        let is_number = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || whole.len() + fraction.len() > 30 || !is_number(whole) || !is_number(fraction) {
            return None;
        }
        let digits = whole.bytes().chain(fraction.bytes()).fold(0, |sum, digit| sum * 10 + u128::from(digit - b'0'));
        Some(Self { digits, exponent: i32::from(exponent) - i32::try_from(fraction.len()).ok()? })
    }

    /// The number in billionths; none where it is too large.
    pub fn billionths(self) -> Option<Billionths> {
        let shift = self.exponent + 9;
        let power = 10u128.checked_pow(shift.unsigned_abs());
        if shift >= 0 {
            let exact = power.and_then(|power| self.digits.checked_mul(power));
            return if self.digits == 0 {
                Some(Billionths::Exact(0))
            } else {
                exact?.try_into().ok().map(Billionths::Exact)
            };
        }
        // A power beyond 128 bits is far beyond the digits.
        let power = power.unwrap_or(u128::MAX);
        let nearest = divide_half_even(self.digits, power).try_into().ok()?;
        Some(if self.digits.is_multiple_of(power) { Billionths::Exact(nearest) } else { Billionths::Nearest(nearest) })
    }
}

/// `dividend / divisor`, rounded half to even.
pub fn divide_half_even(dividend: u128, divisor: u128) -> u128 {
    let (quotient, rest) = (dividend / divisor, dividend % divisor);
    let up = match rest.cmp(&(divisor - rest)) {
        std::cmp::Ordering::Less => false,
        std::cmp::Ordering::Equal => quotient % 2 == 1,
        std::cmp::Ordering::Greater => true,
    };
    quotient + u128::from(up)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_decimals() {
        let check = |text: &str, expect: Option<Billionths>| {
            assert_eq!(Decimal::parse(text).and_then(Decimal::billionths), expect, "{text:?}");
        };
        check("0", Some(Billionths::Exact(0)));
        check("0e99", Some(Billionths::Exact(0)));
        check("12", Some(Billionths::Exact(12_000_000_000)));
        check("0.01875", Some(Billionths::Exact(18_750_000)));
        check("5e-05", Some(Billionths::Exact(50_000)));
        check("1.50e1", Some(Billionths::Exact(15_000_000_000)));
        check("0.18000000000000002", Some(Billionths::Nearest(180_000_000)));
        check("0.0000000005", Some(Billionths::Nearest(0)));
        check("0.0000000015", Some(Billionths::Nearest(2)));
        check("1e-400", Some(Billionths::Nearest(0)));
        for text in ["", ".5", "-1", "+1", "1,5", "1.5.5", "0x10", "NaN", "1e", "1e99999", "1e30", "1\0", "٣"] {
            check(text, None);
        }
        check(&"9".repeat(31), None);
        check(&"9".repeat(1_000_000), None);
    }

    #[test]
    fn rounds_half_to_even() {
        let check = |dividend, divisor, expect| assert_eq!(divide_half_even(dividend, divisor), expect);
        check(5, 10, 0);
        check(15, 10, 2);
        check(25, 10, 2);
        check(24, 10, 2);
        check(26, 10, 3);
        check(7, 1, 7);
    }
}
