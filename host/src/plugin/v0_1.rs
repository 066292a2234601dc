//! Contract version 0.1: wasmtime's bindings of `wit/v0.1`, and the way from the domain to them and back.

mod bindings;
mod lift;
mod lower;

pub(super) use bindings::tribunal::plugin::{abort, log, models, types};
pub(super) use lift::{LiftError, Lifter, lift_description};
pub(super) use lower::lower;

/// What a kind that reads the whole interaction is given.
pub(super) type Evaluate<'a> = (&'a types::Interaction<'a>,);
/// What a pricing adapter is given.
pub(super) type Price<'a> = (&'a types::Call<'a>,);
/// What a scorer gives back.
pub(super) type Scored = (Result<Vec<types::Score>, types::Failure>,);
/// What an error classifier gives back.
pub(super) type Classified = (Result<Vec<types::Finding>, types::Failure>,);
/// What a bias check gives back.
pub(super) type Checked = (Result<Vec<types::BiasFinding>, types::Failure>,);
/// What a pricing adapter gives back.
pub(super) type Priced = (Result<Option<types::Cost>, types::Failure>,);
