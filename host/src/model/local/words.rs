//! BERT's word pieces, of a file that may be hostile. Knows nothing of vectors: a text in, tokens out.

use std::path::Path;

use serde::Deserialize;
use tokenizers::models::wordpiece::WordPiece;
use tokenizers::normalizers::BertNormalizer;
use tokenizers::pre_tokenizers::bert::BertPreTokenizer;
use tokenizers::processors::bert::BertProcessing;
use tokenizers::{AddedToken, DecoderWrapper, Model as _, TokenizerImpl, TruncationParams};

use super::{LocalError, json};

/// How much of a long text is split into tokens at first, in bytes.
const PREFIX: usize = 16 << 10;
/// How much of a text is looked at, in bytes: one without spaces takes a second and 200 MB up to here.
const MOST: usize = 1 << 20;

pub(super) struct Words {
    tokenizer: TokenizerImpl<WordPiece, BertNormalizer, BertPreTokenizer, BertProcessing, DecoderWrapper>,
    /// The most tokens of a text.
    longest: usize,
}

/// What of `tokenizer.json` differs between models of this kind. The library could read all of it, but panics where its
/// parts do not fit together.
#[derive(Deserialize)]
struct WordsFile {
    model: WordPiece,
    normalizer: BertNormalizer,
    pre_tokenizer: BertPreTokenizer,
    #[serde(default)]
    added_tokens: Vec<AddedToken>,
}

impl Words {
    /// Reads `tokenizer.json`. A text will have at most `longest` tokens (at least 3, for two stand around it), all
    /// below `size`.
    pub(super) fn open(path: &Path, longest: usize, size: usize) -> Result<Self, LocalError> {
        let WordsFile { model, normalizer, pre_tokenizer, added_tokens } = json(path)?;
        // The time that a word takes grows with the square of its characters.
        if model.continuing_subword_prefix != "##" || model.max_input_chars_per_word > 100 {
            return Err(LocalError::unsupported(path, "splits words as BERT does not".to_owned()));
        }
        if model.get_vocab().into_values().any(|id| id as usize >= size) {
            return Err(LocalError::damaged(path, format!("it has tokens beyond the {size} of config.json")));
        }
        let find = |name: &str| {
            let id = model.token_to_id(name).ok_or_else(|| LocalError::damaged(path, format!("it has no {name:?}")));
            Ok((name.to_owned(), id?))
        };
        find(&model.unk_token)?;
        let around = BertProcessing::new(find("[SEP]")?, find("[CLS]")?);
        for token in &added_tokens {
            find(&token.content)?;
            if token.normalized || token.single_word || token.lstrip || token.rstrip {
                return Err(LocalError::unsupported(path, format!("finds {:?} as BERT does not", token.content)));
            }
        }
        let mut tokenizer = TokenizerImpl::new(model);
        let truncation = TruncationParams { max_length: longest, ..TruncationParams::default() };
        tokenizer
            .with_pre_tokenizer(Some(pre_tokenizer))
            .with_post_processor(Some(around))
            .with_normalizer(Some(normalizer))
            .and_then(|tokenizer| tokenizer.with_truncation(Some(truncation)))
            .and_then(|tokenizer| tokenizer.add_special_tokens(added_tokens))
            .map_err(|error| LocalError::damaged(path, error))?;
        Ok(Self { tokenizer, longest })
    }

    /// The tokens of a text, as many as count. What follows a space does not change the tokens before it, so the end of
    /// a long text is not looked at.
    pub(super) fn tokens(&self, text: &str) -> tokenizers::Result<Vec<usize>> {
        let text = &text[..text.floor_char_boundary(MOST)];
        let mut size = PREFIX;
        loop {
            let start = text.as_bytes().get(..size);
            let space = start.map(|start| start.iter().rposition(|byte| b" \t\r\n".contains(byte)).unwrap_or(0));
            let tokens = self.tokenizer.encode_fast(&text[..space.unwrap_or(text.len())], true)?;
            if space.is_none() || tokens.len() == self.longest {
                return Ok(tokens.get_ids().iter().map(|id| *id as usize).collect());
            }
            size *= 4;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_start_of_a_long_text_is_enough() {
        let path = std::env::temp_dir().join(format!("words-{}.json", std::process::id()));
        std::fs::write(&path, super::super::tests::WORDS).expect("a folder for temporary files");
        let words = Words::open(&path, 512, 12).expect("words");
        std::fs::remove_file(&path).expect("the file that was written");
        let space = " \u{85}\u{a0}\t\u{b}".repeat(PREFIX);
        for text in [
            "hello ".repeat(PREFIX),
            "hello".repeat(PREFIX),
            "a hellohello ".repeat(100) + &space + &"hello a".repeat(PREFIX),
            "\u{301}".repeat(PREFIX) + &space + "\u{301}a" + &"hello[SEP]".repeat(PREFIX),
            "a".to_owned() + &"é".repeat(MOST / 2),
            "a\0".repeat(50) + &"\0\u{301}\n".repeat(PREFIX),
        ] {
            let whole = words.tokenizer.encode_fast(text.as_str(), true).expect("tokens");
            let whole: Vec<_> = whole.get_ids().iter().map(|id| *id as usize).collect();
            assert_eq!(words.tokens(&text).expect("tokens"), whole, "{:?}", text.get(..20));
        }
    }
}
