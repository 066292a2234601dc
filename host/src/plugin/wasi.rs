//! WASI with nothing behind it: no files, no sockets, no environment, output that goes nowhere, clocks that stand
//! still and randomness from a seed. So a guest that imports WASI is still a pure function, and no host call waits.

use chacha20::ChaCha8Rng;
use chacha20::rand_core::{Rng, SeedableRng};
use wasmtime::component::{HasSelf, Linker, Resource, ResourceTable};
use wasmtime_wasi::p2::bindings::clocks::{monotonic_clock, wall_clock};
use wasmtime_wasi::p2::bindings::random::{insecure, insecure_seed, random};
use wasmtime_wasi::p2::pipe::ClosedInputStream;
use wasmtime_wasi::p2::{DynPollable, subscribe};
use wasmtime_wasi::{WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};

use super::sandbox::Guest;

/// The most random bytes that one request gives.
const MAX_RANDOM: u64 = 64 << 10;
/// The most handles of resources that a guest may have at a time: WASI's, of which nothing needs many as nothing stands
/// behind them, and those of resources that the component itself defines, which live in tables of the host's as well.
pub(super) const MAX_HANDLES: usize = 1 << 10;

/// What decides clock and randomness inside the sandbox.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Determinism {
    /// Nanoseconds since 1970 at which the wall clock stands.
    pub(super) now: u64,
    /// From which all random bytes come.
    pub(super) seed: [u8; 32],
}

/// The WASI state of one guest.
pub(super) struct Wasi {
    ctx: WasiCtx,
    table: ResourceTable,
    now: u64,
    seed: [u8; 32],
    random: ChaCha8Rng,
    insecure: ChaCha8Rng,
}

/// The host does not give what the guest asked for, and the call ends.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Refused(String);

impl Wasi {
    pub(super) fn new(determinism: Determinism) -> Self {
        let Determinism { now, seed } = determinism;
        let mut reversed = seed;
        reversed.reverse();
        let mut table = ResourceTable::new();
        table.set_max_capacity(MAX_HANDLES);
        let (random, insecure) = (ChaCha8Rng::from_seed(seed), ChaCha8Rng::from_seed(reversed));
        Self { ctx: WasiCtxBuilder::new().build(), table, now, seed, random, insecure }
    }
}

/// Everything of WASI 0.2 that a guest may import: what wasmtime has, but for clocks and randomness.
pub(super) fn link(linker: &mut Linker<Guest>, may_wait: bool) -> wasmtime::Result<()> {
    if may_wait {
        wasmtime_wasi::p2::add_to_linker_async(linker)?;
    } else {
        wasmtime_wasi::p2::add_to_linker_sync(linker)?;
    }
    linker.allow_shadowing(true);
    wall_clock::add_to_linker::<_, HasSelf<_>>(linker, Guest::wasi)?;
    monotonic_clock::add_to_linker::<_, HasSelf<_>>(linker, Guest::wasi)?;
    random::add_to_linker::<_, HasSelf<_>>(linker, Guest::wasi)?;
    insecure::add_to_linker::<_, HasSelf<_>>(linker, Guest::wasi)?;
    insecure_seed::add_to_linker::<_, HasSelf<_>>(linker, Guest::wasi)?;
    linker.allow_shadowing(false);
    Ok(())
}

impl WasiView for Guest {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        let Wasi { ctx, table, .. } = self.wasi();
        WasiCtxView { ctx, table }
    }
}

impl wall_clock::Host for Wasi {
    fn now(&mut self) -> wasmtime::Result<wall_clock::Datetime> {
        let nanoseconds = u32::try_from(self.now % 1_000_000_000)?;
        Ok(wall_clock::Datetime { seconds: self.now / 1_000_000_000, nanoseconds })
    }

    fn resolution(&mut self) -> wasmtime::Result<wall_clock::Datetime> {
        Ok(wall_clock::Datetime { seconds: 0, nanoseconds: 1 })
    }
}

impl monotonic_clock::Host for Wasi {
    fn now(&mut self) -> wasmtime::Result<u64> {
        // It stands still, and not at 0, which the runtime of Go takes for a broken clock.
        Ok(1)
    }

    fn resolution(&mut self) -> wasmtime::Result<u64> {
        Ok(1)
    }

    fn subscribe_instant(&mut self, _: u64) -> wasmtime::Result<Resource<DynPollable>> {
        self.subscribe_duration(0)
    }

    /// A guest that sleeps wakes at once. Where the clock stands, every other wait would have no end; and a call that
    /// sleeps in the host could not be ended at its deadline.
    fn subscribe_duration(&mut self, _: u64) -> wasmtime::Result<Resource<DynPollable>> {
        // Any resource that is always ready will do.
        let ready = self.table.push(ClosedInputStream)?;
        subscribe(&mut self.table, ready)
    }
}

fn random_bytes(generator: &mut ChaCha8Rng, length: u64) -> wasmtime::Result<Vec<u8>> {
    if length > MAX_RANDOM {
        let words = format!("it asked for {length} random bytes at once; {MAX_RANDOM} are given at most");
        return Err(Refused(words).into());
    }
    let mut bytes = vec![0; usize::try_from(length)?];
    generator.fill_bytes(&mut bytes);
    Ok(bytes)
}

impl random::Host for Wasi {
    fn get_random_bytes(&mut self, length: u64) -> wasmtime::Result<Vec<u8>> {
        random_bytes(&mut self.random, length)
    }

    fn get_random_u64(&mut self) -> wasmtime::Result<u64> {
        Ok(self.random.next_u64())
    }
}

impl insecure::Host for Wasi {
    fn get_insecure_random_bytes(&mut self, length: u64) -> wasmtime::Result<Vec<u8>> {
        random_bytes(&mut self.insecure, length)
    }

    fn get_insecure_random_u64(&mut self) -> wasmtime::Result<u64> {
        Ok(self.insecure.next_u64())
    }
}

impl insecure_seed::Host for Wasi {
    fn insecure_seed(&mut self) -> wasmtime::Result<(u64, u64)> {
        let word = |at| u64::from_le_bytes(std::array::from_fn(|byte| self.seed[at + byte]));
        Ok((word(0), word(8)))
    }
}
