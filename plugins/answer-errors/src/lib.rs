//! Finds errors in the answer: grammar, truncation, provider errors, wrong format, emptiness and repetition.
