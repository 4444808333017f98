//! The part of the Compose format that a stack can do. Members beyond it are refused by serde.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::api::Limits;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    /// Out of date in Compose itself, and without a meaning.
    #[serde(rename = "version")]
    _version: Option<IgnoredAny>,
    #[serde(default)]
    pub(super) services: BTreeMap<String, Service>,
    #[serde(default)]
    pub(super) volumes: BTreeMap<String, Option<Volume>>,
}

/// A volume has nothing to say but its name.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Volume {}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Service {
    pub(super) image: String,
    pub(super) command: Option<Words>,
    pub(super) entrypoint: Option<Words>,
    #[serde(default)]
    pub(super) environment: Environment,
    #[serde(default)]
    pub(super) ports: Vec<String>,
    #[serde(default)]
    pub(super) volumes: Vec<String>,
    pub(super) restart: Option<String>,
    pub(super) deploy: Option<Deploy>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Deploy {
    pub(super) resources: Resources,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Resources {
    pub(super) limits: Limits,
}

/// A list, or a line that is to be split.
pub(super) enum Words {
    Line(String),
    List(Vec<String>),
}

impl<'de> Deserialize<'de> for Words {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Words;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a line or a list of words")
            }

            fn visit_str<E>(self, line: &str) -> Result<Words, E> {
                Ok(Words::Line(line.to_owned()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Words, A::Error> {
                let mut words = Vec::new();
                while let Some(word) = list.next_element()? {
                    words.push(word);
                }
                Ok(Words::List(words))
            }
        }
        deserializer.deserialize_any(Reader)
    }
}

/// Names and values, as a map or as a list of `NAME=value`; a name without a value would come from the host.
#[derive(Default)]
pub(super) struct Environment(pub(super) Vec<(String, Option<String>)>);

impl<'de> Deserialize<'de> for Environment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Environment;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map of names and values, or a list of `NAME=value`")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Environment, A::Error> {
                let mut all = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    all.push(entry);
                }
                Ok(Environment(all))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Environment, A::Error> {
                let mut all = Vec::new();
                while let Some(entry) = list.next_element::<String>()? {
                    all.push(match entry.split_once('=') {
                        Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
                        None => (entry, None),
                    });
                }
                Ok(Environment(all))
            }
        }
        deserializer.deserialize_any(Reader)
    }
}
