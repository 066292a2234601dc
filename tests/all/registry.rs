//! Plugins and the contract in an OCI registry, between Tribunal's commands and the library that `wkg` is made of.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use oci_client::Reference;
use oci_client::client::{ClientConfig, ClientProtocol};
use oci_client::secrets::RegistryAuth;
use oci_wasm::{WasmClient, WasmConfig};
use serde_json::{Value, json};
use tempfile::TempDir;
use tribunal_tests::{Registry, binary, guest, root, sha256};
use wasm_pkg_client::{Client, Config, PackageRef, PublishOpts, Version};

/// `tribunal plugin …`, with docker's credentials in that folder: what it printed, or why not.
fn tribunal(args: &[&str], docker: &Path) -> Result<String, String> {
    let mut command = Command::new(binary());
    let output = command.arg("plugin").args(args).env("DOCKER_CONFIG", docker).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    if output.status.success() { Ok(text(output.stdout)) } else { Err(text(output.stderr)) }
}

/// A registry, a folder, and `wkg`'s client.
struct Desk {
    registry: Registry,
    folder: TempDir,
    tokio: tokio::runtime::Runtime,
}

impl Desk {
    fn new() -> Self {
        let tokio = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        Self { registry: Registry::start(None), folder: tempfile::tempdir().unwrap(), tokio }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn reference(&self, rest: &str) -> String {
        format!("{}/{rest}", self.registry.host)
    }

    fn push(&self, file: &Path, rest: &str) -> String {
        tribunal(&["push", file.to_str().unwrap(), &self.reference(rest)], self.folder.path()).unwrap()
    }

    /// What a pull printed, and the file that it wrote.
    fn pull(&self, rest: &str) -> Result<(String, Vec<u8>), String> {
        let file = self.path("pulled.wasm");
        let said = tribunal(&["pull", &self.reference(rest), "-o", file.to_str().unwrap()], self.folder.path());
        let bytes = fs::read(&file);
        fs::remove_file(&file).ok();
        match said {
            Ok(said) => Ok((said, bytes.unwrap())),
            Err(said) => {
                assert!(bytes.is_err(), "it failed and wrote a file: {said}");
                Err(said)
            }
        }
    }

    fn wkg(&self) -> Client {
        let host = &self.registry.host;
        let config = format!(
            "default_registry = {host:?}\n[registry.{host:?}]\ntype = \"oci\"\n[registry.{host:?}.oci]\nprotocol = \"http\"\n"
        );
        Client::new(Config::from_toml(&config).unwrap())
    }

    /// What `wkg publish` does.
    fn wkg_publish(&self, package: &Path) {
        self.tokio.block_on(self.wkg().publish_release_file(package, PublishOpts::default())).unwrap();
    }

    /// What `wkg oci push` does.
    fn wkg_push(&self, file: &Path, rest: &str) {
        let (config, layer) = WasmConfig::from_raw_component(fs::read(file).unwrap(), None).unwrap();
        let protocol = ClientProtocol::Http;
        let client = WasmClient::new(oci_client::Client::new(ClientConfig { protocol, ..ClientConfig::default() }));
        let place: Reference = self.reference(rest).parse().unwrap();
        self.tokio.block_on(client.push(&place, &RegistryAuth::Anonymous, layer, config, None)).unwrap();
    }

    /// What `wkg get` gets.
    fn wkg_get(&self, package: &str, version: &str) -> Vec<u8> {
        use futures_util::TryStreamExt;

        let package: PackageRef = package.parse().unwrap();
        let version: Version = version.parse().unwrap();
        self.tokio.block_on(async {
            let client = self.wkg();
            let release = client.get_release(&package, &version).await.unwrap();
            let stream = client.stream_content(&package, &release).await.unwrap();
            let pieces: Vec<_> = stream.try_collect().await.unwrap();
            pieces.concat()
        })
    }

    fn manifest(&self, rest: &str, reference: &str) -> Value {
        let url = format!("http://{}/v2/{rest}/manifests/{reference}", self.registry.host);
        let accept = "application/vnd.oci.image.manifest.v1+json";
        reqwest::blocking::Client::new().get(url).header("accept", accept).send().unwrap().json().unwrap()
    }
}

/// A plugin that `tribunal plugin build` wrote.
fn finished() -> PathBuf {
    root().join("tests/fixtures/v0.1/scorer.wasm")
}

/// The value of a line that begins with that word.
fn said<'a>(output: &'a str, word: &str) -> &'a str {
    output.lines().find_map(|line| line.strip_prefix(word)).unwrap_or_else(|| panic!("{output}")).trim()
}

