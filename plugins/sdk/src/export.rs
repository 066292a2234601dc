//! [`export!`] and what its expansion calls; knows nothing of the single kinds' work.

use std::cell::OnceCell;

use serde::de::DeserializeOwned;

use crate::{Failure, bindings::abort};

/// Where the configured plugin lives between `configure` and `evaluate`.
pub struct Configured<P>(OnceCell<P>);

impl<P> Default for Configured<P> {
    fn default() -> Self {
        Self::new()
    }
}

impl<P> Configured<P> {
    /// Empty.
    pub const fn new() -> Self {
        Self(OnceCell::new())
    }

    /// Keeps the plugin. The host configures an instance once.
    pub fn set(&self, plugin: P) -> Result<(), String> {
        self.0.set(plugin).map_err(|_| "configured twice".to_owned())
    }

    /// Runs a kind's `evaluate` on the plugin.
    pub fn with<T>(&self, evaluate: impl FnOnce(&P) -> Result<T, Failure>) -> Result<T, Failure> {
        let plugin = self.0.get().ok_or_else(|| Failure::new("internal", "not configured"))?;
        evaluate(plugin)
    }
}

/// Reads the config, naming the key at fault.
pub fn parse_config<C: DeserializeOwned>(json: &str) -> Result<C, String> {
    let mut reader = serde_json::Deserializer::from_str(json);
    serde_path_to_error::deserialize(&mut reader).map_err(|error| match error.path().to_string().as_str() {
        "." => format!("config: {}", error.inner()),
        key => format!("config: `{key}`: {}", error.inner()),
    })
}

/// Makes a panic end the call with its message instead of a bare trap.
pub fn report_panics() {
    std::panic::set_hook(Box::new(|panic| abort::abort(&panic.to_string())));
}

/// Leaves a call's worth of free memory in the snapshot, however much `configure` used, so that no
/// evaluation has to grow its memory for its first allocations.
pub fn reserve_call_arena() {
    #[cfg(target_family = "wasm")]
    drop(Vec::<u8>::with_capacity(crate::allocator::ARENA / 2));
}

/// Exports a plugin: its type, then the kinds whose traits it implements.
///
/// The plugin's name, version and summary are those of the crate. Compiled for another target than WebAssembly, as
/// in the plugin's own tests, the macro only checks that the traits are implemented: no linker takes the names of
/// a component's exports.
///
/// ```
/// # use tribunal_sdk::{BiasCheck, BiasFinding, Failure, Interaction, NoConfig, Plugin, Score, Scorer};
/// struct Both;
/// # impl Plugin for Both {
/// #     type Config = NoConfig;
/// #     fn configure(_: NoConfig) -> Result<Self, String> { Ok(Self) }
/// # }
/// # impl Scorer for Both {
/// #     fn evaluate(&self, _: &Interaction) -> Result<Vec<Score>, Failure> { Ok(vec![]) }
/// # }
/// # impl BiasCheck for Both {
/// #     fn evaluate(&self, _: &Interaction) -> Result<Vec<BiasFinding>, Failure> { Ok(vec![]) }
/// # }
/// tribunal_sdk::export!(Both: Scorer, BiasCheck);
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! export {
    ($plugin:ty: $($kind:ident),+ $(,)?) => {
        const _: () = {
            const _: () = ::core::assert!(
                !::core::env!("CARGO_PKG_DESCRIPTION").is_empty(),
                "a plugin's summary is the `description` of its Cargo.toml, and there is none"
            );

            ::std::thread_local! {
                static PLUGIN: $crate::__private::Configured<$plugin> =
                    const { $crate::__private::Configured::new() };
            }

            #[cfg_attr(not(target_family = "wasm"), expect(dead_code, reason = "only exported to WebAssembly"))]
            struct Component;

            impl $crate::__private::plugin::Guest for Component {
                fn describe() -> $crate::Description {
                    $crate::Description {
                        name: ::core::env!("CARGO_PKG_NAME").into(),
                        version: ::core::env!("CARGO_PKG_VERSION").into(),
                        summary: ::core::env!("CARGO_PKG_DESCRIPTION").into(),
                        config_schema: <$plugin as $crate::Plugin>::config_schema(),
                        attributes: ::std::vec::Vec::new(),
                    }
                }

                fn configure(json: ::std::string::String) -> ::core::result::Result<(), ::std::string::String> {
                    $crate::__private::report_panics();
                    let config = $crate::__private::parse_config(&json)?;
                    let plugin = <$plugin as $crate::Plugin>::configure(config)?;
                    PLUGIN.with(|slot| slot.set(plugin))?;
                    $crate::__private::reserve_call_arena();
                    ::core::result::Result::Ok(())
                }
            }

            #[cfg(target_family = "wasm")]
            $crate::__private::plugin::export_plugin!(Component with_types_in $crate::__private::plugin);
            $($crate::__export_kind!($kind, $plugin, Component);)+
        };
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __export_kind {
    (Scorer, $plugin:ty, $component:ident) => {
        $crate::__export_kind!(scorer, Scorer, scorer, $crate::Interaction, ::std::vec::Vec<$crate::Score>, $plugin, $component);
    };
    (ErrorClassifier, $plugin:ty, $component:ident) => {
        $crate::__export_kind!(error_classifier, ErrorClassifier, error_classifier, $crate::Interaction, ::std::vec::Vec<$crate::Finding>, $plugin, $component);
    };
    (BiasCheck, $plugin:ty, $component:ident) => {
        $crate::__export_kind!(bias_check, BiasCheck, bias_check, $crate::Interaction, ::std::vec::Vec<$crate::BiasFinding>, $plugin, $component);
    };
    (PricingAdapter, $plugin:ty, $component:ident) => {
        $crate::__export_kind!(pricing_adapter, PricingAdapter, pricing_adapter, $crate::Call, ::core::option::Option<$crate::Cost>, $plugin, $component);
    };
    ($module:ident, $kind:ident, $interface:ident, $given:ty, $made:ty, $plugin:ty, $component:ident) => {
        impl $crate::__private::kinds::$module::exports::tribunal::plugin::$interface::Guest for $component {
            fn evaluate(given: $given) -> ::core::result::Result<$made, $crate::Failure> {
                PLUGIN.with(|slot| slot.with(|plugin| <$plugin as $crate::$kind>::evaluate(plugin, &given)))
            }
        }
        #[cfg(target_family = "wasm")]
        $crate::__private::kinds::$module::export_kind!($component with_types_in $crate::__private::kinds::$module);
    };
}
