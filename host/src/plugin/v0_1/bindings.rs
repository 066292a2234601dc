//! What wasmtime makes of `wit/v0.1`.
#![allow(missing_docs, unreachable_pub, unsafe_code, dead_code, reason = "generated; the WIT files hold the words")]
#![allow(unused_variables, clippy::all, reason = "generated")]

wasmtime::component::bindgen!({
    inline: "
        package tribunal:host;
        world every-kind {
            import tribunal:plugin/types@0.1.0;
            import tribunal:plugin/models@0.1.0;
            include tribunal:plugin/plugin@0.1.0;
            export tribunal:plugin/scorer@0.1.0;
            export tribunal:plugin/error-classifier@0.1.0;
            export tribunal:plugin/bias-check@0.1.0;
            export tribunal:plugin/pricing-adapter@0.1.0;
        }
    ",
    path: "../wit/v0.1",
    world: "tribunal:host/every-kind",
    ownership: Borrowing { duplicate_if_necessary: true },
    imports: {
        "tribunal:plugin/abort.abort": trappable,
        "tribunal:plugin/models.complete": async | trappable,
        "tribunal:plugin/models.embed": async | trappable,
    },
});
