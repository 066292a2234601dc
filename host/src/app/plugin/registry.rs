//! `tribunal plugin push` and `pull`: a plugin in an OCI registry, in the layout of the Wasm OCI artifact that `wkg` reads and
//! writes. The file alone is enough: what the annotations say is in it too.

use std::collections::BTreeMap;
use std::io::stdout;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use docker_credential::{CredentialRetrievalError, DockerCredential, get_credential};
use futures_util::TryStreamExt;
use oci_client::annotations::{
    ORG_OPENCONTAINERS_IMAGE_DESCRIPTION, ORG_OPENCONTAINERS_IMAGE_TITLE, ORG_OPENCONTAINERS_IMAGE_VERSION,
};
use oci_client::client::{ClientConfig, ClientProtocol, Config, ImageLayer};
use oci_client::manifest::{OCI_IMAGE_MEDIA_TYPE, OciImageManifest};
use oci_client::secrets::RegistryAuth;
use oci_client::{Client, Reference};
use reqwest::header::HeaderValue;
use serde_json::json;

use crate::app::{Failure, say};
use crate::author::{Bundle, DESCRIPTION_SECTION, MANIFEST_SECTION};
use crate::plugin::PluginFile;
use crate::record::Limits;

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
        annotations.insert(ORG_OPENCONTAINERS_IMAGE_TITLE.to_owned(), description.name.clone());
        annotations.insert(ORG_OPENCONTAINERS_IMAGE_VERSION.to_owned(), description.version.clone());
        annotations.insert(ORG_OPENCONTAINERS_IMAGE_DESCRIPTION.to_owned(), description.summary.clone());
        annotations.insert(DESCRIPTION_SECTION.to_owned(), serde_json::to_string(description)?);
    }
    if let Some(text) = manifest_text {
        annotations.insert(MANIFEST_SECTION.to_owned(), text);
    }
    // So that whoever gets it with other tools has a file of that name.
    let title = BTreeMap::from([(ORG_OPENCONTAINERS_IMAGE_TITLE.to_owned(), place.file_name())]);
    let layer = ImageLayer::new(component.to_vec(), LAYER.to_owned(), Some(title));
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
    let digest = wait(place.upload(&layer, &config, &manifest))??;
    let mut out = stdout();
    say(&mut out, &format!("pushed {}", place.reference.whole()));
    say(&mut out, &format!("digest {digest}"));
    Ok(ExitCode::SUCCESS)
}

pub(super) fn pull(place: &Place, output: Option<PathBuf>) -> Result<ExitCode, Failure> {
    let reference = &place.reference;
    let (digest, bytes) = wait(place.download())??;
    // Nothing that is no plugin is written.
    let file = PluginFile::parse(&bytes)?;
    let path = output.unwrap_or_else(|| PathBuf::from(place.file_name()));
    std::fs::write(&path, &bytes).map_err(|error| format!("cannot write {}: {error}", path.display()))?;
    let mut out = stdout();
    say(&mut out, &format!("pulled {} to {}", reference.whole(), path.display()));
    say(&mut out, &format!("digest {digest}"));
    say(&mut out, &format!("sha256 {}", file.digest));
    Ok(ExitCode::SUCCESS)
}

impl Place {
    /// The name of a plugin's file from there.
    fn file_name(&self) -> String {
        let repository = self.reference.repository();
        format!("{}.wasm", repository.rsplit_once('/').map_or(repository, |(_, last)| last))
    }

    /// Puts everything there, and gives the digest of the manifest.
    async fn upload(
        &self,
        layer: &ImageLayer,
        config: &Config,
        manifest: &OciImageManifest,
    ) -> Result<String, Failure> {
        let Self { reference, client, auth } = self;
        client.store_auth_if_needed(reference.resolve_registry(), auth).await;
        client.push_blob(reference, layer.data.clone(), &manifest.layers[0].digest).await?;
        client.push_blob(reference, config.data.clone(), &manifest.config.digest).await?;
        // The client's own way of writing a manifest leaves line feeds in texts as they are, which registries refuse.
        let body = serde_json::to_vec(manifest)?;
        client.push_manifest_raw(reference, body, HeaderValue::from_static(OCI_IMAGE_MEDIA_TYPE)).await?;
        Ok(client.fetch_manifest_digest(reference, auth).await?)
    }

    /// The digest of the manifest, and the bytes of its one layer, which are those that the manifest names.
    async fn download(&self) -> Result<(String, Vec<u8>), Failure> {
        let Self { reference, client, auth } = self;
        let whole = reference.whole();
        let (manifest, digest) = client.pull_image_manifest(reference, auth).await?;
        if manifest.config.media_type != CONFIG {
            return Err(format!("{whole} is {}, and a plugin is {CONFIG}", manifest.config.media_type).into());
        }
        let [layer] = manifest.layers.as_slice() else {
            return Err(format!("{whole} has {} layers, and a plugin has one", manifest.layers.len()).into());
        };
        let most = Limits::default().size;
        let is_within = |bytes: usize| match bytes <= most.0 {
            true => Ok(()),
            false => Err(format!("{whole} has more than the {most} that a plugin may have")),
        };
        is_within(usize::try_from(layer.size).unwrap_or(usize::MAX))?;
        let mut stream = client.pull_blob_stream(reference, layer).await?;
        let mut bytes = Vec::new();
        // A registry may send more than it said.
        while let Some(piece) = stream.try_next().await? {
            is_within(bytes.len() + piece.len())?;
            bytes.extend_from_slice(&piece);
        }
        Ok((digest, bytes))
    }
}
