//! Reads prompts as an attentive judge would: what stands between lines with the code is data, and nothing else is. Knows
//! nothing of plugins and hosts.
#![allow(dead_code, reason = "each file of tests uses a part of it")]

/// One text of a prompt that is data.
#[derive(Debug)]
pub(crate) struct Block {
    /// What stands on its first line after `BEGIN` and before the code.
    pub(crate) name: String,
    /// What stands between its lines.
    pub(crate) text: String,
    /// Whether it was cut.
    pub(crate) is_cut: bool,
}

/// A prompt, taken apart by its code alone.
#[derive(Debug)]
pub(crate) struct Read {
    /// The code.
    pub(crate) code: String,
    /// What is said before the data.
    pub(crate) before: String,
    /// The data.
    pub(crate) blocks: Vec<Block>,
    /// What is said after the data.
    pub(crate) after: String,
}

impl Read {
    /// Takes a prompt apart, and fails where anything but blocks stands between its first and its last block.
    pub(crate) fn of(system: &str, user: &str) -> Self {
        let first = user.lines().next().expect("a line");
        let code = first.rsplit(' ').next().expect("a code").to_owned();
        assert!(code.len() == 16 && code.bytes().all(|byte| byte.is_ascii_hexdigit()), "{first}");
        let (mut blocks, mut after, mut open) = (Vec::new(), String::new(), None::<Block>);
        for line in user.split('\n') {
            let border = |word: &str| line.strip_prefix(word)?.strip_suffix(&code).map(|name| name.trim().to_owned());
            if let Some(block) = &mut open {
                let cut = format!("CUT {} {code}: ", block.name);
                if border("END ").is_some_and(|name| name == block.name) {
                    blocks.extend(open.take());
                } else if line.starts_with(&cut) {
                    block.is_cut = true;
                } else {
                    assert!(!block.is_cut, "a line after the cut: {line}");
                    if !block.text.is_empty() {
                        block.text.push('\n');
                    }
                    block.text.push_str(line);
                }
            } else if let Some(name) = border("BEGIN ") {
                assert!(after.is_empty(), "text between two blocks: {after}");
                open = Some(Block { name, text: String::new(), is_cut: false });
            } else {
                after.push_str(line);
                after.push('\n');
            }
        }
        assert!(open.is_none() && !after.contains(&code), "{user}");
        Self { code, before: system.to_owned(), blocks, after }
    }
}

/// One line of `injections.jsonl`: a text that was written for the judge.
#[derive(Debug, serde::Deserialize)]
pub(crate) struct Attack {
    /// What it tries.
    pub(crate) name: String,
    /// Where it stands.
    pub(crate) field: String,
    /// The text.
    pub(crate) text: String,
    /// The part of it that is to be obeyed.
    pub(crate) marker: String,
}

/// All of them.
pub(crate) fn attacks() -> Vec<Attack> {
    let lines = include_str!("../../injections.jsonl").lines();
    lines.map(|line| serde_json::from_str(line).expect("an attack")).collect()
}
