//! The plugin's allocator: a small arena that stands in memory from the start, and growth once it is used up.
//!
//! Growing memory is what makes a fresh instance dear (a system call under a lock of the whole process), and a
//! call that stays inside the arena never grows it. A larger arena is not better: the host resets it by copying.

use core::alloc::Layout;
use core::arch::wasm32::memory_grow;
use core::mem::MaybeUninit;

use talc::base::{Talc, binning::Binning};
use talc::cell::TalcSyncCell;
use talc::source::Source;
use talc::wasm::WasmBinning;

/// Bytes that a call may allocate before its instance has to grow.
pub(crate) const ARENA: usize = 32 * 1024;
const PAGE: usize = 64 * 1024;

static mut MEMORY: [MaybeUninit<u8>; ARENA] = [MaybeUninit::uninit(); ARENA];

#[global_allocator]
static ALLOCATOR: TalcSyncCell<ArenaThenGrow, WasmBinning> = TalcSyncCell::new_wasm(ArenaThenGrow { arena_free: true });

#[derive(Debug)]
struct ArenaThenGrow {
    arena_free: bool,
}

// SAFETY: each heap that is claimed is handed over once and touched by nothing else: the arena is a private
// static, and memory past the old end of a grown memory belongs to whoever grew it.
unsafe impl Source for ArenaThenGrow {
    fn acquire<B: Binning>(talc: &mut Talc<Self, B>, layout: Layout) -> Result<(), ()> {
        let (base, size) = if core::mem::take(&mut talc.source.arena_free) {
            ((&raw mut MEMORY).cast::<u8>(), ARENA)
        } else {
            // Room for the block, its alignment and talc's own words.
            let pages = (layout.size() + layout.align() + 256).div_ceil(PAGE);
            let before = memory_grow::<0>(pages);
            if before == usize::MAX {
                return Err(());
            }
            ((before * PAGE) as *mut u8, pages * PAGE)
        };
        // SAFETY: see above.
        unsafe { talc.claim(base, size) }.map(drop).ok_or(())
    }
}
