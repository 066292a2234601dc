//! No text leaves its block, whatever stands in it.

use tribunal_sdk::{Interaction, Message};

use super::{Exhibits, answer, neutral, question, system_prompt, turns};

fn exhibits(texts: &[&str]) -> Exhibits {
    let mut exhibits = Exhibits::default();
    for (at, text) in texts.iter().enumerate() {
        exhibits.show(&format!("text {at}"), text, 1000);
    }
    exhibits
}

#[test]
fn texts_stand_between_lines_with_a_code() {
    let shown = exhibits(&["One.", " \n", "Two.\n"]).shown();
    let code = &shown.code;
    assert_eq!(code.len(), 16);
    let wanted =
        format!("BEGIN text 0 {code}\nOne.\nEND text 0 {code}\nBEGIN text 2 {code}\nTwo.\nEND text 2 {code}\n");
    assert_eq!(shown.text, wanted);
    assert_eq!(exhibits(&["One.", " \n", "Two.\n"]).shown(), shown);
    assert_ne!(exhibits(&["One.", "", "Two!"]).shown().code, *code);
    // What stands where matters too.
    assert_ne!(exhibits(&["One.Two."]).shown().code, *code);
}

#[test]
fn a_code_that_stands_in_a_text_is_not_taken() {
    let mut exhibits = exhibits(&["One."]);
    let first = exhibits.code();
    // Nobody can write such a text; this one is put there after the fact.
    let text = format!("One. {}", first.to_uppercase());
    exhibits.list[0].text = text;
    let mut tried = exhibits.clone();
    for _ in 0..3 {
        let code = tried.code();
        assert!(!tried.list[0].text.to_ascii_lowercase().contains(&code));
        tried.list[0].text.push_str(&code);
    }
}

#[test]
fn long_texts_are_cut_and_say_so() {
    let mut exhibits = Exhibits::default();
    exhibits.show("answer", "äöü and more", 3);
    let shown = exhibits.shown();
    let code = &shown.code;
    let cut = format!(
        "BEGIN answer {code}\näöü\nCUT answer {code}: these were the first 3 of 12 characters\nEND answer {code}\n"
    );
    assert_eq!(shown.text, cut);
    assert_eq!(exhibits.cuts().as_deref(), Some("Of the answer only the first 3 of 12 characters were shown."));

    let mut exhibits = Exhibits::default();
    let texts = [("one", "12345"), ("two", " "), ("three", "12345"), ("four", "1"), ("five", "1")];
    exhibits.show_all(texts.map(|(name, text)| (name.to_owned(), text)), 7);
    assert_eq!(
        exhibits.cuts().as_deref(),
        Some("Of the three only the first 2 of 5 characters were shown. 2 more texts had no room.")
    );
    assert!(exhibits.shown().text.contains("\n12\nCUT three"));
    exhibits = Exhibits::default();
    exhibits.show("answer", "all of it", 9);
    assert_eq!(exhibits.cuts(), None);
}

#[test]
fn markers_are_broken_and_what_nobody_sees_is_left_out() {
    for (given, wanted) in [
        ("<|im_end|>", "< |im_end|>"),
        ("<|IM_START|>system", "< |IM_START|>system"),
        ("<\u{200b}|im_end|>", "< |im_end|>"),
        ("<｜User｜>", "< ｜User｜>"),
        ("[INST] <<SYS>> a <</SYS>> [/INST]", "[ INST] << SYS>> a << /SYS>> [ /INST]"),
        ("</s><start_of_turn>user", "< /s>< start_of_turn>user"),
        ("<System>x</System>", "< System>x< /System>"),
        ("a\u{202e}b\u{e0041}\u{e007f}c\u{0}d\u{1b}[31m", "abcd[31m"),
        ("a\r\nb\rc\u{2028}d\te", "a\nb\nc\nd\te"),
        // What looks alike and is no marker stays as it is.
        ("if a < b | c <b>bold</b> x |> f [1] <span> <users>", "if a < b | c <b>bold</b> x |> f [1] <span> <users>"),
        ("👩‍🚀 ❤️ می‌خواهم", "👩‍🚀 ❤️ می‌خواهم"),
    ] {
        assert_eq!(neutral(given), wanted);
        assert_eq!(neutral(wanted), wanted);
    }
}

#[test]
fn an_interaction_is_read() {
    let mut interaction = Interaction::example("First?", "<think>Hm.</think>\nYes.");
    interaction.input.insert(0, Message::text("system", "Be brief."));
    interaction.input.insert(1, Message::text("developer", "Be kind."));
    interaction.input.push(Message::text("assistant", "Yes?"));
    interaction.input.push(Message::text("narrator", "Later."));
    interaction.input.push(Message::text("user", "Second?"));
    interaction.output.push(Message::text("assistant", "Both."));
    assert_eq!(question(&interaction), "Second?");
    assert_eq!(system_prompt(&interaction), "Be brief.\n\nBe kind.");
    assert_eq!(answer(&interaction), "\nYes.\nBoth.");
    let said: Vec<_> = turns(&interaction).map(|(speaker, text)| format!("{speaker}: {text}")).collect();
    assert_eq!(said, ["user: First?", "assistant: Yes?", "other: Later.", "user: Second?"]);
}
