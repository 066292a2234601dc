//! Says what a call cost, from published price lists.
