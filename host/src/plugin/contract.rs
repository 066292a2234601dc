//! How a plugin's types differ from the contract's, in words. wasmtime refuses such a plugin too, but in words of its own.

use std::sync::LazyLock;

use wit_parser::{Function, PackageId, Resolve, SourceMap, Type, TypeDefKind, WorldId, WorldItem, WorldKey};

use super::file::PACKAGE;
use crate::record::Kind;

const FILES: [(&str, &str); 4] = [
    ("types.wit", include_str!("../../../wit/v0.1/types.wit")),
    ("kinds.wit", include_str!("../../../wit/v0.1/kinds.wit")),
    ("models.wit", include_str!("../../../wit/v0.1/models.wit")),
    ("worlds.wit", include_str!("../../../wit/v0.1/worlds.wit")),
];

struct Contract {
    resolve: Resolve,
    package: PackageId,
}

static CONTRACT: LazyLock<Contract> = LazyLock::new(|| {
    let mut sources = SourceMap::default();
    FILES.iter().for_each(|(name, text)| sources.push_str(name, *text));
    let mut resolve = Resolve::default();
    let group = sources.parse().map_err(|(_, error)| error).expect("the contract is valid");
    let package = resolve.push_group(group).expect("the contract is valid");
    Contract { resolve, package }
});

/// The name of the world of a plugin of that kind, which asks models or does not.
pub fn world_name(kind: Kind, asks_models: bool) -> String {
    format!("{}-{}", kind.as_str(), if asks_models { "judge" } else { "plugin" })
}

/// The contract, and in it the world of a plugin of those kinds with all that it may import: its own where there is one kind.
pub fn contract_world(kinds: &[Kind]) -> Result<(Resolve, WorldId), String> {
    let mut resolve = CONTRACT.resolve.clone();
    let (package, world) = match kinds {
        [kind] => (CONTRACT.package, world_name(*kind, true)),
        kinds => {
            let include = |kind: &Kind| format!("include tribunal:plugin/{}@0.1.0;", world_name(*kind, true));
            let includes: String = kinds.iter().map(include).collect();
            let several = format!("package tribunal:several; world plugin {{ {includes} }}");
            let package = resolve.push_source("several.wit", &several).map_err(|error| format!("{error:#}"))?;
            (package, "plugin".to_owned())
        }
    };
    let world = resolve.select_world(&[package], Some(&world)).map_err(|error| format!("{error:#}"))?;
    Ok((resolve, world))
}

/// The contract as a WIT package in its binary form.
pub fn contract_package() -> Result<Vec<u8>, String> {
    wit_component::encode(&CONTRACT.resolve, CONTRACT.package, false).map_err(|error| format!("{error:#}"))
}

/// A core module with the component type of a plugin of those kinds, for compilers that do not put it there.
pub fn with_component_type(module: &[u8], kinds: &[Kind]) -> Result<Vec<u8>, String> {
    let (resolve, world) = contract_world(kinds)?;
    let mut bytes = module.to_vec();
    wit_component::embed_component_metadata(&mut bytes, &resolve, world, wit_component::StringEncoding::UTF8, false)
        .map_err(|error| format!("{error:#}"))?;
    Ok(bytes)
}

/// The first difference between what this world exports and imports of the contract's package and the contract itself.
pub(super) fn difference(resolve: &Resolve, world: WorldId) -> Option<String> {
    let world = &resolve.worlds[world];
    let exported = world.exports.iter().filter(|(key, _)| {
        let WorldKey::Interface(id) = key else { return true };
        Kind::ALL.iter().any(|kind| resolve.interfaces[*id].name.as_deref() == Some(kind.as_str()))
    });
    let sides = [("exports", exported.collect::<Vec<_>>()), ("imports", world.imports.iter().collect())];
    sides.into_iter().flat_map(|(side, items)| items.into_iter().map(move |item| (side, item))).find_map(
        |(side, (key, item))| match (key, item) {
            (WorldKey::Name(name), WorldItem::Function(function)) if side == "exports" => {
                let wanted =
                    &CONTRACT.resolve.worlds[*CONTRACT.resolve.packages[CONTRACT.package].worlds.get("plugin")?];
                let Some(WorldItem::Function(wanted)) = wanted.exports.get(&WorldKey::Name(name.clone())) else {
                    return None;
                };
                functions(name, wanted, resolve, function)
            }
            (WorldKey::Interface(id), _) => {
                let interface = &resolve.interfaces[*id];
                let package = &resolve.packages[interface.package?].name;
                if (package.namespace.as_str(), package.name.as_str()) != PACKAGE {
                    return None;
                }
                let name = interface.name.as_deref()?;
                let wanted = CONTRACT.resolve.packages[CONTRACT.package].interfaces.get(name)?;
                let wanted = &CONTRACT.resolve.interfaces[*wanted];
                // More functions than the contract has are no function of this host's, and fewer are only fewer imports.
                let missing = wanted.functions.keys().find(|function| !interface.functions.contains_key(*function));
                match missing {
                    Some(function) if side == "exports" => Some(format!("`{name}` has no function `{function}`")),
                    _ => {
                        interface.functions.iter().find_map(|(function, found)| match wanted.functions.get(function) {
                            Some(wanted) => functions(&format!("{name}.{function}"), wanted, resolve, found),
                            None => (side == "imports")
                                .then(|| format!("it imports `{name}.{function}`, which the contract does not have")),
                        })
                    }
                }
            }
            _ => None,
        },
    )
}

