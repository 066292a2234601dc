//! Harper's dictionary as a static finite-state map; knows nothing of rules and documents.

use fst::Map;
use harper_core::spell::FuzzyMatchResult;
use harper_core::{CharStringExt, Dictionary, WordId, WordMetadata};

// `build.rs` says what is in them.
static WORDS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/words.fst"));
static METADATA: &str = include_str!(concat!(env!("OUT_DIR"), "/metadata.json"));

/// No word of the dictionary is longer, in characters.
const LONGEST_WORD: usize = 64;

/// The words of English as harper has them: 131,000 forms with their parts of speech.
pub(crate) struct Lexicon {
    words: Map<&'static [u8]>,
    metadata: Vec<WordMetadata>,
}

/// What the lexicon says of a word.
#[derive(Clone, Copy)]
pub(crate) struct Entry<'l> {
    pub(crate) metadata: &'l WordMetadata,
    /// Whether it is written in lower case.
    pub(crate) is_lower: bool,
}

impl Lexicon {
    pub(crate) fn new() -> Self {
        Self {
            words: Map::new(WORDS).expect("build.rs wrote it"),
            metadata: serde_json::from_str(METADATA).expect("build.rs wrote it"),
        }
    }

    /// The entry of a word in lower case.
    pub(crate) fn entry(&self, lower: &str) -> Option<Entry<'_>> {
        let value = self.words.get(lower)?;
        let metadata = self.metadata.get(usize::try_from(value / 2).ok()?)?;
        Some(Entry { metadata, is_lower: value % 2 == 1 })
    }

    fn entry_of(&self, word: &[char]) -> Option<Entry<'_>> {
        if word.len() > LONGEST_WORD {
            return None;
        }
        let lower: String = word.normalized().iter().flat_map(|c| c.to_lowercase()).collect();
        self.entry(&lower)
    }
}

/// What harper's documents and the rules used here ask for. What only its spell checker asks for (near matches and
/// the spelling of a word) is left empty: the map keeps no text to borrow from.
impl Dictionary for Lexicon {
    fn contains_word(&self, word: &[char]) -> bool {
        self.entry_of(word).is_some()
    }

    fn contains_word_str(&self, word: &str) -> bool {
        self.get_word_metadata_str(word).is_some()
    }

    /// Whether a word that is written in lower case is so in the text, and the other way round.
    fn contains_exact_word(&self, word: &[char]) -> bool {
        self.entry_of(word).is_some_and(|entry| entry.is_lower != word.iter().any(|c| c.is_uppercase()))
    }

    fn contains_exact_word_str(&self, word: &str) -> bool {
        self.contains_exact_word(&word.chars().collect::<Vec<_>>())
    }

    fn fuzzy_match(&self, _: &[char], _: u8, _: usize) -> Vec<FuzzyMatchResult<'_>> {
        Vec::new()
    }

    fn fuzzy_match_str(&self, _: &str, _: u8, _: usize) -> Vec<FuzzyMatchResult<'_>> {
        Vec::new()
    }

    fn get_correct_capitalization_of(&self, _: &[char]) -> Option<&'_ [char]> {
        None
    }

    fn get_word_metadata(&self, word: &[char]) -> Option<&WordMetadata> {
        self.entry_of(word).map(|entry| entry.metadata)
    }

    fn get_word_metadata_str(&self, word: &str) -> Option<&WordMetadata> {
        self.get_word_metadata(&word.chars().collect::<Vec<_>>())
    }

    fn words_iter(&self) -> Box<dyn Iterator<Item = &'_ [char]> + Send + '_> {
        Box::new(std::iter::empty())
    }

    fn word_count(&self) -> usize {
        self.words.len()
    }

    fn get_word_from_id(&self, _: &WordId) -> Option<&[char]> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::Lexicon;

    #[test]
    fn entries() {
        let lexicon = Lexicon::new();
        for (word, known, is_lower) in [
            ("because", true, true),
            ("paris", true, false),
            ("can't", true, true),
            ("becuase", false, false),
            ("", false, false),
        ] {
            let entry = lexicon.entry(word);
            assert_eq!((entry.is_some(), entry.is_some_and(|entry| entry.is_lower)), (known, is_lower), "{word}");
        }
        assert!(lexicon.entry("the").is_some_and(|entry| entry.metadata.determiner && entry.metadata.common));
    }
}
