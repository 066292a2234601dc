//! Configured once, fresh every time: a component is instantiated, described and configured, and its instance as it
//! then stands becomes a component of its own.

use std::task::{Context, Poll, Waker};

use wasmtime::Store;
use wasmtime::component::{Component, Instance, Linker};
use wasmtime_wizer::{WasmtimeWizerComponent, Wizer};

use super::load::LoadError;
use super::sandbox::Guest;
use super::v0_1::{self, lift_description};
use super::{Description, quietly};

/// Fuel for copying a guest's memory out, in bytes: the largest memory and its tables.
const COPY_FUEL: usize = 2 * super::engine::MAX_MEMORY;

/// A component that was configured, or why it could not be made into one.
pub(super) struct Configured {
    pub(super) description: Description,
    pub(super) snapshot: Result<Vec<u8>, String>,
}

/// Instantiates the component in a store of its own, asks what it is, configures it and takes the snapshot.
pub(super) fn configure(
    component: &[u8],
    config: &str,
    linker: &Linker<Guest>,
    new_store: impl Fn() -> Store<Guest>,
) -> Result<Configured, LoadError> {
    let mut wizer = Wizer::new();
    wizer.keep_init_func(true);
    // wizer checks what it is given by panicking, and a plugin's file is hostile.
    let instrumented =
        quietly(|| wizer.instrument_component(component).map_err(|error| format!("{error:#}"))).flatten();
    let (context, instrumented) = match instrumented {
        Ok((context, bytes)) => (context, bytes),
        Err(reason) => {
            let mut store = new_store();
            let compiled = Component::new(linker.engine(), component).map_err(LoadError::Compile)?;
            let (_, description) = enter(&compiled, config, linker, &mut store)?;
            return Ok(Configured { description, snapshot: Err(reason) });
        }
    };
    let compiled = Component::new(linker.engine(), &instrumented).map_err(LoadError::Compile)?;
    let mut store = new_store();
    let (instance, description) = enter(&compiled, config, linker, &mut store)?;
    store.set_hostcall_fuel(COPY_FUEL);
    let snapshot = quietly(|| {
        let mut state = WasmtimeWizerComponent { store: &mut store, instance };
        at_once(wizer.snapshot_component(&context, &mut state)).map_err(|error| format!("{error:#}"))
    })
    .flatten();
    Ok(Configured { description, snapshot })
}

/// Instantiates, describes and configures.
fn enter(
    component: &Component,
    config: &str,
    linker: &Linker<Guest>,
    store: &mut Store<Guest>,
) -> Result<(Instance, Description), LoadError> {
    let instance = at_once(linker.instantiate_async(&mut *store, component))
        .map_err(|error| LoadError::guest("instantiating it", store, &error))?;
    let describe = instance
        .get_typed_func::<(), (v0_1::types::Description,)>(&mut *store, "describe")
        .map_err(|error| LoadError::Contract { function: "describe", source: error })?;
    let (description,) = at_once(describe.call_async(&mut *store, ()))
        .map_err(|error| LoadError::guest("its `describe`", store, &error))?;
    let description = lift_description(description).map_err(|error| LoadError::Description(error.to_string()))?;
    configure_instance(&instance, config, store)?;
    Ok((instance, description))
}

fn configure_instance(instance: &Instance, config: &str, store: &mut Store<Guest>) -> Result<(), LoadError> {
    let configure = instance
        .get_typed_func::<(&str,), (Result<(), String>,)>(&mut *store, "configure")
        .map_err(|error| LoadError::Contract { function: "configure", source: error })?;
    let (answer,) = at_once(configure.call_async(&mut *store, (config,)))
        .map_err(|error| LoadError::guest("its `configure`", store, &error))?;
    answer.map_err(LoadError::Refused)
}

/// Configures an instance that will be called next, for components that can't be snapshot.
pub(super) fn configure_again(instance: &Instance, config: &str, store: &mut Store<Guest>) -> wasmtime::Result<()> {
    let configure = instance.get_typed_func::<(&str,), (Result<(), String>,)>(&mut *store, "configure")?;
    let (answer,) = configure.call(store, (config,))?;
    answer.map_err(wasmtime::Error::msg)
}

/// Runs a future that never waits: nothing a plugin imports is asynchronous.
fn at_once<T>(future: impl Future<Output = wasmtime::Result<T>>) -> wasmtime::Result<T> {
    match std::pin::pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => result,
        Poll::Pending => Err(wasmtime::Error::msg("the plugin waited for something, which nothing here does")),
    }
}
