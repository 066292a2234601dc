//! A plugin's file: a component, or the core module that a compiler wrote, and what it says it is. Nothing of it
//! is run or compiled here.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use serde::{Deserialize, Serialize};
use wit_component::DecodedWasm;
use wit_parser::{Resolve, WorldItem, WorldKey};

use super::{contract, quietly};
use crate::record::{ByteSize, ComponentDigest, Kind};

/// The namespace and name of the contract's package.
pub(super) const PACKAGE: (&str, &str) = ("tribunal", "plugin");
/// The version of the contract that this host speaks.
pub(super) const CONTRACT: &str = "0.1.0";

/// A plugin as it was read. It is taken apart when that is first asked for: one that was prepared before need not be.
pub struct PluginFile {
    /// The sha256 of the file's bytes, before anything was done to them.
    pub digest: ComponentDigest,
    pub(super) bytes: Vec<u8>,
    parts: OnceLock<Parts>,
}

struct Parts {
    /// The component, where the file is none itself.
    component: Option<Vec<u8>>,
    inspection: Inspection,
}

/// What a plugin's file says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
pub struct Inspection {
    /// Bytes of the file.
    pub size: usize,
    /// What the file is.
    pub format: Format,
    /// The contract it was built for.
    pub contract: String,
    /// What it can judge.
    pub kinds: Vec<Kind>,
    /// The interfaces it imports, sorted.
    pub imports: Vec<String>,
}

/// What a plugin's file may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
pub enum Format {
    /// What is loaded as it is.
    #[serde(rename = "component")]
    Component,
    /// What a compiler wrote, with its component type in a section.
    #[serde(rename = "core module")]
    CoreModule,
}

impl Inspection {
    /// The host imports that an operator has to grant.
    pub fn capabilities(&self) -> impl Iterator<Item = &str> {
        let of_contract = |import: &'_ String| import.starts_with("tribunal:plugin/");
        self.imports.iter().filter(move |import| of_contract(import)).filter_map(|import| {
            let name = import.strip_prefix("tribunal:plugin/")?.split('@').next()?;
            (!matches!(name, "types" | "abort")).then_some(name)
        })
    }

    /// Whether it imports models.
    pub fn asks_models(&self) -> bool {
        self.capabilities().any(|capability| capability == "models")
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Component => "component",
            Self::CoreModule => "core module",
        })
    }
}

/// Why a file is no plugin.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// It could not be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        #[source]
        source: std::io::Error,
    },
    /// It is larger than it may be.
    #[error("{} is larger than its `size` of {most}", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// How large it may be.
        most: ByteSize,
    },
    /// It is not WebAssembly, or broken.
    #[error("this is not a WebAssembly component or module: {0}")]
    NotWasm(String),
    /// A core module without the custom section that bindings put there.
    #[error(
        "this core module does not carry its component type; build it with bindings made from Tribunal's WIT \
         (the Rust SDK does), or turn it into a component first"
    )]
    NoComponentType,
    /// It exports no kind.
    #[error(
        "this component exports none of the kinds of {}:{}@{CONTRACT} (scorer, error-classifier, bias-check, \
         pricing-adapter); it exports: {exports}", PACKAGE.0, PACKAGE.1
    )]
    NoKind {
        /// What it does export.
        exports: String,
    },
    /// It was built for a contract that this host does not speak.
    #[error(
        "this plugin was built for version {found} of the contract; this host speaks {CONTRACT}: build it against that, or update the host"
    )]
    Contract {
        /// The plugin's version.
        found: String,
    },
    /// A type of it is not the contract's.
    #[error("{0}: it was not built from the contract of this host")]
    Types(String),
    /// A world-level function is missing.
    #[error("this component does not export `{0}`, which every plugin must")]
    MissingExport(&'static str),
}

impl PluginFile {
    /// Reads the file, unless it is larger than that. Whether it is a plugin is not known yet.
    pub fn read(path: &Path, most: ByteSize) -> Result<Self, FileError> {
        let cannot_read = |source| FileError::Read { path: path.to_owned(), source };
        // One byte more than it may have tells, whatever the system says of the file's length.
        let past_the_limit = (most.0 as u64).saturating_add(1);
        let mut bytes = Vec::new();
        let file = File::open(path).map_err(cannot_read)?;
        if file.metadata().map_err(cannot_read)?.len() < past_the_limit {
            file.take(past_the_limit).read_to_end(&mut bytes).map_err(cannot_read)?;
            if bytes.len() <= most.0 {
                return Self::new(bytes);
            }
        }
        Err(FileError::TooLarge { path: path.to_owned(), most })
    }

    /// Takes the bytes of a file, and takes them apart at once.
    pub fn parse(bytes: &[u8]) -> Result<Self, FileError> {
        let file = Self::new(bytes.to_vec())?;
        file.parts()?;
        Ok(file)
    }

