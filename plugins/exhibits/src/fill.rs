//! Fills the gaps of a prompt's text; knows nothing of prompts.

/// The text with what belongs in place of each `{key}`. What is put in is not looked at again, so a `{key}` in it stays.
///
/// ```
/// let filled = exhibits::fill("{greeting}, {name}!", &[("greeting", "Hello"), ("name", "{greeting}")]);
/// assert_eq!(filled, "Hello, {greeting}!");
/// ```
pub fn fill(text: &str, values: &[(&str, &str)]) -> String {
    let mut filled = String::with_capacity(text.len() + values.iter().map(|(_, value)| value.len()).sum::<usize>());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        filled.push_str(before);
        let gap = values.iter().find_map(|(key, value)| Some((value, after.strip_prefix(key)?.strip_prefix('}')?)));
        rest = match gap {
            Some((value, after)) => {
                filled.push_str(value);
                after
            }
            None => {
                filled.push('{');
                after
            }
        };
    }
    filled + rest
}
