//! Cuts an answer into blocks of English prose and reads them as harper's documents; knows nothing of rules.

use std::ops::Range;

use harper_core::parsers::{Parser, PlainEnglish};
use harper_core::{Dictionary, Document, Span, Token, TokenKind};

use super::lexicon::Lexicon;
use crate::lines::{Kind, Lines};

/// The longest block that is read at once, in bytes: some of harper's readers take quadratic time.
const LONGEST_BLOCK: usize = 4 * 1024;
/// How much of a text is read, in bytes.
const LONGEST_TEXT: usize = 64 * 1024;

/// A paragraph, list item or heading.
pub(super) struct Block<'t> {
    pub(super) text: &'t str,
    /// Where it starts in the answer.
    pub(super) start: usize,
    pub(super) is_heading: bool,
    pub(super) document: Document,
    /// The byte at which each character starts, and the end.
    offsets: Vec<usize>,
}

impl Block<'_> {
    /// The bytes of the answer that a span of characters covers.
    pub(super) fn bytes(&self, span: Span) -> Range<usize> {
        self.start + self.offset(span.start)..self.start + self.offset(span.end)
    }

    /// The text before and after a span.
    pub(super) fn around(&self, span: Span) -> (&str, &str) {
        (&self.text[..self.offset(span.start)], &self.text[self.offset(span.end)..])
    }

    pub(super) fn word(&self, span: Span) -> &str {
        &self.text[self.offset(span.start)..self.offset(span.end)]
    }

    fn offset(&self, character: usize) -> usize {
        self.offsets.get(character).copied().unwrap_or(self.text.len())
    }
}

/// The blocks of the text that are English prose; none where the text as a whole is not English.
pub(super) fn english_blocks<'t>(text: &'t str, lexicon: &Lexicon) -> Vec<Block<'t>> {
    let (mut known, mut all) = (0, 0);
    let mut blocks = Vec::new();
    for (range, is_heading) in ranges(&text[..text.floor_char_boundary(LONGEST_TEXT)]) {
        let block_text = &text[range.clone()];
        if looks_like_code(block_text) {
            continue;
        }
        let document = Document::new(block_text, &Prose, lexicon);
        let (known_here, all_here) = count_known(&document, lexicon);
        known += known_here;
        all += all_here;
        if is_english(known_here, all_here) {
            let offsets = block_text.char_indices().map(|(at, _)| at).chain([block_text.len()]).collect();
            blocks.push(Block { text: block_text, start: range.start, is_heading, document, offsets });
        }
    }
    if is_english(known, all) { blocks } else { Vec::new() }
}

/// The limit that harper sets too, and one unknown word for free.
fn is_english(known: usize, all: usize) -> bool {
    all > 0 && (all - known).saturating_sub(1) * 10 <= all * 3
}

fn count_known(document: &Document, lexicon: &Lexicon) -> (usize, usize) {
    let (mut known, mut all) = (0, 0);
    for token in document.get_tokens().iter().filter(|token| matches!(token.kind, TokenKind::Word(_))) {
        let word = document.get_span_content(&token.span);
        // A name says nothing about the language.
        if word[0].is_uppercase() {
            continue;
        }
        all += 1;
        known += usize::from(lexicon.contains_word(word));
    }
    (known, all)
}

/// Paragraphs of lines that follow on each other, single items and headings; and whether it is a heading.
fn ranges(text: &str) -> Vec<(Range<usize>, bool)> {
    let mut ranges: Vec<(Range<usize>, bool)> = Vec::new();
    let mut continues = false;
    for line in Lines::new(text) {
        let is_prose = matches!(line.kind, Kind::Prose | Kind::Item | Kind::Heading);
        if line.kind == Kind::Prose
            && continues
            && let Some((last, _)) = ranges.last_mut()
        {
            last.end = line.end;
        } else if is_prose && line.content < line.end {
            ranges.push((line.range(), line.kind == Kind::Heading));
        }
        continues = matches!(line.kind, Kind::Prose | Kind::Item);
    }
    ranges
        .iter()
        .flat_map(|(range, is_heading)| pieces(text, range.clone()).map(|piece| (piece, *is_heading)))
        .collect()
}

/// The range in pieces that are short enough.
fn pieces(text: &str, range: Range<usize>) -> impl Iterator<Item = Range<usize>> {
    let mut start = range.start;
    std::iter::from_fn(move || {
        let end = if range.end - start <= LONGEST_BLOCK {
            range.end
        } else {
            text.floor_char_boundary(start + LONGEST_BLOCK)
        };
        let piece = start..end;
        start = end;
        (!piece.is_empty()).then_some(piece)
    })
}

/// Whether signs that prose seldom has stand in the text for each eight words: code, formulas, tables.
fn looks_like_code(text: &str) -> bool {
    let bytes = text.as_bytes();
    let words = text.split_ascii_whitespace().count();
    let signs = bytes
        .iter()
        .filter(|byte| matches!(byte, b'=' | b'{' | b'}' | b'<' | b'>' | b'\\' | b'_' | b'|' | b'^' | b'~'))
        .count();
    let calls = bytes.windows(2).filter(|two| two[0].is_ascii_alphanumeric() && matches!(two[1], b'(' | b'[')).count();
    (signs + calls) * 8 > words
}

/// Harper's reader of plain English, with inline code taken out.
struct Prose;

impl Parser for Prose {
    fn parse(&self, source: &[char]) -> Vec<Token> {
        let mut tokens = Vec::new();
        let mut start = 0;
        while start < source.len() {
            let opens = source[start..].iter().position(|c| *c == '`').map_or(source.len(), |at| start + at);
            push_prose(&source[start..opens], start, &mut tokens);
            let Some(length) = code_length(&source[opens..]) else {
                start = opens;
                if start < source.len() {
                    // A single back-quote that closes nothing.
                    tokens.push(Token { span: Span::new_with_len(start, 1), kind: TokenKind::Unlintable });
                    start += 1;
                }
                continue;
            };
            tokens.push(Token { span: Span::new_with_len(opens, length), kind: TokenKind::Unlintable });
            start = opens + length;
        }
        tokens
    }
}

fn push_prose(source: &[char], start: usize, tokens: &mut Vec<Token>) {
    if source.is_empty() {
        return;
    }
    let from = tokens.len();
    tokens.extend(PlainEnglish.parse(source));
    for token in &mut tokens[from..] {
        token.span.push_by(start);
    }
}

/// The length of the inline code that starts here, with its marks.
fn code_length(source: &[char]) -> Option<usize> {
    let marks = source.iter().take_while(|c| **c == '`').count();
    if marks == 0 {
        return None;
    }
    let closes = source[marks..].iter().position(|c| *c == '`')?;
    let end = marks + closes;
    Some(end + source[end..].iter().take_while(|c| **c == '`').count())
}
