//! Takes from a system prompt the phrases that say what the assistant is for; knows nothing of vectors.

/// Words that say what the assistant is not to do. In Dutch, English, French, German, Italian and Spanish.
const NEGATIONS: [&str; 24] = [
    "avoid", "can't", "cannot", "decline", "don't", "geen", "jamais", "kein", "keine", "keinen", "mai", "mustn't",
    "never", "nicht", "nie", "niemals", "niet", "non", "not", "nunca", "pas", "refuse", "won't", "without",
];
/// Words between things that are listed.
const JOINTS: [&str; 9] = ["and", "e", "en", "et", "oder", "or", "ou", "und", "y"];
/// The most phrases, and the longest in bytes.
const MOST: usize = 64;
const LONGEST: usize = 300;

/// The phrases of the prompt, those of sentences with a negation only where there is nothing else.
pub(crate) fn phrases(prompt: &str) -> Vec<String> {
    let sentences: Vec<_> = sentences(prompt).collect();
    let said: Vec<_> = sentences.iter().filter(|sentence| !is_negated(sentence)).copied().collect();
    let said = if said.is_empty() { sentences } else { said };
    said.into_iter().flat_map(listed).take(MOST).collect()
}

fn sentences(text: &str) -> impl Iterator<Item = &str> {
    // A dot inside of a name or number ends nothing.
    let ends = |(at, c): (usize, char)| match c {
        '\n' | '。' | '！' | '？' => Some(at + c.len_utf8()),
        '.' | '!' | '?' if text[at + 1..].starts_with(char::is_whitespace) => Some(at + 1),
        _ => None,
    };
    let mut from = 0;
    let ends: Vec<_> = text.char_indices().filter_map(ends).chain([text.len()]).collect();
    let pieces = ends.into_iter().map(move |end| {
        let piece = &text[from..end];
        from = end;
        piece.trim()
    });
    pieces.filter(|piece| says_something(piece))
}

fn is_negated(sentence: &str) -> bool {
    words(sentence).any(|word| NEGATIONS.contains(&word.as_str()))
}

fn words(text: &str) -> impl Iterator<Item = String> {
    let text = text.replace('’', "'").to_lowercase();
    let words: Vec<_> = text.split(|c: char| !(c.is_alphanumeric() || c == '\'')).map(str::to_owned).collect();
    words.into_iter().filter(|word| !word.is_empty())
}

/// The things that a sentence lists, or the sentence itself.
fn listed(sentence: &str) -> Vec<String> {
    let mut phrases = Vec::new();
    for piece in sentence.split([',', ';', ':', '，', '、', '；']) {
        let mut phrase = Vec::new();
        for word in piece.split_whitespace().chain(["and"]) {
            if JOINTS.contains(&word) {
                phrases.push(std::mem::take(&mut phrase).join(" "));
            } else {
                phrase.push(word);
            }
        }
    }
    let clean = |phrase: String| {
        let phrase = phrase.trim_matches(|c: char| !c.is_alphanumeric());
        phrase[..phrase.floor_char_boundary(LONGEST)].to_owned()
    };
    phrases.into_iter().map(clean).filter(|phrase| says_something(phrase)).collect()
}

fn says_something(text: &str) -> bool {
    text.chars().filter(|c| c.is_alphanumeric()).nth(1).is_some()
}

#[cfg(test)]
mod tests {
    use super::phrases;

    fn check(prompt: &str, wanted: &[&str]) {
        assert_eq!(phrases(prompt), wanted);
    }

    #[test]
    fn a_prompt_is_taken_apart() {
        check("You are a cooking assistant.", &["You are a cooking assistant"]);
        check(
            "You help visitors of a recipe website. Answer questions about recipes, ingredients and cooking techniques.",
            &[
                "You help visitors of a recipe website",
                "Answer questions about recipes",
                "ingredients",
                "cooking techniques",
            ],
        );
        check(
            "- Rezepte und Zutaten\n- Version 2.0 von example.com: Backen!\n\n* ",
            &["Rezepte", "Zutaten", "Version 2.0 von example.com", "Backen"],
        );
        check("你帮助用户做饭。食谱、食材", &["你帮助用户做饭", "食谱", "食材"]);
        check("", &[]);
        check(" - \n. !", &[]);
    }

    #[test]
    fn what_is_forbidden_is_no_scope() {
        check("Help with cooking. Don’t discuss politics. Never talk about health.", &["Help with cooking"]);
        check("Do not answer but for cooking.", &["Do not answer but for cooking"]);
        check("Hilf beim Kochen. Sprich nicht über Politik.", &["Hilf beim Kochen"]);
    }

    #[test]
    fn long_prompts_are_cut() {
        assert_eq!(phrases(&"One thing, ".repeat(1_000)).len(), 64);
        assert_eq!(phrases(&"ä".repeat(10_000))[0].len(), 300);
    }
}
