//! Configured once, fresh every time: a component is instantiated, described and configured, and its instance as it
//! then stands becomes a component of its own.

use std::task::{Context, Poll, Waker};

use wasmtime::Store;
use wasmtime::component::{Component, Instance, Linker};
use wasmtime_wizer::{WasmtimeWizerComponent, Wizer};

use super::load::{ContractError, evaluate_of};
use super::prepare::PrepareError;
use super::sandbox::Guest;
use super::v0_1::{self, lift_description};
use super::{Description, quietly};
use crate::record::Kind;

/// Fuel for copying a guest's memory out, in bytes: the largest memory and its tables.
const COPY_FUEL: usize = 2 * super::engine::MAX_MEMORY;

/// A component that was configured, or why it could not be made into one.
pub(super) struct Configured {
    pub(super) description: Description,
    pub(super) snapshot: Result<Vec<u8>, String>,
}

/// Instantiates the component in a store of its own, asks what it is, hands it its config and takes the snapshot. It
/// must export the kinds as the contract has them.
pub(super) fn configure(
    component: &[u8],
    configuration: (&str, &[Kind]),
    linker: &Linker<Guest>,
    new_store: impl Fn() -> Store<Guest>,
) -> Result<Configured, PrepareError> {
    let mut wizer = Wizer::new();
    wizer.keep_init_func(true);
    // wizer checks what it is given by panicking, and a plugin's file is hostile.
    let instrumented =
        quietly(|| wizer.instrument_component(component).map_err(|error| format!("{error:#}"))).flatten();
    let (context, instrumented) = match instrumented {
        Ok((context, bytes)) => (context, bytes),
        Err(reason) => {
            let compiled = Component::new(linker.engine(), component).map_err(PrepareError::Compile)?;
            let mut store = new_store();
            let (_, description) = enter(&compiled, configuration, linker, &mut store)?;
            return Ok(Configured { description, snapshot: Err(reason) });
        }
    };
    let compiled = Component::new(linker.engine(), &instrumented).map_err(PrepareError::Compile)?;
    let mut store = new_store();
    let (instance, description) = enter(&compiled, configuration, linker, &mut store)?;
    store.set_hostcall_fuel(COPY_FUEL);
    let snapshot = quietly(|| {
        let mut state = WasmtimeWizerComponent { store: &mut store, instance };
        at_once(wizer.snapshot_component(&context, &mut state)).map_err(|error| format!("{error:#}"))
    })
    .flatten();
    Ok(Configured { description, snapshot })
}

/// Checks the types of what the kinds export, instantiates, describes and configures.
fn enter(
    component: &Component,
    (config, kinds): (&str, &[Kind]),
    linker: &Linker<Guest>,
    store: &mut Store<Guest>,
) -> Result<(Instance, Description), PrepareError> {
    let ready = linker.instantiate_pre(component).map_err(PrepareError::Link)?;
    kinds.iter().try_for_each(|kind| evaluate_of(&ready, *kind).map(|_| ()))?;
    let instance = at_once(ready.instantiate_async(&mut *store))
        .map_err(|error| PrepareError::guest("instantiating it", store, &error))?;
    let describe = instance
        .get_typed_func::<(), (v0_1::types::Description,)>(&mut *store, "describe")
        .map_err(|error| ContractError { function: "describe", source: error })?;
    let (description,) = at_once(describe.call_async(&mut *store, ()))
        .map_err(|error| PrepareError::guest("its `describe`", store, &error))?;
    let description = lift_description(description).map_err(|error| PrepareError::Description(error.to_string()))?;
    configure_instance(&instance, config, store)?;
    Ok((instance, description))
}

fn configure_instance(instance: &Instance, config: &str, store: &mut Store<Guest>) -> Result<(), PrepareError> {
    let configure = instance
        .get_typed_func::<(&str,), (Result<(), String>,)>(&mut *store, "configure")
        .map_err(|error| ContractError { function: "configure", source: error })?;
    let (answer,) = at_once(configure.call_async(&mut *store, (config,)))
        .map_err(|error| PrepareError::guest("its `configure`", store, &error))?;
    answer.map_err(PrepareError::Refused)
}

/// Configures an instance that will be called next, for components that can't be snapshot.
pub(super) async fn configure_again(
    instance: &Instance,
    config: &str,
    store: &mut Store<Guest>,
    may_wait: bool,
) -> wasmtime::Result<()> {
    let configure = instance.get_typed_func::<(&str,), (Result<(), String>,)>(&mut *store, "configure")?;
    let (answer,) =
        if may_wait { configure.call_async(store, (config,)).await? } else { configure.call(store, (config,))? };
    answer.map_err(wasmtime::Error::msg)
}

/// Runs a future that never waits: nothing a plugin imports is asynchronous.
fn at_once<T>(future: impl Future<Output = wasmtime::Result<T>>) -> wasmtime::Result<T> {
    match std::pin::pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => result,
        Poll::Pending => Err(wasmtime::Error::msg("the plugin waited for something, which nothing here does")),
    }
}
