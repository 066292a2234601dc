//! An operator's filter is refused with a reason or says of any interaction whether it passes, and always the same.

use arbitrary::{Result, Unstructured};
use tribunal::record::{Filter, Interaction};

use super::{made, make};

/// Takes the bytes for an expression and, behind a NUL, for the interaction it is asked about.
pub fn check(bytes: &[u8]) {
    let given = match made(bytes) {
        Some(mut u) => source(&mut u).and_then(|source| Ok((source, make::interaction(&mut u)?))),
        None => read(bytes),
    };
    let Ok((source, mut interaction)) = given else { return };
    // Enough of them to stand in many orders.
    let attributes = ["d", "a", "c", "b"].map(|key| (key.to_owned(), key.into()));
    interaction.posted.attributes.extend(attributes);
    ask(&source, &interaction);
    super::panics::none_of_ours();
}

fn read(bytes: &[u8]) -> Result<(String, Interaction)> {
    let (source, rest) = match bytes.iter().position(|byte| *byte == 0) {
        Some(at) => (&bytes[..at], &bytes[at + 1..]),
        None => (bytes, &[][..]),
    };
    let source = std::str::from_utf8(source).map_err(|_| arbitrary::Error::IncorrectFormat)?;
    Ok((source.to_owned(), make::interaction(&mut Unstructured::new(rest))?))
}

fn ask(source: &str, interaction: &Interaction) {
    match Filter::new(source) {
        Ok(filter) => {
            assert_eq!(filter.source(), source);
            let passes = filter.passes(interaction);
            let again = Filter::new(source).expect("a filter that was taken").passes(interaction);
            assert_eq!(passes, again, "{source} was asked twice");
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

fn source(u: &mut Unstructured<'_>) -> Result<String> {
    if u.ratio(1, 3)? { write(u, 4) } else { typed(u, 'B', 4) }
}

/// Expressions by their type. A capital is the place of another: boolean, text, number or list of texts.
const TYPED: [(char, &[&str]); 4] = [
    (
        'B',
        &[
            "true",
            "has(attributes.a)",
            "error == null",
            "T == T",
            "T < T",
            "T.startsWith(T)",
            "T in L",
            "N > N",
            "N == N",
            "!(B)",
            "(B) && (B)",
            "(B) || (B)",
            "(B) ? (B) : (B)",
            "L.exists(e, B)",
            "L.all(e, B)",
            "L == L",
        ],
    ),
    ('T', &["\"a\"", "\"b\"", "model", "attributes.d", "L[0]", "L[1]", "(T + T)", "string(N)"]),
    ('N', &["0", "1", "usage.input_tokens", "size(L)", "size(T)", "(N + N)", "(N / N)", "int(T)"]),
    (
        'L',
        &[
            "attributes.map(e, e)",
            "finish_reasons",
            "input.map(e, e.role)",
            "attributes.filter(e, B)",
            "[\"a\", T]",
            "(L + L)",
        ],
    ),
];

/// An expression of that type, which works as a rule.
fn typed(u: &mut Unstructured<'_>, wanted: char, levels: usize) -> Result<String> {
    let (_, patterns) = TYPED.iter().find(|(of, _)| *of == wanted).expect("a type");
    let is_place = |c: char| TYPED.iter().any(|(of, _)| *of == c);
    let fit = patterns.iter().filter(|pattern| levels > 0 || !pattern.contains(is_place));
    let pattern = u.choose_iter(fit.collect::<Vec<_>>())?;
    let mut made = String::new();
    for c in pattern.chars() {
        if is_place(c) { made.push_str(&typed(u, c, levels - 1)?) } else { made.push(c) }
    }
    Ok(made)
}

/// Fields of an interaction, and what looks like one.
const NAMES: [&str; 25] = [
    "id",
    "project",
    "operation",
    "provider",
    "model",
    "requested_model",
    "started_at",
    "duration_ms",
    "input",
    "output",
    "usage",
    "usage.input_tokens",
    "usage.other",
    "parameters",
    "finish_reasons",
    "error",
    "error.kind",
    "context",
    "reference",
    "prompt.name",
    "session",
    "user",
    "attributes",
    "attributes.tier",
    "e",
];
const LITERALS: [&str; 19] = [
    "0",
    "1",
    "-1",
    "9223372036854775807",
    "-9223372036854775808",
    "18446744073709551615u",
    "1u",
    "0.5",
    "1e308",
    "true",
    "false",
    "null",
    "\"\"",
    "\"gpt\"",
    "\"a\"",
    "b\"\\xff\"",
    "[]",
    "{}",
    "r\"\\d\"",
];
const CALLS: [&str; 16] = [
    "size",
    "string",
    "int",
    "uint",
    "double",
    "bytes",
    "timestamp",
    "duration",
    "max",
    "min",
    "has",
    "type",
    "bool",
    "dyn",
    "timestamp(\"2026-01-01T00:00:00Z\") - duration",
    "duration(\"9223372036s\") + duration",
];
const METHODS: [&str; 14] = [
    "startsWith",
    "endsWith",
    "contains",
    "matches",
    "size",
    "getFullYear",
    "getDayOfWeek",
    "getMilliseconds",
    "getHours",
    "getSeconds",
    "string",
    "join",
    "split",
    "getDate",
];
const OPERATORS: [&str; 14] = ["==", "!=", "<", "<=", ">", ">=", "&&", "||", "+", "-", "*", "/", "%", "in"];
const MACROS: [&str; 5] = ["exists", "all", "exists_one", "map", "filter"];

/// An expression that is valid as a rule and works now and then.
fn write(u: &mut Unstructured<'_>, levels: usize) -> Result<String> {
    let one = |u: &mut Unstructured<'_>| write(u, levels.saturating_sub(1));
    Ok(match u.int_in_range(0..=if levels == 0 { 1 } else { 10 })? {
        0 => (*u.choose(&NAMES)?).to_owned(),
        1 => (*u.choose(&LITERALS)?).to_owned(),
        2..=4 => format!("({}) {} ({})", one(u)?, u.choose(&OPERATORS)?, one(u)?),
        5 => format!("{}({})", u.choose(&CALLS)?, one(u)?),
        6 => format!("({}).{}({})", one(u)?, u.choose(&METHODS)?, if u.arbitrary()? { one(u)? } else { String::new() }),
        7 => format!("({}).{}(e, {})", one(u)?, u.choose(&MACROS)?, one(u)?),
        8 => format!("({}) ? ({}) : ({})", one(u)?, one(u)?, one(u)?),
        9 => format!("({})[{}]", one(u)?, one(u)?),
        _ => format!("{}({})", u.choose(&["!", "-", "has"])?, one(u)?),
    })
}
