//! Takes from a text what is not for readers: markers that servers read as the structure of a chat, and characters that
//! nobody can see. Knows nothing of prompts.

/// Words that make a marker between `<` and `>` or `[` and `]` in some model's format of a chat. `<|…|>` and `<｜…｜>` need no
/// word.
const MARKERS: [&str; 33] = [
    "ai",
    "assistant",
    "available_tools",
    "bos",
    "developer",
    "end_of_turn",
    "eos",
    "function_call",
    "function_calls",
    "human",
    "inst",
    "instruction",
    "instructions",
    "model",
    "pad",
    "prompt",
    "s",
    "start_of_turn",
    "sys",
    "system",
    "system_instruction",
    "system_prompt",
    "think",
    "thinking",
    "tool",
    "tool_call",
    "tool_calls",
    "tool_response",
    "tool_result",
    "tool_results",
    "tools",
    "unk",
    "user",
];

/// The text with a space inside of each marker, so that it is one no longer, and without what [`is_invisible`]. Every end of
/// a line is `\n`.
pub fn neutral(text: &str) -> String {
    let visible: String = text.replace("\r\n", "\n").chars().filter(|c| !is_invisible(*c)).map(line_end).collect();
    let mut broken = String::with_capacity(visible.len() + 16);
    for (at, c) in visible.char_indices() {
        broken.push(c);
        let rest = &visible[at + c.len_utf8()..];
        if matches!(c, '<' | '[') && (c == '<' && rest.starts_with(['|', '｜']) || opens_with_marker(rest)) {
            broken.push(' ');
        }
    }
    broken
}

fn line_end(c: char) -> char {
    if matches!(c, '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}') { '\n' } else { c }
}

fn opens_with_marker(rest: &str) -> bool {
    let name = rest.strip_prefix('/').unwrap_or(rest);
    let end = name.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(name.len());
    MARKERS.iter().any(|marker| name[..end].eq_ignore_ascii_case(marker))
}

/// Whether a character has no look of its own and can hide a message or turn one around: control characters but for the ends
/// of lines and tabs, soft hyphens, spaces of no width, marks of direction, tags and the variation selectors beyond those
/// that pictures use.
pub fn is_invisible(c: char) -> bool {
    let is_layout = matches!(c, '\n' | '\t' | '\r' | '\u{b}' | '\u{c}' | '\u{85}');
    c.is_control() && !is_layout
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{feff}')
        || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{fff9}'..='\u{fffb}')
        || matches!(c, '\u{e0000}'..='\u{e0fff}')
}

/// Whether there is nothing in a text to see.
pub fn is_blank(text: &str) -> bool {
    text.chars().all(|c| c.is_whitespace() || is_invisible(c))
}
