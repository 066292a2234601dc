//! Short quotations for explanations; knows nothing of what they explain.

/// The longest excerpt, in bytes.
const LONGEST: usize = 60;

/// The start of the text, in quotation marks.
pub(crate) fn start(text: &str) -> String {
    if text.len() <= LONGEST {
        return format!("“{text}”");
    }
    format!("“{}…”", &text[..text.floor_char_boundary(LONGEST)])
}

/// The end of the text, in quotation marks.
pub(crate) fn end(text: &str) -> String {
    if text.len() <= LONGEST {
        return format!("“{text}”");
    }
    format!("“…{}”", &text[end_at(text)..])
}

/// Where the excerpt of the end starts.
pub(crate) fn end_at(text: &str) -> usize {
    text.ceil_char_boundary(text.len().saturating_sub(LONGEST))
}
