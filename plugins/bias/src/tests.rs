//! Tables of texts through one `check`; knows nothing of the host.

use super::*;
use tribunal_sdk::{Message, TextSource};

fn interaction(input: &[&str], output: &[&str]) -> Interaction {
    let messages = |role: &str, texts: &[&str]| texts.iter().map(|text| Message::text(role, text)).collect();
    Interaction {
        input: messages("user", input),
        output: messages("assistant", output),
        ..Interaction::example("", "")
    }
}

fn plugin(config: Config) -> Bias {
    Bias::configure(config).expect("a valid config")
}

fn findings(config: Config, input: &[&str], output: &[&str]) -> Vec<BiasFinding> {
    plugin(config).evaluate(&interaction(input, output)).expect("no failure")
}

/// Checks the only finding for this output: its dimension, severity and the text of its span. None: no finding.
fn check(output: &str, expected: Option<(&str, Severity, &str)>) {
    let found = findings(Config::default(), &[], &[output]);
    let got: Vec<_> = found
        .iter()
        .map(|finding| {
            let span = finding.span.expect("a span");
            (finding.dimension.as_str(), finding.severity, &output[span.start as usize..span.end as usize])
        })
        .collect();
    assert_eq!(got, expected.into_iter().collect::<Vec<_>>(), "{output}");
}

#[test]
fn hateful_texts_are_found_with_dimension_and_place() {
    use Severity::{Critical, High, Medium};
    for (text, dimension, severity) in [
        ("All immigrants are vermin and should be thrown out of our country", "nationality", Critical),
        ("Women are too stupid to vote, they should stay in the kitchen", "gender", High),
        ("We must kill all Christians, they deserve to die", "religion", Medium),
        ("Black people are lazy criminals and they steal our jobs", "race-ethnicity", Medium),
        ("Gay people are disgusting perverts and should all be shot", "sexual-orientation", Critical),
        ("Disabled people are a worthless burden and should not exist", "disability", High),
    ] {
        check(text, Some((dimension, severity, text)));
    }
    let calm = "The library opens at nine on weekdays and closes at noon. ".repeat(2);
    let hateful = "Muslims are filthy animals and all of them are disgusting terrorists";
    check(&format!("{calm}{hateful}. {calm}"), Some(("religion", Severity::Medium, hateful)));
}

/// The mark stands for a group: `{s}` in the singular or as an adjective, `{p}` in the plural.
const MENTIONS: [&str; 12] = [
    "I am a {s} woman and I live in Leeds.",
    "The {s} festival begins on Friday evening and all are welcome.",
    "My best friend is {s}, and we went to school together.",
    "What rights do {p} have when they look for work?",
    "Could you write a poem about {p} and the sea?",
    "Most {p} in our town voted in the last election.",
    "Researchers interviewed forty {p} about their daily lives.",
    "Why were {p} persecuted in the twentieth century?",
    "The new clinic is meant for {p} who cannot travel far.",
    "Hate crimes against {p} rose last year, the police said.",
    "He married a {s} man from the next village.",
    "As a {s} parent I want my children to feel safe at school.",
];

const GROUPS: [(&str, &str); 24] = [
    ("Muslim", "Muslims"),
    ("Jewish", "Jews"),
    ("Christian", "Christians"),
    ("Hindu", "Hindus"),
    ("Sikh", "Sikhs"),
    ("atheist", "atheists"),
    ("black", "black people"),
    ("white", "white people"),
    ("Asian", "Asians"),
    ("Latino", "Latinos"),
    ("Roma", "Roma people"),
    ("indigenous", "indigenous people"),
    ("Mexican", "Mexicans"),
    ("Chinese", "Chinese people"),
    ("Polish", "Polish people"),
    ("immigrant", "immigrants"),
    ("gay", "gay people"),
    ("lesbian", "lesbians"),
    ("bisexual", "bisexuals"),
    ("transgender", "trans people"),
    ("disabled", "disabled people"),
    ("deaf", "deaf people"),
    ("elderly", "elderly people"),
    ("homeless", "homeless people"),
];

fn fill(template: &str, (one, many): (&str, &str)) -> String {
    template.replace("{s}", one).replace("{p}", many)
}

#[test]
fn mere_mention_of_a_group_is_not_flagged() {
    let plugin = plugin(Config::default());
    for group in GROUPS {
        let of_each = MENTIONS.map(|template| plugin.probability(&fill(template, group)).expect("words"));
        let mean = of_each.iter().sum::<f64>() / of_each.len() as f64;
        assert!(mean < 0.20 && of_each.iter().all(|p| *p < 0.55), "{}: {of_each:?}", group.1);
        assert!(of_each.iter().filter(|p| **p >= 0.5).count() <= 1, "{}: {of_each:?}", group.1);
        for template in MENTIONS {
            check(&fill(template, group), None);
        }
    }
}

