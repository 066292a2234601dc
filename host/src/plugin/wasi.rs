//! WASI with nothing behind it: no files, no sockets, no environment, output that goes nowhere, clocks that stand
//! still and randomness from a seed. So a guest that imports WASI is still a pure function.

use std::time::Duration;

use chacha20::ChaCha8Rng;
use chacha20::rand_core::SeedableRng;
use wasmtime::component::ResourceTable;
use wasmtime_wasi::{HostMonotonicClock, HostWallClock, WasiCtx, WasiCtxBuilder};

/// The WASI state of one guest.
pub(super) struct Wasi {
    pub(super) ctx: WasiCtx,
    pub(super) table: ResourceTable,
}

/// The most random bytes that one request gives.
const MAX_RANDOM: u64 = 64 << 10;

/// What decides clock and randomness inside the sandbox.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Determinism {
    /// Nanoseconds since 1970 at which the wall clock stands.
    pub(super) now: u64,
    /// From which all random bytes come.
    pub(super) seed: [u8; 32],
}

impl Wasi {
    pub(super) fn new(determinism: Determinism) -> Self {
        let Determinism { now, seed } = determinism;
        let mut insecure = seed;
        insecure.reverse();
        let mut hash_seed = [0; 16];
        hash_seed.copy_from_slice(&seed[..16]);
        let mut builder = WasiCtxBuilder::new();
        builder
            .wall_clock(Standing(now))
            .monotonic_clock(Standing(0))
            .secure_random(ChaCha8Rng::from_seed(seed))
            .insecure_random(ChaCha8Rng::from_seed(insecure))
            .insecure_random_seed(u128::from_le_bytes(hash_seed))
            .max_random_size(MAX_RANDOM);
        Self { ctx: builder.build(), table: resource_table() }
    }
}

/// The table of a guest's resources: few, as nothing stands behind them.
fn resource_table() -> ResourceTable {
    let mut table = ResourceTable::new();
    table.set_max_capacity(1 << 10);
    table
}

/// A clock that stands still, at nanoseconds since its epoch.
struct Standing(u64);

impl HostWallClock for Standing {
    fn resolution(&self) -> Duration {
        Duration::from_nanos(1)
    }

    fn now(&self) -> Duration {
        Duration::from_nanos(self.0)
    }
}

impl HostMonotonicClock for Standing {
    fn resolution(&self) -> u64 {
        1
    }

    fn now(&self) -> u64 {
        self.0
    }
}
