//! Which panics are the host's own. The crates that take WebAssembly apart panic on some broken files, which the host
//! catches by design; a panic in its own code is a bug, caught or not.

use std::collections::BTreeSet;
use std::panic::{set_hook, take_hook};
use std::sync::{Mutex, Once, PoisonError};

/// Where this project's code stands in the paths that the compiler notes.
const OWN: &str = "host/src/";

static FOREIGN: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
static OWN_PANIC: Mutex<Option<String>> = Mutex::new(None);
static WATCHED: Once = Once::new();

/// From here on a panic in a crate from a registry is told once for each place in one line and goes its way, caught by
/// the host or not; every other panic comes to the hook that was there before.
pub fn watch() {
    WATCHED.call_once(|| {
        let before = take_hook();
        set_hook(Box::new(move |panic| {
            let place = panic.location().map(ToString::to_string).unwrap_or_default();
            if place.contains("/registry/src/") {
                let mut known = FOREIGN.lock().unwrap_or_else(PoisonError::into_inner);
                if known.insert(place.clone()) {
                    eprintln!("a crate panicked at {place}: {:?}", panic.payload_as_str().unwrap_or_default());
                }
                return;
            }
            if place.contains(OWN) {
                *OWN_PANIC.lock().unwrap_or_else(PoisonError::into_inner) = Some(place);
            }
            before(panic);
        }));
    });
}

/// Panics where the host did since the last time.
pub fn none_of_ours() {
    let own = OWN_PANIC.lock().unwrap_or_else(PoisonError::into_inner).take();
    assert!(own.is_none(), "the host panicked at {}", own.unwrap_or_default());
}
