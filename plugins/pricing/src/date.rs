//! Days of the calendar; knows nothing of prices.

/// Days from 1970-01-01 to a date written `2026-03-13`; none where there is no such day from 1970 to 9999.
pub fn day(text: &str) -> Option<u32> {
    let bytes = text.as_bytes();
    if bytes.len() != 10 || bytes[4] != b'-' || bytes[7] != b'-' {
        return None;
    }
    let number = |range: std::ops::Range<usize>| {
        bytes[range].iter().try_fold(0, |sum, byte| byte.is_ascii_digit().then(|| sum * 10 + u32::from(byte - b'0')))
    };
    let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
    if year < 1970 || !(1..=12).contains(&month) || !(1..=days_in(year, month)).contains(&day) {
        return None;
    }
    let leap_days = |year: u32| year / 4 - year / 100 + year / 400;
    let before_year = (year - 1970) * 365 + leap_days(year - 1) - leap_days(1969);
    let before_month: u32 = (1..month).map(|month| days_in(year, month)).sum();
    Some(before_year + before_month + day - 1)
}

fn days_in(year: u32, month: u32) -> u32 {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        2 => 28 + u32::from(leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::day;

    #[test]
    fn counts_days() {
        let check = |text: &str, expect: Option<u32>| assert_eq!(day(text), expect, "{text:?}");
        check("1970-01-01", Some(0));
        check("1970-12-31", Some(364));
        check("2000-02-29", Some(11_016));
        check("2026-03-13", Some(20_525));
        check("2100-03-01", Some(47_541));
        for text in [
            "1969-12-31",
            "2026-02-29",
            "2100-02-29",
            "2026-13-01",
            "2026-00-01",
            "2026-01-00",
            "2026-1-01",
            "",
            "２026-01-0",
        ] {
            check(text, None);
        }
    }
}
