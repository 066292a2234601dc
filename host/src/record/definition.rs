//! A binding made again from what was stored of it. Knows nothing of where it was stored.

use serde::Deserialize;
use serde_json::{Map, Value as Json};

use super::{Binding, BindingDigest, ComponentDigest, Filter, FilterError, GrantedModel, Limits, Name, Sample};

/// Why a stored definition makes no binding.
#[derive(Debug, thiserror::Error)]
pub enum DefinitionError {
    /// It is not what was digested when the binding was loaded.
    #[error("the stored definition of binding {expected} is damaged: its sha256 is {found}")]
    Digest {
        /// The binding's digest.
        expected: BindingDigest,
        /// The definition's.
        found: BindingDigest,
    },
    /// It says what this version does not know.
    #[error("the stored definition cannot be read; a newer version may have made it")]
    Parse(#[from] serde_json::Error),
    /// Its filter is none for this version.
    #[error("the stored filter cannot be read")]
    Filter(#[from] FilterError),
}

/// What [`Binding::definition`] writes.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Definition {
    name: Name,
    component: ComponentDigest,
    config: String,
    filter: Option<String>,
    sample: Sample,
    limits: Map<String, Json>,
    capabilities: Vec<String>,
    #[serde(default)]
    models: Vec<GrantedModel>,
}

impl Binding {
    /// The binding of that digest, from its definition as it was stored. A limit that there was not when it was loaded
    /// has its default.
    pub fn restore(definition: &str, digest: BindingDigest) -> Result<Self, DefinitionError> {
        let found = BindingDigest::of(definition.as_bytes());
        if found != digest {
            return Err(DefinitionError::Digest { expected: digest, found });
        }
        let Definition { name, component, config, filter, sample, limits, capabilities, models } =
            serde_json::from_str(definition)?;
        let mut all = serde_json::to_value(Limits::default())?;
        if let Json::Object(all) = &mut all {
            all.extend(limits);
        }
        Ok(Self {
            name,
            component,
            config,
            filter: filter.as_deref().map(Filter::new).transpose()?,
            sample,
            limits: serde_json::from_value(all)?,
            capabilities,
            models,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{ByteSize, Deadline};

    fn binding() -> Binding {
        Binding {
            name: "a".parse().expect("a name"),
            component: ComponentDigest::of(b"component"),
            config: r#"{"threshold":0.1}"#.to_owned(),
            filter: Some(Filter::new("model == \"m\"").expect("a filter")),
            sample: Sample::try_from(0.1).expect("a share"),
            limits: Limits {
                deadline: Deadline::from_millis(1_250),
                memory: ByteSize((1 << 20) + 1),
                ..Limits::default()
            },
            capabilities: vec!["log".to_owned()],
            models: Vec::new(),
        }
    }

    fn check(change: impl FnOnce(&mut Json), expected: Result<BindingDigest, &str>) {
        let mut definition = binding().definition();
        change(&mut definition);
        let text = definition.to_string();
        let restored = Binding::restore(&text, BindingDigest::of(text.as_bytes()));
        match (restored.map(|binding| binding.digest()).map_err(|error| crate::report(&error)), expected) {
            (Ok(got), Ok(expected)) => assert_eq!(got, expected, "{text}"),
            (Err(got), Err(expected)) => assert!(got.contains(expected), "{got}"),
            (got, expected) => panic!("{text} gave {got:?}, not {expected:?}"),
        }
    }

    #[test]
    fn what_was_stored_makes_the_same_binding() {
        let whole = binding().digest();
        check(|_| {}, Ok(whole));
        let defaults =
            Binding { limits: Limits { attempts: Limits::default().attempts, ..binding().limits }, ..binding() };
        check(
            |definition| drop(definition["limits"].as_object_mut().map(|all| all.remove("attempts"))),
            Ok(defaults.digest()),
        );
        check(|definition| definition["colour"] = "red".into(), Err("unknown field `colour`"));
        check(|definition| definition["limits"]["colour"] = 1.into(), Err("unknown field `colour`"));
        check(|definition| definition["filter"] = "model ==".into(), Err("not valid CEL"));
    }

    #[test]
    fn what_was_changed_makes_none() {
        let definition = binding().definition().to_string().replace("0.1", "0.2");
        let restored = Binding::restore(&definition, binding().digest());
        assert!(matches!(restored, Err(DefinitionError::Digest { .. })));
    }
}
