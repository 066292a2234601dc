//! Cuts long texts; knows nothing of what they are.

/// How much of a text is there, in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cut {
    pub(crate) shown: usize,
    pub(crate) of: usize,
}

/// At most the first `most` characters, and how much that is where it is not all.
pub(crate) fn cut(text: &str, most: usize) -> (&str, Option<Cut>) {
    match text.char_indices().nth(most) {
        None => (text, None),
        Some((at, _)) => {
            let of = most + text[at..].chars().count();
            (&text[..at], Some(Cut { shown: most, of }))
        }
    }
}