#[test]
fn what_is_pushed_is_pulled_here_and_by_wkg() {
    let desk = Desk::new();
    let bytes = fs::read(finished()).unwrap();
    let pushed = desk.push(&finished(), "acme/my-check:0.1.0");
    let digest = said(&pushed, "digest");

    let (pulled, by_tag) = desk.pull("acme/my-check:0.1.0").unwrap();
    assert_eq!(by_tag, bytes);
    assert_eq!((said(&pulled, "digest"), said(&pulled, "sha256")), (digest, sha256(&bytes).as_str()));
    assert_eq!(desk.pull(&format!("acme/my-check@{digest}")).unwrap().1, bytes);
    assert_eq!(desk.wkg_get("acme:my-check", "0.1.0"), bytes);

    // The same plugin is the same image, whenever it is pushed.
    assert_eq!(said(&desk.push(&finished(), "acme/my-check:latest"), "digest"), digest);

    // It says what it is, without being pulled.
    let manifest = desk.manifest("acme/my-check", "0.1.0");
    assert_eq!(manifest["config"]["mediaType"], "application/vnd.wasm.config.v0+json");
    assert_eq!(manifest["layers"][0]["mediaType"], "application/wasm");
    assert_eq!(manifest["layers"][0]["annotations"]["org.opencontainers.image.title"], "my-check.wasm");
    let annotations = &manifest["annotations"];
    assert_eq!(annotations["org.opencontainers.image.title"], "my-check");
    assert_eq!(annotations["org.opencontainers.image.description"], "Counts the words of an answer.");
    assert!(annotations["tribunal:plugin.toml"].as_str().unwrap().contains("kinds = [\"scorer\"]"), "{manifest}");
    let description: Value = serde_json::from_str(annotations["tribunal:description"].as_str().unwrap()).unwrap();
    assert_eq!(description["name"], "my-check");
}

#[test]
fn a_core_module_is_pushed_as_the_component_that_a_host_makes_of_it() {
    let desk = Desk::new();
    desk.push(&guest("length"), "acme/length:0.1.0");
    let (_, pulled) = desk.pull("acme/length:0.1.0").unwrap();
    // Of a component the fourth pair of bytes is the layer 1, of a module 0.
    assert_eq!(pulled[4..8], [13, 0, 1, 0]);
    let file = desk.path("length.wasm");
    fs::write(&file, &pulled).unwrap();
    let checked = tribunal(&["check", file.to_str().unwrap()], desk.folder.path()).unwrap();
    assert!(checked.contains("loads     yes"), "{checked}");
    assert_eq!(desk.wkg_get("acme:length", "0.1.0"), pulled);
}

#[test]
fn what_wkg_published_is_pulled_if_it_is_a_plugin() {
    let desk = Desk::new();
    desk.wkg_push(&finished(), "acme/my-check:0.2.0");
    assert_eq!(desk.pull("acme/my-check:0.2.0").unwrap().1, fs::read(finished()).unwrap());

    // The contract is published as other packages of WIT are, and is no plugin.
    let contract = desk.path("contract.wasm");
    tribunal(&["wit", contract.to_str().unwrap()], desk.folder.path()).unwrap();
    desk.wkg_publish(&contract);
    let fetched = desk.wkg_get("tribunal:plugin", "0.1.0");
    assert_eq!(fetched, fs::read(&contract).unwrap());
    let wit_parser::decoding::DecodedWasm::WitPackage(resolve, package) =
        wit_parser::decoding::decode(&fetched).unwrap()
    else {
        panic!("no WIT package")
    };
    assert_eq!(resolve.packages[package].name.to_string(), "tribunal:plugin@0.1.0");
    let world = resolve.select_world(&[package], Some("scorer-plugin")).unwrap();
    assert!(resolve.worlds[world].docs.contents.as_deref().unwrap().contains("A plugin that scores."));
    let refused = desk.pull("tribunal/plugin:0.1.0").unwrap_err();
    assert!(refused.contains("error: "), "{refused}");
}

#[test]
fn what_cannot_be_had_is_said() {
    let desk = Desk::new();
    desk.push(&finished(), "acme/my-check:0.1.0");
    let absent = desk.pull("acme/my-check:9.9.9").unwrap_err();
    assert!(absent.contains("9.9.9"), "{absent}");
    let nonsense = tribunal(&["pull", "not a place"], desk.folder.path()).unwrap_err();
    assert!(nonsense.contains("\"not a place\" is no place in a registry"), "{nonsense}");
    let nobody = tribunal(&["pull", "127.0.0.1:1/acme/my-check:0.1.0"], desk.folder.path()).unwrap_err();
    assert!(nobody.contains("127.0.0.1:1"), "{nobody}");

    // A registry whose bytes are not those that the manifest names.
    let blob = desk.registry.blob(&sha256(fs::read(finished()).unwrap()));
    let mut bytes = fs::read(&blob).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&blob, bytes).unwrap();
    let changed = desk.pull("acme/my-check:0.1.0").unwrap_err();
    assert!(changed.contains("digest"), "{changed}");
}

#[test]
fn docker_s_credentials_are_used() {
    // The hash is bcrypt's of `secret`.
    let registry = Registry::start(Some("team:$2b$04$jLq/CWB1t7kbeKcNeGGs7uUTzO6t2pSjNnjFGrK9qyzNsK5Q6XDPC\n"));
    let docker = tempfile::tempdir().unwrap();
    let reference = format!("{}/acme/my-check:0.1.0", registry.host);
    let push = || tribunal(&["push", finished().to_str().unwrap(), &reference], docker.path());
    let refused = push().unwrap_err();
    assert!(refused.to_lowercase().contains("auth"), "{refused}");
    // base64 of `team:secret`, as `docker login` writes it.
    let login = json!({"auths": {registry.host.clone(): {"auth": "dGVhbTpzZWNyZXQ="}}});
    fs::write(docker.path().join("config.json"), login.to_string()).unwrap();
    assert!(push().unwrap().contains("digest sha256:"));
}
