//! From the names in a call to a model of the list, as the Python package genai-prices finds it; knows nothing of
//! prices.

use std::borrow::Cow;
use std::cmp::Ordering;

use crate::date::day;
use crate::table::{self, Kind, Name, Provider, Test};

/// OpenTelemetry's names that the list's own rules don't know, or take for another provider: `azure.ai.openai` has
/// `openai` in it. The older ones are of `gen_ai.system`.
const ALIASES: [(&str, &str); 6] = [
    ("az.ai.inference", "azure"),
    ("az.ai.openai", "azure"),
    ("azure.ai.inference", "azure"),
    ("azure.ai.openai", "azure"),
    ("gcp.gen_ai", "google"),
    ("x_ai", "x-ai"),
];

/// What stands for a provider where nobody named one.
const UNSTATED: [&str; 3] = ["", "unknown", "_other"];

/// LiteLLM's own name: the provider stands before the slash of the model's name.
const LITELLM: &str = "litellm";

/// A model of the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Listed {
    /// The id of the provider in whose list it stands, which for a fallback is not the one that was called.
    pub(crate) provider: &'static str,
    pub(crate) model: u16,
}

/// Finds the model. `guess` tells the provider from the model's name where the list does not know the one that
/// was called, as is always done where none was stated.
pub(crate) fn find(provider_name: &str, model_name: &str, guess: bool) -> Option<Listed> {
    let model_name = &*lower(model_name);
    let provider_name = lower(provider_name);
    if provider_name == LITELLM
        && let Some((prefix, rest)) = model_name.split_once('/')
        && !prefix.is_empty()
        && let Some(provider) = named(prefix)
    {
        return in_provider(provider, rest);
    }
    let stated = provider(&provider_name);
    let may_guess = || guess || provider_name == LITELLM || UNSTATED.contains(&trim(&provider_name));
    let provider =
        stated.or_else(|| may_guess().then(|| first(table::by_model(), model_name)).flatten().map(usize::from));
    in_provider(provider?, model_name)
}

/// The provider as overrides compare it: the list's id, or the name itself in lower case.
pub(crate) fn canonical_provider(name: &str) -> Cow<'_, str> {
    match provider(&lower(name)) {
        Some(provider) => Cow::Borrowed(table::providers()[provider].id),
        None => Cow::Owned(trim(&lower(name)).to_owned()),
    }
}

/// The text in lower case, as far as the list can tell: all its texts are ASCII, and these are the two characters
/// beyond ASCII whose lower case has ASCII in it. Borrowed where there is nothing to do.
pub(crate) fn lower(text: &str) -> Cow<'_, str> {
    if text.bytes().all(|byte| byte.is_ascii() && !byte.is_ascii_uppercase()) {
        return Cow::Borrowed(text);
    }
    let mut lower = text.to_ascii_lowercase();
    if !lower.is_ascii() {
        lower = lower.replace('\u{212a}', "k").replace('\u{130}', "i\u{307}");
    }
    Cow::Owned(lower)
}

/// Without the white space around it, as Python counts white space.
fn trim(name: &str) -> &str {
    name.trim_matches(|c: char| c.is_whitespace() || ('\x1c'..='\x1f').contains(&c))
}

fn provider(name: &str) -> Option<usize> {
    let name = trim(name);
    named(ALIASES.iter().find(|(alias, _)| *alias == name).map_or(name, |(_, id)| id))
}

/// The provider by the list's rules: its id, or else the first whose tests hold.
fn named(name: &str) -> Option<usize> {
    let name = trim(name);
    let by_id = table::providers().iter().position(|provider| provider.id == name);
    by_id.or_else(|| first(table::by_provider(), name).map(usize::from))
}

/// The model in the provider's list or in those of its fallbacks; failing that, the same with dates written out.
fn in_provider(provider: usize, name: &str) -> Option<Listed> {
    let providers = table::providers();
    let provider = &providers[provider];
    let fallbacks = provider.fallbacks.iter().map(|fallback| &providers[usize::from(*fallback)]);
    let find = |name: &str| {
        let mut searched = std::iter::once(provider).chain(fallbacks.clone());
        searched.find_map(|provider| Some(Listed { provider: provider.id, model: in_list(provider, name)? }))
    };
    find(name).or_else(|| find(&dates_written_out(name)?))
}

/// The first model of the provider that a rule holds for.
fn in_list(provider: &Provider, name: &str) -> Option<u16> {
    let whole = provider.names.binary_search_by(|known| order(known, name)).ok().map(|at| provider.names[at].model);
    // Only a model before the one that was found could still win.
    let tests = &provider.tests[..provider.tests.partition_point(|test| whole.is_none_or(|model| test.owner < model))];
    first(tests, name).or(whole)
}

