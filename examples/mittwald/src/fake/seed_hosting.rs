//! What there is at the start: stacks, backups, domains.

use serde_json::json;

use super::backups::Backup;
use super::declare::Declaration;
use super::domains::{AuthCode, Domain};
use super::model::Project;
use super::seed::{EPOCH, first};
use super::stack::Stack;
use super::world::READS_UNTIL_READY;

/// The code that lets a domain move to another registrar. No tool may ever answer with it.
pub const AUTH_CODE: &str = "auth-code-of-a-domain";

/// A stack for each project; the first project's runs two services.
pub(super) fn stacks(projects: &[Project]) -> Vec<Stack> {
    let mut stacks: Vec<Stack> =
        projects.iter().map(|project| Stack::of_project(&project.id, &project.short_id)).collect();
    let declared = serde_json::from_value::<Declaration>(json!({
        "services": {
            "shop": { "image": "nginx:1.27-alpine", "ports": ["80:80/tcp"], "restartPolicy": "always" },
            "store": {
                "image": "postgres:17", "ports": ["5432:5432/tcp"], "volumes": ["data:/var/lib/postgresql"],
                "environment": { "POSTGRES_PASSWORD": "a password of a container" },
            },
        },
        "volumes": { "data": { "name": "data" } },
    }));
    if let (Some(stack), Ok(declared)) = (stacks.first_mut(), declared) {
        let id = |number| (number, format!("aaaaaaaa-aaaa-4aaa-8aaa-{number:012}"));
        stack.declare(declared, (1..=3).map(id).collect());
        for service in &mut stack.services {
            (service.status, service.reads) = ("running", READS_UNTIL_READY);
        }
    }
    stacks
}

pub(super) fn backup(number: u64, projects: &[Project], deletable: bool) -> Backup {
    Backup {
        id: format!("bbbbbbbb-bbbb-4bbb-8bbb-{number:012}"),
        project_id: first(projects),
        description: (!deletable).then(|| "made by mittwald".to_owned()),
        status: "Completed",
        requested_at: EPOCH,
        created_at: Some(EPOCH),
        expires_at: "2099-12-31T00:00:00.000Z".to_owned(),
        deletable,
        reads: READS_UNTIL_READY,
    }
}

pub(super) fn domain(number: u64, projects: &[Project], name: &'static str, connected: bool) -> Domain {
    Domain {
        domain_id: format!("cccccccc-cccc-4ccc-8ccc-{number:012}"),
        domain: name,
        project_id: first(projects),
        connected,
        deleted: false,
        uses_default_nameserver: true,
        nameservers: ["ns1.example.test", "ns2.example.test"],
        handles: json!({ "ownerC": { "current": { "handleRef": "HANDLE-1" } } }),
        auth_code: connected.then_some(AuthCode { value: AUTH_CODE, expires: "2099-12-31T00:00:00.000Z" }),
    }
}
