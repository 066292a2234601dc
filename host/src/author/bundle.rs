//! What travels inside a finished plugin's file beside its code: the manifest and the description, each in a custom section
//! that every host passes over.

use std::borrow::Cow;

use wasm_encoder::{ComponentSection, CustomSection};
use wasmparser::{Parser, Payload};

use super::Manifest;
use crate::plugin::Description;

/// The section with the manifest, as it is written.
pub const MANIFEST_SECTION: &str = "tribunal:plugin.toml";
/// The section with the description, as JSON.
pub const DESCRIPTION_SECTION: &str = "tribunal:description";

/// What a plugin's file says without being run.
#[derive(Debug, Default)]
pub struct Bundle {
    /// The manifest.
    pub manifest: Option<Manifest>,
    /// The manifest as it is written.
    pub manifest_text: Option<String>,
    /// What the plugin said of itself when it was built.
    pub description: Option<Description>,
}

impl Bundle {
    /// Reads the sections of a file. What is broken is none.
    pub fn read(bytes: &[u8]) -> Self {
        let mut bundle = Self::default();
        let mut depth = 0;
        for payload in Parser::new(0).parse_all(bytes) {
            match payload {
                Ok(Payload::ModuleSection { .. } | Payload::ComponentSection { .. }) => depth += 1,
                Ok(Payload::End(_)) => depth -= 1,
                Ok(Payload::CustomSection(section)) if depth == 0 => {
                    let text = std::str::from_utf8(section.data()).unwrap_or_default();
                    match section.name() {
                        MANIFEST_SECTION => {
                            bundle.manifest = toml::from_str(text).ok();
                            bundle.manifest_text = Some(text.to_owned());
                        }
                        DESCRIPTION_SECTION => bundle.description = serde_json::from_str(text).ok(),
                        _ => {}
                    }
                }
                Ok(_) => {}
                Err(_) => break,
            }
        }
        bundle
    }
}

/// The component with both sections at its end.
pub(super) fn bundled(component: &[u8], manifest: &str, description: Option<&Description>) -> Vec<u8> {
    let mut bytes = component.to_vec();
    let mut add = |name: &str, data: &[u8]| {
        let section = CustomSection { name: Cow::Borrowed(name), data: Cow::Borrowed(data) };
        section.append_to_component(&mut bytes);
    };
    add(MANIFEST_SECTION, manifest.as_bytes());
    if let Some(description) = description {
        add(DESCRIPTION_SECTION, &serde_json::to_vec(description).expect("plain data"));
    }
    bytes
}
