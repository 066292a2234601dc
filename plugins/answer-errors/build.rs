//! Turns harper's dictionary into static tables for the plugin's data segment; knows nothing of the rules.
//!
//! Harper would build its dictionary at run time, in three copies and about 100 MB. A finite-state map of the
//! words and the few hundred distinct descriptions they share hold the same in 1 MB and cost nothing to load.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    #[cfg(feature = "grammar")]
    lexicon::write(&std::path::PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo sets OUT_DIR")));
}

#[cfg(feature = "grammar")]
mod lexicon {
    use std::collections::BTreeMap;
    use std::path::Path;

    use harper_core::{CharStringExt, Dictionary, MutableDictionary, WordMetadata};

    /// Writes `words.fst`, lower-case word to twice the index of its metadata, plus 1 where the word is written
    /// in lower case; and `metadata.json`, the list that the index counts in.
    pub(crate) fn write(folder: &Path) {
        let dictionary = MutableDictionary::curated();
        let mut kinds = BTreeMap::new();
        let mut words = BTreeMap::new();
        for word in dictionary.words_iter() {
            let metadata = dictionary.get_word_metadata(word).expect("the dictionary lists the word");
            // Which word it was derived from is the only field that differs from word to word; no rule reads it.
            let metadata = WordMetadata { derived_from: None, ..metadata.clone() };
            let metadata = serde_json::to_string(&metadata).expect("plain data");
            let lower = word.normalized().to_lower().to_string();
            let is_lower = lower == word.normalized().to_string();
            words.insert(lower, (metadata.clone(), is_lower));
            kinds.insert(metadata, 0u64);
        }
        for (index, at) in kinds.values_mut().zip(0..) {
            *index = at;
        }
        let entries =
            words.into_iter().map(|(word, (metadata, is_lower))| (word, kinds[&metadata] * 2 + u64::from(is_lower)));
        let map = fst::Map::from_iter(entries).expect("a BTreeMap is sorted");
        std::fs::write(folder.join("words.fst"), map.into_fst().into_inner()).expect("cargo's folder can be written");
        let list = kinds.into_keys().collect::<Vec<_>>().join(",");
        std::fs::write(folder.join("metadata.json"), format!("[{list}]")).expect("cargo's folder can be written");
    }
}
