//! Reads a text as lines of Markdown: prose, list items, headings, tables, code; knows nothing of errors.

use std::ops::Range;

/// What a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Blank,
    Prose,
    Item,
    Heading,
    Table,
    /// The opening or closing line of a code fence.
    Fence,
    /// A line inside a fence, or indented as code.
    Code,
}

/// One line.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Line {
    pub(crate) kind: Kind,
    /// Where its content starts, after indentation and the marks of a list, a heading or a quotation.
    pub(crate) content: usize,
    /// Where the line ends, without its line feed and trailing white space.
    pub(crate) end: usize,
}

impl Line {
    /// The bytes of its content.
    pub(crate) fn range(&self) -> Range<usize> {
        self.content..self.end
    }
}

/// The lines of a text, each byte looked at a fixed number of times.
#[derive(Debug)]
pub(crate) struct Lines<'a> {
    text: &'a str,
    at: usize,
    /// The mark that opened the fence we are in, how often it stood there, and where.
    fence: Option<(u8, usize, usize)>,
    code_may_start: bool,
}

impl<'a> Lines<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self { text, at: 0, fence: None, code_may_start: true }
    }

    /// Where the fence opens that is still open.
    pub(crate) fn open_fence(&self) -> Option<usize> {
        self.fence.map(|(_, _, start)| start)
    }

    fn classify(&mut self, start: usize, content: usize, line: &str) -> (Kind, usize) {
        let fence = fence_mark(line);
        if let Some((mark, length, _)) = self.fence {
            let closes = fence.is_some_and(|(m, l)| m == mark && l >= length && line.trim_end().len() == l);
            if closes {
                self.fence = None;
            }
            return (if closes { Kind::Fence } else { Kind::Code }, 0);
        }
        if let Some((mark, length)) = fence {
            self.fence = Some((mark, length, content));
            return (Kind::Fence, 0);
        }
        if line.trim_end().is_empty() {
            return (Kind::Blank, 0);
        }
        let is_indented = content - start >= 4 || self.text[start..content].contains('\t');
        let (kind, marks) = marks(line);
        match kind {
            Kind::Prose if is_indented && self.code_may_start => (Kind::Code, 0),
            _ => (kind, marks),
        }
    }
}

impl Iterator for Lines<'_> {
    type Item = Line;

    fn next(&mut self) -> Option<Line> {
        let start = self.at;
        let rest = self.text.get(start..).filter(|rest| !rest.is_empty())?;
        let length = rest.find('\n').unwrap_or(rest.len());
        self.at = start + length + 1;
        let line = &rest[..length];
        let trimmed = line.trim_start_matches([' ', '\t']);
        let content = start + (line.len() - trimmed.len());
        let (kind, marks) = self.classify(start, content, trimmed);
        // Indented text is code after a blank line or other code, unless a list is open.
        self.code_may_start = match kind {
            Kind::Item => false,
            Kind::Blank => self.code_may_start,
            Kind::Prose if content > start => self.code_may_start,
            _ => true,
        };
        let end = start + line.trim_end().len();
        Some(Line { kind, content: (content + marks).min(end), end })
    }
}

/// The mark of a fence and how often it stands there.
fn fence_mark(line: &str) -> Option<(u8, usize)> {
    let mark = *line.as_bytes().first()?;
    if mark != b'`' && mark != b'~' {
        return None;
    }
    let length = line.bytes().take_while(|byte| *byte == mark).count();
    // "```code```" on one line is inline code.
    let is_fence = length >= 3 && !(mark == b'`' && line[length..].contains('`'));
    is_fence.then_some((mark, length))
}

/// What a line outside code is, and how many bytes its marks take.
fn marks(line: &str) -> (Kind, usize) {
    let bytes = line.as_bytes();
    match bytes[0] {
        b'|' => (Kind::Table, 0),
        b'#' => {
            let hashes = bytes.iter().take_while(|byte| **byte == b'#').count();
            let is_heading = hashes <= 6 && bytes.get(hashes) == Some(&b' ');
            if is_heading { (Kind::Heading, hashes + 1) } else { (Kind::Prose, 0) }
        }
        b'>' => (Kind::Prose, 1 + usize::from(bytes.get(1) == Some(&b' '))),
        b'-' | b'*' | b'+' if bytes.get(1) == Some(&b' ') => (Kind::Item, 2),
        b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' => match item_number(bytes) {
            Some(length) => (Kind::Item, length),
            None => (Kind::Prose, 0),
        },
        _ if line.starts_with("• ") => (Kind::Item, "• ".len()),
        _ => (Kind::Prose, 0),
    }
}

/// The length of `12. `, `12) `, `a. ` or `A) `.
fn item_number(bytes: &[u8]) -> Option<usize> {
    let digits = bytes.iter().take(4).take_while(|byte| byte.is_ascii_digit()).count();
    let label = if digits == 0 { 1 } else { digits };
    let closes = matches!(bytes.get(label), Some(b'.' | b')')) && bytes.get(label + 1) == Some(&b' ');
    closes.then_some(label + 2)
}

#[cfg(test)]
mod tests {
    use super::{Kind, Lines};

    fn check(text: &str, expected: &[(Kind, &str)]) {
        let lines: Vec<_> = Lines::new(text).map(|line| (line.kind, &text[line.range()])).collect();
        assert_eq!(lines, expected, "{text:?}");
    }

    #[test]
    fn kinds() {
        check("", &[]);
        check("a b\r\n\n  c ", &[(Kind::Prose, "a b"), (Kind::Blank, ""), (Kind::Prose, "c")]);
        check("# T\n#t", &[(Kind::Heading, "T"), (Kind::Prose, "#t")]);
        check("- x\n12. y\nB) z\n• é", &[(Kind::Item, "x"), (Kind::Item, "y"), (Kind::Item, "z"), (Kind::Item, "é")]);
        check("| a | b |", &[(Kind::Table, "| a | b |")]);
        check("> said", &[(Kind::Prose, "said")]);
        check("-", &[(Kind::Prose, "-")]);
    }

    #[test]
    fn code() {
        check(
            "```rust\nlet a;\n```\nb",
            &[(Kind::Fence, "```rust"), (Kind::Code, "let a;"), (Kind::Fence, "```"), (Kind::Prose, "b")],
        );
        check("~~~\n```\n~~~", &[(Kind::Fence, "~~~"), (Kind::Code, "```"), (Kind::Fence, "~~~")]);
        check("```a``` b", &[(Kind::Prose, "```a``` b")]);
        check("So:\n\n    let a;", &[(Kind::Prose, "So:"), (Kind::Blank, ""), (Kind::Code, "let a;")]);
        check("- x\n\n    more", &[(Kind::Item, "x"), (Kind::Blank, ""), (Kind::Prose, "more")]);
        let mut lines = Lines::new("a\n  ```\nb");
        lines.by_ref().for_each(drop);
        assert_eq!(lines.open_fence(), Some(4));
    }
}
