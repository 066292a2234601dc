//! `tribunal plugin push` and `pull`: a plugin in an OCI registry, in the layout of the Wasm OCI artifact that `wkg` reads and
//! writes. The file alone is enough: what the annotations say is in it too.

use std::collections::BTreeMap;
use std::io::stdout;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use docker_credential::{CredentialRetrievalError, DockerCredential, get_credential};
use oci_client::client::{ClientConfig, ClientProtocol, Config, ImageLayer};
use oci_client::manifest::{OCI_IMAGE_MEDIA_TYPE, OciImageManifest};
use oci_client::secrets::RegistryAuth;
use oci_client::{Client, Reference};
use serde_json::json;

use crate::app::{Failure, say};
use crate::author::{Bundle, DESCRIPTION_SECTION, MANIFEST_SECTION};
use crate::plugin::PluginFile;
use crate::record::{ByteSize, Limits};

// The media types of the Wasm OCI artifact, <https://tag-runtime.cncf.io/wgs/wasm/deliverables/wasm-oci-artifact/>.
const CONFIG: &str = "application/vnd.wasm.config.v0+json";
const LAYER: &str = "application/wasm";

/// Where a plugin is, and how to talk to the registry.
pub(super) struct Place {
    reference: Reference,
    client: Client,
    auth: RegistryAuth,
}

impl Place {
    /// The reference as users write it, such as `ghcr.io/team/check:0.1.0`.
    pub(super) fn new(reference: &str, plain_http: bool) -> Result<Self, Failure> {
        let reference: Reference =
            reference.parse().map_err(|error| format!("{reference:?} is no place in a registry: {error}"))?;
        let host = reference.resolve_registry().to_owned();
        let is_here = host.split(':').next().is_some_and(|name| matches!(name, "localhost" | "127.0.0.1"));
        let protocol = if plain_http || is_here { ClientProtocol::Http } else { ClientProtocol::Https };
        let client = Client::new(ClientConfig { protocol, ..ClientConfig::default() });
        let auth = match get_credential(&host) {
            Ok(DockerCredential::UsernamePassword(user, password)) => RegistryAuth::Basic(user, password),
            Ok(DockerCredential::IdentityToken(_)) => {
                return Err(format!("the credentials for {host} are an identity token; log in with a password").into());
            }
            Err(
                CredentialRetrievalError::HelperCommunicationError | CredentialRetrievalError::MalformedHelperResponse,
            ) => {
                return Err(format!("docker's credential helper did not answer for {host}").into());
            }
            Err(_) => RegistryAuth::Anonymous,
        };
        Ok(Self { reference, client, auth })
    }
}

/// Runs what talks to a registry.
fn wait<T>(work: impl Future<Output = T>) -> Result<T, Failure> {
    Ok(tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(work))
}

pub(super) fn push(path: &Path, place: &Place) -> Result<ExitCode, Failure> {
    let file = PluginFile::read(path, Limits::default().size)?;
    let inspection = file.inspection()?;
    // A core module travels as the component that a host makes of it.
    let component = file.component()?;
    let Bundle { manifest_text, description, .. } = Bundle::read(file.bytes());
    let mut annotations = BTreeMap::new();
    if let Some(description) = &description {
        annotations.insert("org.opencontainers.image.title".to_owned(), description.name.clone());
        annotations.insert("org.opencontainers.image.version".to_owned(), description.version.clone());
        annotations.insert("org.opencontainers.image.description".to_owned(), description.summary.clone());
        annotations.insert(DESCRIPTION_SECTION.to_owned(), serde_json::to_string(description)?);
    }
    if let Some(text) = manifest_text {
        annotations.insert(MANIFEST_SECTION.to_owned(), text);
    }
    let layer = ImageLayer::new(component.to_vec(), LAYER.to_owned(), None);
    let exports: Vec<_> = inspection
        .kinds
        .iter()
        .map(|kind| format!("tribunal:plugin/{}@{}", kind.as_str(), inspection.contract))
        .collect();
    // No moment of creation, so that the same plugin has the same digest whenever it is pushed.
    let config = json!({
        "created": "1970-01-01T00:00:00Z",
        "architecture": "wasm",
        "os": "wasip2",
        "layerDigests": [layer.sha256_digest()],
        "component": {"exports": exports, "imports": inspection.imports, "target": null},
    });
    let config = Config::new(serde_json::to_vec(&config)?, CONFIG.to_owned(), None);
    let mut manifest = OciImageManifest::build(std::slice::from_ref(&layer), &config, Some(annotations));
    manifest.media_type = Some(OCI_IMAGE_MEDIA_TYPE.to_owned());
    let Place { reference, client, auth } = place;
    let digest = wait(async {
        client.push(reference, &[layer], config, auth, Some(manifest)).await?;
        client.fetch_manifest_digest(reference, auth).await
    })??;
    let mut out = stdout();
    say(&mut out, &format!("pushed {}", reference.whole()));
    say(&mut out, &format!("digest {digest}"));
    Ok(ExitCode::SUCCESS)
}

pub(super) fn pull(place: &Place, output: Option<PathBuf>) -> Result<ExitCode, Failure> {
    let Place { reference, client, auth } = place;
    let image = wait(client.pull(reference, auth, vec![LAYER]))??;
    let [layer] = image.layers.as_slice() else {
        return Err(format!("{} has {} layers, and a plugin has one", reference.whole(), image.layers.len()).into());
    };
    if image.config.media_type != CONFIG {
        return Err(format!("{} is {}, and a plugin is {CONFIG}", reference.whole(), image.config.media_type).into());
    }
    let most = Limits::default().size;
    if layer.data.len() > most.0 {
        return Err(
            format!("{} has {}, and a plugin at most {most}", reference.whole(), ByteSize(layer.data.len())).into()
        );
    }
    // Nothing that is no plugin is written.
    let file = PluginFile::parse(&layer.data)?;
    let name = reference.repository().rsplit('/').next().unwrap_or("plugin");
    let path = output.unwrap_or_else(|| PathBuf::from(format!("{name}.wasm")));
    std::fs::write(&path, &layer.data).map_err(|error| format!("cannot write {}: {error}", path.display()))?;
    let mut out = stdout();
    say(&mut out, &format!("pulled {} to {}", reference.whole(), path.display()));
    say(&mut out, &format!("digest {}", image.digest.unwrap_or_default()));
    say(&mut out, &format!("sha256 {}", file.digest));
    Ok(ExitCode::SUCCESS)
}