    pub(super) fn new(bytes: Vec<u8>) -> Result<Self, FileError> {
        if !bytes.starts_with(b"\0asm") {
            let start = bytes.get(..bytes.len().min(16)).unwrap_or_default().escape_ascii();
            return Err(FileError::NotWasm(format!("it starts with \"{start}\"")));
        }
        Ok(Self { digest: ComponentDigest::of(&bytes), bytes, parts: OnceLock::new() })
    }

    /// What can be said of it without running it.
    pub fn inspection(&self) -> Result<&Inspection, FileError> {
        self.parts().map(|parts| &parts.inspection)
    }

    /// The file's bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The component that it is or that was made of it.
    pub fn component(&self) -> Result<&[u8], FileError> {
        self.parts().map(|parts| parts.component.as_deref().unwrap_or(&self.bytes))
    }

    fn parts(&self) -> Result<&Parts, FileError> {
        if let Some(parts) = self.parts.get() {
            return Ok(parts);
        }
        let parts = quietly(|| take_apart(&self.bytes))
            .map_err(|panic| FileError::NotWasm(format!("it is broken: {panic}")))??;
        Ok(self.parts.get_or_init(|| parts))
    }
}

fn take_apart(bytes: &[u8]) -> Result<Parts, FileError> {
    // The fifth byte on is the version and the layer: 1 and 0 for a core module.
    let is_core = bytes.get(4..8) == Some(&[1, 0, 0, 0]);
    let component = is_core.then(|| componentize(bytes)).transpose()?;
    let decoded = wit_component::decode(component.as_deref().unwrap_or(bytes)).map_err(not_wasm)?;
    let DecodedWasm::Component(resolve, world) = decoded else {
        return Err(FileError::NotWasm("it is a WIT package, which has no code".to_owned()));
    };
    let format = if is_core { Format::CoreModule } else { Format::Component };
    Ok(Parts { component, inspection: inspect(&resolve, world, bytes.len(), format)? })
}

fn not_wasm(error: impl fmt::Display) -> FileError {
    FileError::NotWasm(format!("{error:#}"))
}

/// Turns the core module that a compiler wrote into a component.
fn componentize(module: &[u8]) -> Result<Vec<u8>, FileError> {
    let (_, metadata) = wit_component::metadata::decode(module).map_err(not_wasm)?;
    if metadata.resolve.worlds[metadata.world].exports.is_empty() {
        return Err(FileError::NoComponentType);
    }
    wit_component::ComponentEncoder::default()
        .module(module)
        .and_then(|encoder| {
            encoder.adapter(
                wasi_preview1_component_adapter_provider::WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME,
                wasi_preview1_component_adapter_provider::WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER,
            )
        })
        .and_then(|encoder| encoder.encode())
        .map_err(not_wasm)
}

fn inspect(resolve: &Resolve, id: wit_parser::WorldId, size: usize, format: Format) -> Result<Inspection, FileError> {
    let world = &resolve.worlds[id];
    let name = |key: &WorldKey| resolve.name_world_key(key);
    let mut kinds = Vec::new();
    for key in world.exports.keys() {
        let WorldKey::Interface(interface) = key else { continue };
        let interface = &resolve.interfaces[*interface];
        let Some(package) = interface.package.map(|id| &resolve.packages[id].name) else { continue };
        if (package.namespace.as_str(), package.name.as_str()) != PACKAGE {
            continue;
        }
        let version = package.version.as_ref().map(ToString::to_string).unwrap_or_default();
        if version != CONTRACT {
            return Err(FileError::Contract { found: version });
        }
        kinds.extend(Kind::ALL.into_iter().find(|kind| interface.name.as_deref() == Some(kind.as_str())));
    }
    kinds.sort_unstable();
    if kinds.is_empty() {
        let exports: Vec<_> = world.exports.keys().map(name).collect();
        return Err(FileError::NoKind { exports: exports.join(", ") });
    }
    for function in ["describe", "configure"] {
        let exported = world.exports.get(&WorldKey::Name(function.to_owned()));
        if !matches!(exported, Some(WorldItem::Function(_))) {
            return Err(FileError::MissingExport(function));
        }
    }
    if let Some(difference) = contract::difference(resolve, id) {
        return Err(FileError::Types(difference));
    }
    // A type that the world uses by name is no import: it has nothing to call.
    let callable = world.imports.iter().filter(|(_, item)| !matches!(item, WorldItem::Type { .. }));
    let mut imports: Vec<_> = callable.map(|(key, _)| name(key)).collect();
    imports.sort_unstable();
    Ok(Inspection { size, format, contract: CONTRACT.to_owned(), kinds, imports })
}
