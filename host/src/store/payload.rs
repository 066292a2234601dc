//! The payload: what was posted, compressed.

use std::cell::RefCell;

use crate::record::NewInteraction;

/// zstd's fastest level that still halves text.
const LEVEL: i32 = 1;
/// No payload is larger than the largest body that HTTP takes by far.
const MAX_BYTES: usize = 1 << 30;

thread_local! {
    static COMPRESSOR: RefCell<zstd::bulk::Compressor<'static>> =
        RefCell::new(zstd::bulk::Compressor::new(LEVEL).expect("a level that zstd has"));
    static DECOMPRESSOR: RefCell<zstd::bulk::Decompressor<'static>> =
        RefCell::new(zstd::bulk::Decompressor::new().expect("memory for a decompressor"));
}

pub(super) fn compress(json: &[u8]) -> Vec<u8> {
    COMPRESSOR.with_borrow_mut(|compressor| compressor.compress(json)).expect("a buffer of zstd's own bound")
}

/// The bytes of the JSON; the most there are where they do not say.
pub(super) fn size(body: &[u8]) -> usize {
    let size = zstd::zstd_safe::get_frame_content_size(body).ok().flatten();
    size.and_then(|size| usize::try_from(size).ok()).unwrap_or(usize::MAX)
}

/// The posted interaction, or what is wrong with the bytes.
pub(super) fn read(body: &[u8]) -> Result<NewInteraction, String> {
    serde_json::from_slice(&decompress(body)?).map_err(|error| error.to_string())
}

/// The JSON, or what is wrong with the bytes.
pub(super) fn decompress(body: &[u8]) -> Result<Vec<u8>, String> {
    let size = Some(size(body)).filter(|size| *size <= MAX_BYTES).ok_or("its length is missing")?;
    DECOMPRESSOR.with_borrow_mut(|decompressor| decompressor.decompress(body, size)).map_err(|error| error.to_string())
}
