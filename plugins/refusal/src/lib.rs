//! Scores whether the answer refused to do what was asked.