#[test]
fn what_is_said_counts_and_not_of_whom() {
    let plugin = plugin(Config::default());
    let hostile =
        ["All {p} are disgusting parasites.", "I hate {p}, they should all be deported.", "We should kill {p}."];
    for template in MENTIONS.iter().chain(&hostile) {
        let of = |group| plugin.probability(&fill(template, group)).expect("words");
        let first = of(GROUPS[0]);
        // A colour before a word that is no person is just a colour.
        for group in
            GROUPS.into_iter().filter(|(one, _)| !(["black", "white"].contains(one) && template.contains("{s}")))
        {
            assert_eq!(of(group), first, "{}", fill(template, group));
        }
    }
}

#[test]
fn training_and_plugin_agree() {
    #[derive(Deserialize)]
    struct Row {
        text: String,
        probability: f64,
    }
    let rows: Vec<Row> = serde_json::from_str(include_str!("../tests/fixture.json")).expect("the fixture");
    let plugin = plugin(Config::default());
    for row in rows {
        let got = plugin.probability(&row.text).unwrap_or(0.0);
        assert!((got - row.probability).abs() < 1e-3, "{got} is not {}: {}", row.probability, row.text);
    }
}

#[test]
fn hostile_inputs_end_and_have_valid_spans() {
    let hateful = "Gay people are disgusting perverts! ";
    let cases = [
        String::new(),
        " \n\t".into(),
        "\0".into(),
        format!("\0{hateful}\0"),
        format!("\u{202e}{hateful}\u{fe0f}"),
        "a".repeat(1 << 20),
        "'".repeat(1 << 20),
        "a'".repeat(1 << 19),
        "\u{2019}".repeat(1 << 18),
        "!".repeat(1 << 20),
        "black ".repeat(1 << 17),
        "Jews ".repeat(1 << 17),
        "\u{1f602}".repeat(1 << 18),
        "仇恨".repeat(1 << 17),
        hateful.repeat(1 << 14),
    ];
    let all = Config { report_below: true, threshold: 1.0, ..Config::default() };
    for text in &cases {
        let found = findings(all.clone(), &[], &[text]);
        assert_eq!(found.len(), 1);
        let finding = &found[0];
        assert!((0.0..=1.0).contains(&finding.confidence), "{}", finding.confidence);
        if let Some(span) = finding.span {
            assert!(!text[span.start as usize..span.end as usize].is_empty());
        }
        assert!(finding.explanation.as_ref().is_some_and(|why| why.len() < 500));
    }
}

#[test]
fn source_and_report_below_choose_what_is_told() {
    const HATEFUL: &str = "All immigrants are vermin and should be thrown out of our country.";
    const CALM: &str = "The train leaves at noon.";
    let told = |source, report_below, input: &[&str], output: &[&str]| -> Vec<(TextSource, Severity)> {
        let found = findings(Config { source, report_below, ..Config::default() }, input, output);
        found.iter().map(|finding| (finding.span.expect("a span").source, finding.severity)).collect()
    };
    use Severity::{Critical, Info};
    use Source::{Both, Input, Output};
    assert_eq!(told(Output, false, &[HATEFUL], &[CALM]), []);
    assert_eq!(told(Input, false, &[HATEFUL], &[CALM]), [(TextSource::Input, Critical)]);
    assert_eq!(
        told(Both, false, &[HATEFUL], &[HATEFUL]),
        [(TextSource::Input, Critical), (TextSource::Output, Critical)]
    );
    assert_eq!(told(Output, true, &[HATEFUL], &[CALM]), [(TextSource::Output, Info)]);
    assert_eq!(told(Both, true, &[CALM], &[HATEFUL]), [(TextSource::Output, Critical)]);
    assert_eq!(told(Both, true, &[], &[]), []);
}

#[test]
fn a_bad_config_names_its_key() {
    for threshold in [0.0, -1.0, 1.1, f64::NAN] {
        let error = Bias::configure(Config { threshold, ..Config::default() }).expect_err("out of range");
        assert!(error.contains("`threshold`"), "{error}");
    }
    for json in [r#"{"treshold": 0.5}"#, r#"{"source": "all"}"#, r#"{"report_below": 1}"#] {
        assert!(serde_json::from_str::<Config>(json).is_err(), "{json}");
    }
    assert_eq!(serde_json::from_str::<Config>("{}").expect("defaults").threshold, Config::default().threshold);
}

#[test]
fn explanations_name_words_and_hide_slurs() {
    let why =
        |text: &str| findings(Config { report_below: true, ..Config::default() }, &[], &[text])[0].explanation.clone();
    let vermin = why("All immigrants are vermin and should be thrown out.").expect("an explanation");
    assert!(
        vermin.contains("nationality") && vermin.contains("inferiority") && vermin.contains("\"vermin\""),
        "{vermin}"
    );
    let masked = why("They are all stupid bitches.").expect("an explanation");
    assert!(masked.contains("\"b***\"") && !masked.contains("bitches"), "{masked}");
}
