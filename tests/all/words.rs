//! A plugin's own words are cut: nothing that it says of a failure fills the store, the log or an answer.

use tribunal::record::{Outcome, Reason};
use tribunal_tests::edges::loader::{PLAIN, judge};

/// The most that is kept of them, in bytes.
const KEPT: usize = 4 << 10;

/// Its function that judges.
const SILENT: &str = "(func $silent (param i32) (result i32)\n    (i32.const 512))";

/// The smallest plugin with 6 MiB of memory, one place of its text changed.
fn changed(from: &str, to: &str) -> String {
    let roomy = PLAIN.replace("(memory (export \"memory\") 1)", "(memory (export \"memory\") 100)");
    assert!(roomy.contains(from), "there is no {from:?}");
    roomy.replace(from, to)
}

/// A megabyte of text at 1 MiB: pointer and length, as they stand in memory.
const MEGABYTE: &str = "\\00\\00\\10\\00\\00\\00\\10\\00";

#[test]
fn the_names_of_its_functions_are_cut() {
    let name = format!("${}", "n".repeat(1 << 20));
    let trapping = changed(SILENT, "(func $silent (param i32) (result i32) unreachable)").replace("$silent", &name);
    let refused = judge(&trapping).unwrap_err();
    assert!(refused.contains("nnnn") && refused.len() <= KEPT, "{} bytes", refused.len());
}

#[test]
fn its_reason_not_to_be_configured_is_cut() {
    let data = format!("(data (i32.const 800) \"\\01\\00\\00\\00{MEGABYTE}\")");
    let refusing = changed(
        "(func (export \"configure\") (param i32 i32) (result i32)\n    (i32.const 512))",
        &format!("{data} (func (export \"configure\") (param i32 i32) (result i32) (i32.const 800))"),
    );
    let refused = judge(&refusing).unwrap_err();
    assert!(refused.contains("refused its `config`") && refused.len() <= KEPT, "{} bytes", refused.len());
}

#[test]
fn its_message_of_a_failure_is_cut() {
    // An error with an empty code.
    let data = format!("(data (i32.const 800) \"\\01\\00\\00\\00\\00\\00\\00\\00\\00\\00\\00\\00{MEGABYTE}\")");
    let failing = changed(SILENT, &format!("{data} (func $silent (param i32) (result i32) (i32.const 800))"));
    match judge(&failing).unwrap() {
        Outcome::Failed(failure) => {
            assert_eq!(failure.reason, Reason::GuestError);
            assert_eq!(failure.message.len(), KEPT);
        }
        outcome => panic!("{outcome:?}"),
    }
}
