//! What `PUT /stacks/{id}` takes, and what does not hold about it.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::answer::{self, Invalid, Problem};

const MAX_NAME: usize = 63;
const POLICIES: [&str; 4] = ["no", "always", "on-failure", "unless-stopped"];

#[derive(Deserialize)]
pub(super) struct Declaration {
    #[serde(default)]
    pub(super) services: BTreeMap<String, ServiceDeclaration>,
    #[serde(default)]
    pub(super) volumes: BTreeMap<String, VolumeDeclaration>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ServiceDeclaration {
    #[serde(default)]
    pub(super) image: String,
    pub(super) description: Option<String>,
    pub(super) command: Option<Vec<String>>,
    pub(super) entrypoint: Option<Vec<String>>,
    #[serde(default)]
    pub(super) environment: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) ports: Vec<String>,
    #[serde(default)]
    pub(super) volumes: Vec<String>,
    pub(super) restart_policy: Option<String>,
    pub(super) deploy: Option<serde_json::Value>,
}

#[derive(Deserialize)]
pub(super) struct VolumeDeclaration {
    #[serde(default)]
    pub(super) name: String,
}

/// Refuses what the API would.
pub(super) fn check(declaration: &Declaration) -> Result<(), Problem> {
    let mut rules = Vec::new();
    for (name, service) in &declaration.services {
        let mut rule = |holds, member: &str, kind, message| {
            rules.push((holds, Invalid::new(format!("services.{name}{member}"), kind, message)));
        };
        let policy = service.restart_policy.as_deref();
        rule((1..=MAX_NAME).contains(&name.len()), "", "length", "must be a name of 1 to 63 characters");
        rule(!service.image.is_empty(), ".image", "required", "must not be empty");
        rule(service.ports.iter().all(|port| is_port(port)), ".ports", "pattern", "must be `80:8080/tcp`");
        rule(
            service.volumes.iter().all(|mount| is_mount(mount)),
            ".volumes",
            "pattern",
            "must be `name:/path`",
        );
        rule(
            policy.is_none_or(|policy| POLICIES.contains(&policy)),
            ".restartPolicy",
            "enum",
            "is not known",
        );
    }
    for (name, volume) in &declaration.volumes {
        let invalid = Invalid::new(format!("volumes.{name}.name"), "required", "must not be empty");
        rules.push((!volume.name.is_empty(), invalid));
    }
    answer::check(rules)
}

fn is_port(text: &str) -> bool {
    let port = |text: &str| text.parse::<u16>().is_ok_and(|port| port > 0);
    text.split_once('/')
        .filter(|(_, protocol)| ["tcp", "udp"].contains(protocol))
        .and_then(|(ports, _)| ports.split_once(':'))
        .is_some_and(|(public, inner)| port(public) && port(inner))
}

fn is_mount(text: &str) -> bool {
    text.split_once(':').is_some_and(|(source, target)| !source.is_empty() && target.starts_with('/'))
}
