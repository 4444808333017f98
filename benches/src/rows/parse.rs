//! The strict reading of a body, beside serde's typed one that skips what it does not name.

use std::borrow::Cow;

use mcp_auth_core::mcp::{Limits, Message};
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::{Case, Error, Material};

/// What a service reads that wants to know the tool's name and nothing else. serde sees neither duplicates nor look-alikes.
#[derive(Deserialize)]
struct Call<'a> {
    #[serde(borrow)]
    method: Cow<'a, str>,
    params: Params<'a>,
    #[serde(rename = "id")]
    _id: IgnoredAny,
}

#[derive(Deserialize)]
struct Params<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(rename = "arguments")]
    _arguments: IgnoredAny,
}

pub(super) fn cases(material: &Material) -> Result<Vec<Case<'static>>, Error> {
    let mut cases = Vec::new();
    for (name, _) in &material.bodies {
        let (body, same) = (material.body(name)?, material.body(name)?);
        let strict = move || {
            Message::parse(&body, &Limits::default())
                .is_ok_and(|message| message.method() == Some("tools/call"))
        };
        let typed = move || {
            serde_json::from_slice::<Call<'_>>(&same)
                .is_ok_and(|call| call.method == "tools/call" && call.params.name == "echo")
        };
        cases.push(Case::new(format!("parse/{name}"), strict).beside(typed).named(format!("serde/{name}")));
    }
    Ok(cases)
}