fn functions(at: &str, wanted: &Function, resolve: &Resolve, found: &Function) -> Option<String> {
    if wanted.params.len() != found.params.len() {
        let (wanted, found) = (wanted.params.len(), found.params.len());
        return Some(format!("`{at}` takes {found} values, and {wanted} in the contract"));
    }
    let parameters = wanted.params.iter().zip(&found.params);
    let mut differences =
        parameters.map(|(wanted, found)| types(&format!("{at}({})", wanted.name), &wanted.ty, resolve, &found.ty));
    differences
        .find_map(|difference| difference)
        .or_else(|| optional(&format!("{at}()"), wanted.result.as_ref(), resolve, found.result.as_ref()))
}

fn optional(at: &str, wanted: Option<&Type>, resolve: &Resolve, found: Option<&Type>) -> Option<String> {
    match (wanted, found) {
        (Some(wanted), Some(found)) => types(at, wanted, resolve, found),
        (None, None) => None,
        (Some(wanted), None) => {
            Some(format!("`{at}` has no value, and a {} in the contract", word(&CONTRACT.resolve, wanted)))
        }
        (None, Some(found)) => Some(format!("`{at}` has a {}, and no value in the contract", word(resolve, found))),
    }
}

fn types(at: &str, wanted: &Type, resolve: &Resolve, found: &Type) -> Option<String> {
    let differ = || {
        let (wanted, found) = (word(&CONTRACT.resolve, wanted), word(resolve, found));
        Some(format!("`{at}` is a {found}, and a {wanted} in the contract"))
    };
    let (wanted, found) = match (kind(&CONTRACT.resolve, wanted), kind(resolve, found)) {
        (Ok(wanted), Ok(found)) => (wanted, found),
        (Err(wanted), Err(found)) if wanted == found => return None,
        _ => return differ(),
    };
    let named = |what, wanted: Vec<&str>, found: Vec<&str>| {
        if let Some(name) = wanted.iter().find(|name| !found.contains(name)) {
            return Some(format!("`{at}` lacks the {what} `{name}` of the contract"));
        }
        if let Some(name) = found.iter().find(|name| !wanted.contains(name)) {
            return Some(format!("`{at}` has the {what} `{name}`, which the contract does not have"));
        }
        (wanted != found).then(|| format!("`{at}` has its {what}s in another order than the contract"))
    };
    match (wanted, found) {
        (TypeDefKind::Record(wanted), TypeDefKind::Record(found)) => {
            let names = |fields: &[wit_parser::Field]| -> Vec<String> {
                fields.iter().map(|field| field.name.clone()).collect()
            };
            let (wanted_names, found_names) = (names(&wanted.fields), names(&found.fields));
            named("field", refs(&wanted_names), refs(&found_names)).or_else(|| {
                let fields = wanted.fields.iter().zip(&found.fields);
                fields
                    .into_iter()
                    .find_map(|(wanted, found)| types(&format!("{at}.{}", wanted.name), &wanted.ty, resolve, &found.ty))
            })
        }
        (TypeDefKind::Variant(wanted), TypeDefKind::Variant(found)) => {
            let names =
                |cases: &[wit_parser::Case]| -> Vec<String> { cases.iter().map(|case| case.name.clone()).collect() };
            let (wanted_names, found_names) = (names(&wanted.cases), names(&found.cases));
            named("case", refs(&wanted_names), refs(&found_names)).or_else(|| {
                wanted.cases.iter().zip(&found.cases).find_map(|(wanted, found)| {
                    optional(&format!("{at}.{}", wanted.name), wanted.ty.as_ref(), resolve, found.ty.as_ref())
                })
            })
        }
        (TypeDefKind::Enum(wanted), TypeDefKind::Enum(found)) => named(
            "case",
            wanted.cases.iter().map(|case| case.name.as_str()).collect(),
            found.cases.iter().map(|case| case.name.as_str()).collect(),
        ),
        (TypeDefKind::Option(wanted), TypeDefKind::Option(found)) => types(at, wanted, resolve, found),
        (TypeDefKind::List(wanted), TypeDefKind::List(found)) => types(&format!("{at}[]"), wanted, resolve, found),
        (TypeDefKind::Result(wanted), TypeDefKind::Result(found)) => {
            optional(at, wanted.ok.as_ref(), resolve, found.ok.as_ref())
                .or_else(|| optional(&format!("{at}.error"), wanted.err.as_ref(), resolve, found.err.as_ref()))
        }
        _ => differ(),
    }
}

fn refs(names: &[String]) -> Vec<&str> {
    names.iter().map(String::as_str).collect()
}

/// What a type is made of, behind its names; or the type itself where it is a simple one.
fn kind<'a>(resolve: &'a Resolve, ty: &Type) -> Result<&'a TypeDefKind, Type> {
    match ty {
        Type::Id(id) => match &resolve.types[*id].kind {
            TypeDefKind::Type(ty) => kind(resolve, ty),
            kind => Ok(kind),
        },
        simple => Err(*simple),
    }
}

fn word(resolve: &Resolve, ty: &Type) -> String {
    match kind(resolve, ty) {
        Ok(kind) => kind.as_str().to_owned(),
        Err(simple) => format!("{simple:?}").to_lowercase(),
    }
}
