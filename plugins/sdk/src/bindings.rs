//! The bindings that wit-bindgen makes from `wit/v0.1`; knows nothing of a plugin's traits.
//!
//! There is one world for what every plugin exports and one for each kind, so that [`crate::export!`] can join
//! just the kinds a plugin has: each world's export macro brings its own piece of the component's type.
#![allow(missing_docs, reason = "the WIT files hold the documentation")]

pub mod plugin {
    wit_bindgen::generate!({
        inline: "
            package tribunal:sdk;
            world base {
                import tribunal:plugin/types@0.1.0;
                import tribunal:plugin/models@0.1.0;
                include tribunal:plugin/plugin@0.1.0;
            }
        ",
        path: "../wit",
        world: "tribunal:sdk/base",
        generate_all,
        additional_derives: [PartialEq],
        pub_export_macro: true,
        export_macro_name: "export_plugin",
        default_bindings_module: "tribunal_sdk::__private::plugin",
    });
}

pub use plugin::tribunal::plugin::{abort, log, models, types};

macro_rules! kind {
    ($module:ident, $world:literal) => {
        pub mod $module {
            wit_bindgen::generate!({
                inline: $world,
                path: "../wit",
                with: { "tribunal:plugin/types@0.1.0": crate::bindings::types },
                pub_export_macro: true,
                export_macro_name: "export_kind",
            });
        }
    };
}

/// One module per kind, each with its `Guest` trait and its export macro.
pub mod kinds {
    kind!(scorer, "package tribunal:sdk-scorer; world scorer { export tribunal:plugin/scorer@0.1.0; }");
    kind!(
        error_classifier,
        "package tribunal:sdk-error-classifier; world error-classifier { export tribunal:plugin/error-classifier@0.1.0; }"
    );
    kind!(bias_check, "package tribunal:sdk-bias-check; world bias-check { export tribunal:plugin/bias-check@0.1.0; }");
    kind!(
        pricing_adapter,
        "package tribunal:sdk-pricing-adapter; world pricing-adapter { export tribunal:plugin/pricing-adapter@0.1.0; }"
    );
}
