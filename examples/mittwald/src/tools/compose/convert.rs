//! From the Compose format to a declaration, with every text checked.

use std::collections::BTreeMap;

use super::ComposeError;
use super::yaml::{Environment, File, Service, Words};
use crate::api::{Declaration, Deploy, Limits, Resources, ServiceDeclaration, VolumeDeclaration};

const MAX_NAME: usize = 63;
const MAX_EACH: usize = 50;
const POLICIES: [&str; 4] = ["no", "always", "on-failure", "unless-stopped"];
const MEMORY_UNITS: [&str; 7] = ["b", "k", "kb", "m", "mb", "g", "gb"];

pub(super) fn declaration(file: File) -> Result<Declaration, ComposeError> {
    if file.services.is_empty() {
        return Err(ComposeError::Empty);
    }
    if file.services.len() > MAX_EACH || file.volumes.len() > MAX_EACH {
        return Err(ComposeError::TooMany);
    }
    let mut whole = Declaration::default();
    for name in file.volumes.into_keys() {
        whole.volumes.insert(named(&name)?.to_owned(), VolumeDeclaration { name });
    }
    for (name, declared) in file.services {
        let built = service(named(&name)?, declared, &whole.volumes)
            .map_err(|what| ComposeError::Service { service: name.clone(), what })?;
        whole.services.insert(name, built);
    }
    Ok(whole)
}

fn named(name: &str) -> Result<&str, ComposeError> {
    if is_name(name) { Ok(name) } else { Err(ComposeError::Name(name.to_owned())) }
}

fn is_name(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    (1..=MAX_NAME).contains(&name.len()) && name.bytes().all(plain)
}

fn service(
    name: &str,
    declared: Service,
    named: &BTreeMap<String, VolumeDeclaration>,
) -> Result<ServiceDeclaration, String> {
    let image = literal(&declared.image)?;
    if image.is_empty()
        || image.contains(|character: char| character.is_whitespace() || character.is_control())
    {
        return Err("no image that can be run".to_owned());
    }
    if let Some(policy) = declared.restart.as_deref().filter(|policy| !POLICIES.contains(policy)) {
        return Err(format!("a restart `{policy}`; it can be {}", POLICIES.join(", ")));
    }
    Ok(ServiceDeclaration {
        image,
        description: name.to_owned(),
        command: declared.command.map(words).transpose()?,
        entrypoint: declared.entrypoint.map(words).transpose()?,
        environment: environment(declared.environment)?,
        ports: declared.ports.iter().map(|text| port(&literal(text)?)).collect::<Result<_, _>>()?,
        volumes: declared
            .volumes
            .iter()
            .map(|text| mount(literal(text)?, named))
            .collect::<Result<_, _>>()?,
        restart_policy: declared.restart,
        deploy: declared.deploy.map(|deploy| limits(deploy.resources.limits)).transpose()?,
    })
}

/// The text with `$$` as `$`.
fn literal(text: &str) -> Result<String, String> {
    if text.contains('\0') {
        return Err("a text with a zero byte".to_owned());
    }
    if text.replace("$$", "").contains('$') {
        return Err("a variable, which is not replaced here; write `$$` for a dollar sign".to_owned());
    }
    Ok(text.replace("$$", "$"))
}

fn words(words: Words) -> Result<Vec<String>, String> {
    match words {
        Words::List(words) => words.iter().map(|word| literal(word)).collect(),
        Words::Line(line) if line.contains(['"', '\'', '\\']) => {
            Err("a command with quotes; write it as a list of words".to_owned())
        }
        Words::Line(line) => Ok(literal(&line)?.split_whitespace().map(str::to_owned).collect()),
    }
}

fn environment(all: Environment) -> Result<BTreeMap<String, String>, String> {
    let mut environment = BTreeMap::new();
    for (name, value) in all.0 {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-');
        if name.is_empty() || !name.bytes().all(plain) {
            return Err(format!("an environment variable with the name `{name}`"));
        }
        let Some(value) = value else {
            return Err(format!("no value for the environment variable `{name}`"));
        };
        if environment.insert(name.clone(), literal(&value)?).is_some() {
            return Err(format!("two values for the environment variable `{name}`"));
        }
    }
    Ok(environment)
}

/// `8080`, `80:8080` or `80:8080/tcp`, as `80:8080/tcp`.
fn port(text: &str) -> Result<String, String> {
    let read = |part: &str| {
        let digits = part.bytes().all(|byte| byte.is_ascii_digit());
        part.parse::<u16>().ok().filter(|port| digits && *port > 0)
    };
    let (ports, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
    let (public, inner) = ports.split_once(':').unwrap_or((ports, ports));
    match (read(public), read(inner)) {
        (Some(public), Some(inner)) if ["tcp", "udp"].contains(&protocol) => {
            Ok(format!("{public}:{inner}/{protocol}"))
        }
        _ => Err(format!("a port `{text}`; it can be `8080`, `80:8080` or `80:8080/udp`")),
    }
}

/// `name:/path` with a declared volume, or `/path:/path` with a path of the project's files.
fn mount(text: String, named: &BTreeMap<String, VolumeDeclaration>) -> Result<String, String> {
    let path = |path: &str| path.starts_with('/') && !path.split('/').any(|segment| segment == "..");
    let (source, target) = text.split_once(':').unwrap_or_default();
    if target.contains(':') || !path(target) || !(path(source) || is_name(source)) {
        return Err(format!("a volume `{text}`; it can be `name:/path` or `/path:/path`"));
    }
    if is_name(source) && !named.contains_key(source) {
        return Err(format!("a volume `{source}` that is not among the file's `volumes`"));
    }
    Ok(text)
}

fn limits(limits: Limits) -> Result<Deploy, String> {
    let amount = |text: &str| {
        let digits = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
        digits && text.parse::<f64>().is_ok_and(|amount| amount.is_finite() && amount > 0.0)
    };
    if let Some(cpus) = limits.cpus.as_deref().filter(|cpus| !amount(cpus)) {
        return Err(format!("a limit of `{cpus}` cpus; it can be such as `0.5`"));
    }
    let size = |text: &str| {
        let unit_at = text.find(|character: char| character.is_ascii_alphabetic()).unwrap_or(text.len());
        let (number, unit) = text.split_at(unit_at);
        amount(number) && (unit.is_empty() || MEMORY_UNITS.contains(&unit.to_ascii_lowercase().as_str()))
    };
    if let Some(memory) = limits.memory.as_deref().filter(|memory| !size(memory)) {
        return Err(format!("a limit of `{memory}` memory; it can be such as `512m`"));
    }
    Ok(Deploy { resources: Resources { limits } })
}