/// By length first, which spares most comparisons of text.
fn order(known: &Name, name: &str) -> Ordering {
    let folded = || known.text.text().bytes().map(|byte| byte.to_ascii_lowercase());
    known.text.len().cmp(&name.len()).then_with(|| folded().cmp(name.bytes()))
}

/// The owner of the first tests that hold together.
fn first(tests: &[Test], name: &str) -> Option<u16> {
    let mut holds = true;
    for test in tests {
        holds = holds && test.holds(name);
        if !test.and {
            if holds {
                return Some(test.owner);
            }
            holds = true;
        }
    }
    None
}

impl Test {
    fn holds(&self, name: &str) -> bool {
        let (name, text) = (name.as_bytes(), self.text.text().as_bytes());
        if name.len() < text.len() {
            return false;
        }
        let (start, rest) = name.split_at(text.len());
        let starts = || start.eq_ignore_ascii_case(text);
        let digits = usize::from(self.digits);
        match self.kind {
            Kind::Equals => rest.is_empty() && starts(),
            Kind::StartsWith => starts(),
            Kind::EndsWith => name[name.len() - text.len()..].eq_ignore_ascii_case(text),
            Kind::Contains => contains(name, text),
            Kind::StartsWithDigits => starts() && rest.get(..digits).is_some_and(all_digits),
            Kind::EqualsDigits => starts() && rest.len() == digits && all_digits(rest),
        }
    }
}

fn all_digits(bytes: &[u8]) -> bool {
    bytes.iter().all(u8::is_ascii_digit)
}

/// Whether `part`, in any case, stands in the lower-case `name`, which is no shorter. For texts as short as these it
/// is a few times as fast as the standard library's search, which prepares for long ones.
fn contains(name: &[u8], part: &[u8]) -> bool {
    let Some(first) = part.first().map(u8::to_ascii_lowercase) else { return true };
    let starts = &name[..=name.len() - part.len()];
    starts.iter().enumerate().any(|(at, byte)| *byte == first && name[at..at + part.len()].eq_ignore_ascii_case(part))
}

/// The name with each date of the form `-20251211` written as `-2025-12-11`; none where there is no such date.
/// LiteLLM and OpenRouter write dates so, and the list does not.
fn dates_written_out(name: &str) -> Option<String> {
    const COMPACT: usize = "-20251211".len();
    let mut written = String::new();
    let mut copied = 0;
    for (at, _) in name.match_indices("-20") {
        let ends = matches!(name.as_bytes().get(at + COMPACT), None | Some(b'-' | b':'));
        if let Some(digits) = name.get(at + 1..at + COMPACT).filter(|digits| ends && all_digits(digits.as_bytes())) {
            let date = format!("{}-{}-{}", &digits[..4], &digits[4..6], &digits[6..]);
            if day(&date).is_some() {
                written += &name[copied..=at];
                written += &date;
                copied = at + COMPACT;
            }
        }
    }
    (copied > 0).then(|| written + &name[copied..])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::Slice;

    #[test]
    fn the_first_model_wins_whatever_its_rule() {
        let check = |whole: u16, part: u16, expect: u16| {
            let names = vec![Name { text: Slice::of("gpt-4o"), model: whole }];
            let tests = vec![Test { kind: Kind::Contains, digits: 0, and: false, text: Slice::of("gpt"), owner: part }];
            let provider = Provider { id: "p", names: names.leak(), tests: tests.leak(), fallbacks: &[] };
            assert_eq!(in_list(&provider, "gpt-4o"), Some(expect));
            assert_eq!(in_list(&provider, "gpt-4"), Some(part));
            assert_eq!(in_list(&provider, "o3"), None);
        };
        check(1, 2, 1);
        check(2, 1, 1);
    }

    #[test]
    fn writes_dates_out() {
        let check = |name: &str, expect: Option<&str>| assert_eq!(dates_written_out(name).as_deref(), expect, "{name}");
        check("gpt-5.2-20251211", Some("gpt-5.2-2025-12-11"));
        check("a-20251211:b-20240229-c", Some("a-2025-12-11:b-2024-02-29-c"));
        for name in [
            "",
            "-20",
            "20251211",
            "a-20251311",
            "a-20250229",
            "a-202512111",
            "a-20251211x",
            "a-19991231",
            "a-2025121\u{e9}",
        ] {
            check(name, None);
        }
    }
}
