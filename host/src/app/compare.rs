//! `tribunal compare`: how two bindings differ, as a table.

use std::fmt::Write;
use std::io::stdout;
use std::process::ExitCode;

use super::{Failure, say};
use crate::config::Config;
use crate::record::{Value, Verdict, VerdictKind};
use crate::store::{
    Categories, ComparedBinding, ComparedVerdict, Comparison, ComparisonRequest, DifferingInteraction, Given, Numbers,
    SaidOf, StoreReader,
};

/// The longest bar of a histogram, in characters.
const BAR: u64 = 30;
/// Lines of one table.
const MOST_LINES: usize = 12;
/// Verdicts of one evaluation in a line.
const MOST_VERDICTS: usize = 8;

pub(super) fn compare(config: &Config, request: &ComparisonRequest, json: bool) -> Result<ExitCode, Failure> {
    let comparison = StoreReader::open(&config.data)?.compare(request)?;
    let text = if json { serde_json::to_string_pretty(&comparison)? } else { table(&comparison)? };
    say(&mut stdout(), text.trim_end());
    Ok(ExitCode::SUCCESS)
}

fn table(of: &Comparison) -> Result<String, std::fmt::Error> {
    let mut out = String::new();
    side(&mut out, "a", &of.a)?;
    side(&mut out, "b", &of.b)?;
    if of.both == 0 {
        writeln!(out, "no interaction was judged by both")?;
        return Ok(out);
    }
    writeln!(out, "both judged {}, with the same outcome on {}", count(of.both), percent(of.outcomes.equal_share))?;
    if of.outcomes.equal < of.both {
        pairs(&mut out, &of.outcomes, false)?;
    }
    writeln!(out, "\nwhere both succeeded, on {}:", count(of.compared))?;
    for compared in &of.verdicts {
        verdict(&mut out, compared)?;
    }
    if of.left_out > 0 {
        writeln!(out, "\n{} verdicts of further names are not compared", count(of.left_out))?;
    }
    if !of.interactions.is_empty() {
        writeln!(out, "\ninteractions that differ most:")?;
    }
    of.interactions.iter().try_for_each(|differing| interaction(&mut out, differing))?;
    Ok(out)
}

fn side(out: &mut String, letter: &str, binding: &ComparedBinding) -> std::fmt::Result {
    let digest = binding.binding.get(..12).unwrap_or_default();
    let shadow = if binding.shadow { ", shadow" } else { "" };
    let ComparedBinding { plugin, version, judged, .. } = binding;
    writeln!(out, "{letter}  {plugin} {digest} (plugin version {version}{shadow}), judged {}", count(*judged))
}

fn verdict(out: &mut String, of: &ComparedVerdict) -> std::fmt::Result {
    let (kind, form) = match of.kind {
        VerdictKind::Score => ("score", of.value.unwrap_or_default()),
        VerdictKind::Finding => ("finding", ""),
        VerdictKind::BiasFinding => ("bias finding", ""),
        VerdictKind::Cost => ("", of.currency.as_deref().unwrap_or_default()),
    };
    let form = if form.is_empty() { String::new() } else { format!(" ({form})") };
    let title = format!("{kind} {}{form}", of.name);
    writeln!(out, "\n{}: {}", title.trim_start(), given(&of.given))?;
    if let Some(same) = of.same_severity.filter(|_| of.given.both > 0) {
        writeln!(out, "  same severity on {} of {}", count(same), count(of.given.both))?;
    }
    if let Some(of_numbers) = &of.numbers {
        let what = if of.same_severity.is_some() { "confidence: " } else { "" };
        numbers(out, what, of_numbers)?;
    }
    if let Some(totals) = &of.totals {
        let [a, b] = [totals.a_billionths, totals.b_billionths].map(|amount| amount as f64 / 1e9);
        writeln!(out, "  in all {a:.9} in a, {b:.9} in b")?;
    }
    if let Some(categories) = &of.categories {
        writeln!(out, "  equal {}{}", percent(categories.equal_share), kappa(categories.kappa))?;
        pairs(out, categories, true)?;
    }
    for code in of.codes.iter().take(MOST_LINES) {
        writeln!(out, "    {}: {}", code.code, given(&code.given))?;
    }
    Ok(())
}

fn given(of: &Given) -> String {
    let Given { both, only_a, only_b, neither, agreement, kappa: of_kappa } = of;
    if *both > 0 && only_a + only_b + neither == 0 {
        return "given by both on all".to_owned();
    }
    let [both, only_a, only_b, neither] = [both, only_a, only_b, neither].map(|number| count(*number));
    let agreement = percent(Some(*agreement));
    format!(
        "both {both}, only a {only_a}, only b {only_b}, neither {neither}; agreement {agreement}{}",
        kappa(*of_kappa)
    )
}

