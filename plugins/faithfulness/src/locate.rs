//! Finds what a model quotes in the text that it quotes from, although it writes spaces and quotation marks its own way;
//! knows nothing of claims.

use std::ops::Range;

use exhibits::is_invisible;

/// A text with single spaces, plain quotation marks and nothing invisible, and where its characters come from.
#[derive(Debug)]
pub(crate) struct Plain {
    text: String,
    /// For each byte of the text, the first byte of the character of the original that it comes from.
    origin: Vec<u32>,
    /// The length of the original.
    end: u32,
    is_folded: bool,
}

/// What stands for something that was left out of a quote.
const GAPS: [&str; 4] = ["[...]", "[…]", "...", "…"];

impl Plain {
    /// The text in its own letters.
    pub(crate) fn new(text: &str) -> Self {
        Self::of(text, false)
    }

    /// The text in lower case.
    pub(crate) fn folded(text: &str) -> Self {
        Self::of(text, true)
    }

    fn of(original: &str, is_folded: bool) -> Self {
        let offset = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        let (mut text, mut origin) = (String::with_capacity(original.len()), Vec::with_capacity(original.len()));
        for (at, c) in original.char_indices().filter(|(_, c)| !is_invisible(*c)) {
            let before = text.len();
            match plain(c) {
                ' ' if text.ends_with(' ') => {}
                c if is_folded => text.extend(c.to_lowercase()),
                c => text.push(c),
            }
            origin.resize(origin.len() + text.len() - before, offset(at));
        }
        Self { text, origin, end: offset(original.len()), is_folded }
    }

    /// Where the quote stands first, in bytes of the original.
    pub(crate) fn find(&self, quote: &str) -> Option<Range<usize>> {
        let quote = Self::of(quote, self.is_folded);
        let quote = trimmed(&quote.text);
        if !quote.contains(char::is_alphanumeric) {
            return None;
        }
        let mut places = self.text.match_indices(quote).map(|(at, _)| at..at + quote.len());
        let place = places.find(|place| self.is_whole(place))?;
        let end = self.origin.get(place.end).copied().unwrap_or(self.end);
        Some(*self.origin.get(place.start)? as usize..end as usize)
    }

    /// Whether each piece of the quote, between what was left out, stands here.
    pub(crate) fn quotes(&self, quote: &str) -> bool {
        let mut pieces = vec![quote];
        for gap in GAPS {
            pieces = pieces.into_iter().flat_map(|piece| piece.split(gap)).collect();
        }
        pieces.retain(|piece| piece.contains(char::is_alphanumeric));
        !pieces.is_empty() && pieces.iter().all(|piece| self.find(piece).is_some())
    }

    /// Whether the place cuts no word in two.
    fn is_whole(&self, place: &Range<usize>) -> bool {
        let is_cut = |at: usize| {
            let (before, after) = self.text.split_at(at);
            before.chars().next_back().is_some_and(is_spaced) && after.chars().next().is_some_and(is_spaced)
        };
        !is_cut(place.start) && !is_cut(place.end)
    }
}

/// Whether it is a letter or digit of a script that puts spaces between words.
fn is_spaced(c: char) -> bool {
    c.is_alphanumeric() && c < '\u{2e80}'
}

fn plain(c: char) -> char {
    match c {
        '‘' | '’' | '‚' | '‛' => '\'',
        '“' | '”' | '„' | '‟' | '«' | '»' => '"',
        '‐' | '‑' | '‒' | '–' | '—' => '-',
        c if c.is_whitespace() => ' ',
        c => c,
    }
}

/// Without what models put around a quote.
fn trimmed(quote: &str) -> &str {
    let mut quote = quote.trim();
    for gap in ["...", "…"] {
        quote = quote.strip_prefix(gap).unwrap_or(quote);
        quote = quote.strip_suffix(gap).unwrap_or(quote);
    }
    quote.trim().trim_matches('"').trim()
}

#[cfg(test)]
mod tests {
    use super::Plain;

    fn check(text: &str, quote: &str, wanted: Option<&str>) {
        assert_eq!(Plain::new(text).find(quote).map(|place| &text[place]), wanted, "{quote:?} in {text:?}");
    }

    #[test]
    fn quotes_are_found_where_they_stand() {
        check("It opened in 1890. It is red.", "It is red.", Some("It is red."));
        check("It opened\n in  1890.", "opened in 1890", Some("opened\n in  1890"));
        check("Er sagte: „Nein“ – ganz laut.", "\"Er sagte: \"Nein\" - ganz\"", Some("Er sagte: „Nein“ – ganz"));
        check("It’s\u{a0}the library’s.", "It's the library's", Some("It’s\u{a0}the library’s"));
        check("The li\u{ad}bra\u{200b}ry", "library", Some("li\u{ad}bra\u{200b}ry"));
        check("party art", "art", Some("art"));
        check("a party", "art", None);
        check("日本は島国である。", "島国", Some("島国"));
        check("Ends here", "…Ends here...", Some("Ends here"));
        check("Ends here \n", "here", Some("here"));
        check("It is red.", "It is blue.", None);
        check("It is red.", "", None);
        check("It is red...", "...", None);
        check("", "It", None);
        check("ends in a space ", "in a space ", Some("in a space"));
    }

    #[test]
    fn evidence_may_leave_something_out_and_differ_in_case() {
        let document = Plain::folded("The Library opens at nine, except on Sundays, and closes at six.");
        for quote in
            ["the library opens at nine", "The library opens … and closes at six", "opens [...] closes at six."]
        {
            assert!(document.quotes(quote), "{quote}");
        }
        for quote in ["", "…", ".", "the library opens at ten", "opens … closes at seven"] {
            assert!(!document.quotes(quote), "{quote}");
        }
    }

    #[test]
    fn what_is_hostile_takes_short_time() {
        let text = "ab".repeat(500_000);
        let plain = Plain::new(&text);
        let began = std::time::Instant::now();
        for _ in 0..20 {
            assert!(plain.find(&("ab".repeat(2_000) + "c")).is_none());
        }
        assert!(began.elapsed().as_secs() < 10);
    }
}