fn numbers(out: &mut String, what: &str, of: &Numbers) -> std::fmt::Result {
    let some = |number: Option<f64>| number.map_or_else(|| "undefined".to_owned(), short);
    let correlation = some(of.correlation);
    writeln!(
        out,
        "  {what}equal {}, correlation {correlation}; b - a: mean {}",
        percent(Some(of.equal_share)),
        some(of.mean)
    )?;
    let Numbers { p50, p90, p99, max, .. } = of;
    let [p50, p90, p99, max] = [p50, p90, p99, max].map(|number| short(*number));
    writeln!(out, "  |b - a|: mean {}, p50 {p50}, p90 {p90}, p99 {p99}, max {max}", some(of.mean_absolute))?;
    let most = of.histogram.iter().map(|bin| bin.count).max().unwrap_or(1);
    for bin in &of.histogram {
        let bar = "█".repeat(usize::try_from((bin.count * BAR).div_ceil(most)).unwrap_or_default());
        writeln!(out, "    {:>10} to {:>10}  {:>9} {bar}", short(bin.from), short(bin.to), count(bin.count))?;
    }
    Ok(())
}

/// Which answers meet; those that differ alone where the others go without saying.
fn pairs(out: &mut String, of: &Categories, only_differing: bool) -> std::fmt::Result {
    let shown = of.pairs.iter().filter(|pair| !only_differing || pair.a != pair.b);
    for pair in shown.take(MOST_LINES) {
        writeln!(out, "    {:>9}  {} -> {}", count(pair.count), pair.a, pair.b)?;
    }
    Ok(())
}

fn interaction(out: &mut String, of: &DifferingInteraction) -> std::fmt::Result {
    writeln!(out, "  {:.3}  {}  {}", of.difference, of.started_at, of.id)?;
    writeln!(out, "    a  {}", said(&of.a))?;
    writeln!(out, "    b  {}", said(&of.b))
}

fn said(of: &SaidOf) -> String {
    if of.outcome != "succeeded" {
        return format!("failed: {}", of.outcome);
    }
    let verdicts = of.verdicts.iter().take(MOST_VERDICTS);
    let mut words: Vec<_> =
        verdicts.filter_map(|raw| serde_json::from_str(raw.get()).ok()).map(|verdict| in_words(&verdict)).collect();
    match of.verdicts.len().saturating_sub(MOST_VERDICTS) {
        0 if words.is_empty() => "nothing".to_owned(),
        0 => words.join(", "),
        more => {
            words.push(format!("and {more} more"));
            words.join(", ")
        }
    }
}

fn in_words(verdict: &Verdict) -> String {
    let mut words = verdict.name.clone();
    let mut add = |word: &str| {
        words.push(' ');
        words.push_str(word);
    };
    match (&verdict.value, &verdict.cost) {
        (_, Some(cost)) => add(&format!("{:.9} {}", cost.amount_billionths as f64 / 1e9, cost.currency)),
        (Some(Value::Number(number)), None) => add(&short(*number)),
        (Some(Value::Boolean(boolean)), None) => add(&boolean.to_string()),
        (Some(Value::Label(label)), None) => add(label),
        (None, None) => verdict.label.iter().for_each(|label| add(label)),
    }
    if let Some(severity) = verdict.severity {
        add(severity.as_str());
    }
    words
}

fn kappa(of: Option<f64>) -> String {
    of.map_or_else(String::new, |kappa| format!(", kappa {kappa:.3}"))
}

/// A share; only all is 100 %.
fn percent(share: Option<f64>) -> String {
    let Some(share) = share else { return "none".to_owned() };
    let most = if share < 1.0 { 99.99 } else { 100.0 };
    format!("{:.2} %", f64::min(share * 100.0, most))
}

/// Four digits of a number.
fn short(number: f64) -> String {
    let size = number.abs();
    if number == 0.0 {
        "0".to_owned()
    } else if (1e-4..1e9).contains(&size) {
        let whole = size.log10().floor().max(0.0) as usize;
        let text = format!("{number:.*}", if size < 1.0 { 5 } else { 3usize.saturating_sub(whole) });
        let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
        text.to_owned()
    } else {
        format!("{number:.3e}")
    }
}

/// A count with commas between thousands.
fn count(of: u64) -> String {
    let digits = of.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.char_indices() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        for (number, expected) in [
            (0.0, "0"),
            (0.25, "0.25"),
            (-0.123_456, "-0.12346"),
            (12.3456, "12.35"),
            (1234.5, "1234"),
            (1e-9, "1.000e-9"),
        ] {
            assert_eq!(short(number), expected);
        }
        assert_eq!([0, 999, 1_000, 1_234_567].map(count), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!(
            [Some(0.99999), Some(1.0), Some(0.29), None].map(percent),
            ["99.99 %", "100.00 %", "29.00 %", "none"]
        );
    }
}
