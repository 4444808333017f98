//! Stacks: their services and volumes, and how they change.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use super::declare::{Declaration, ServiceDeclaration};
use super::seed::EPOCH;
use super::world::READS_UNTIL_READY;

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Stack {
    pub(super) id: String,
    pub(super) project_id: String,
    pub(super) description: &'static str,
    pub(super) disabled: bool,
    pub(super) prefix: String,
    pub(super) services: Vec<Service>,
    pub(super) volumes: Vec<Volume>,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Service {
    pub(super) id: String,
    pub(super) short_id: String,
    pub(super) project_id: String,
    pub(super) stack_id: String,
    pub(super) service_name: String,
    pub(super) description: String,
    pub(super) status: &'static str,
    pub(super) status_set_at: &'static str,
    pub(super) requires_recreate: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) restart_policy: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) deploy: Option<serde_json::Value>,
    pub(super) deployed_state: ServiceState,
    pub(super) pending_state: ServiceState,
    #[serde(skip)]
    pub(super) reads: u32,
    #[serde(skip)]
    pub(super) restarts: u32,
}

/// `Debug` shows no environment.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub(super) struct ServiceState {
    pub(super) image: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) command: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) entrypoint: Option<Vec<String>>,
    pub(super) envs: BTreeMap<String, String>,
    pub(super) ports: Vec<String>,
    pub(super) volumes: Vec<String>,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Volume {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) stack_id: String,
    pub(super) orphaned: bool,
    pub(super) linked_services: Vec<String>,
    pub(super) storage_usage_in_bytes: u64,
    pub(super) storage_usage_in_bytes_set_at: &'static str,
}

impl Stack {
    /// The stack that every project has; the two share an id.
    pub(super) fn of_project(project: &str, short_id: &str) -> Self {
        Self {
            id: project.to_owned(),
            project_id: project.to_owned(),
            description: "default",
            disabled: false,
            prefix: short_id.to_owned(),
            services: Vec::new(),
            volumes: Vec::new(),
        }
    }

    /// What there is now. Enough reads, and what was created runs.
    pub(super) fn read(&mut self) -> Self {
        self.services.iter_mut().for_each(Service::note_read);
        self.clone()
    }

    /// Makes it this: services that are not named go, volumes that are not named are detached.
    pub(super) fn declare(&mut self, declaration: Declaration, numbers: Vec<(u64, String)>) {
        let mut numbers = numbers.into_iter();
        let mut old = std::mem::take(&mut self.services);
        for (name, declared) in declaration.services {
            let known =
                old.iter().position(|service| service.service_name == name).map(|at| old.swap_remove(at));
            if let Some(mut service) = known {
                service.declare(declared);
                self.services.push(service);
            } else if let Some((number, id)) = numbers.next() {
                self.services.push(self.new_service(number, id, name, declared));
            }
        }
        for name in declaration.volumes.values().map(|volume| &volume.name) {
            if self.volumes.iter().any(|volume| volume.name == *name) {
                continue;
            }
            if let Some((_, id)) = numbers.next() {
                self.volumes.push(self.new_volume(id, name));
            }
        }
        for volume in &mut self.volumes {
            volume.orphaned = !declaration.volumes.values().any(|declared| declared.name == volume.name);
            let mounts =
                |mount: &String| mount.split_once(':').is_some_and(|(source, _)| source == volume.name);
            volume.linked_services = self
                .services
                .iter()
                .filter(|service| service.deployed_state.volumes.iter().any(mounts))
                .map(|service| service.id.clone())
                .collect();
        }
    }

    fn new_service(&self, number: u64, id: String, name: String, declared: ServiceDeclaration) -> Service {
        let state = ServiceState::new(&declared);
        Service {
            id,
            short_id: format!("c-{number:06}"),
            project_id: self.project_id.clone(),
            stack_id: self.id.clone(),
            description: declared.description.unwrap_or_else(|| name.clone()),
            service_name: name,
            status: "creating",
            status_set_at: EPOCH,
            requires_recreate: false,
            restart_policy: declared.restart_policy,
            deploy: declared.deploy,
            deployed_state: state.clone(),
            pending_state: state,
            reads: 0,
            restarts: 0,
        }
    }

    fn new_volume(&self, id: String, name: &str) -> Volume {
        Volume {
            id,
            name: name.to_owned(),
            stack_id: self.id.clone(),
            orphaned: false,
            linked_services: Vec::new(),
            storage_usage_in_bytes: 0,
            storage_usage_in_bytes_set_at: EPOCH,
        }
    }
}

impl Service {
    pub(super) fn read(&mut self) -> Self {
        self.note_read();
        self.clone()
    }

    pub(super) fn restart(&mut self) {
        (self.status, self.reads) = ("starting", 0);
        self.restarts = self.restarts.saturating_add(1);
    }

    /// What it wrote: a line at each start, and one for each request that it had.
    pub(super) fn logs(&self) -> Vec<String> {
        let started = (0..=self.restarts).map(|_| format!("{EPOCH} {} started", self.service_name));
        let requests = (1..=200).map(|number| format!("{EPOCH} GET /{number} 200"));
        started.chain(requests).collect()
    }

    fn declare(&mut self, declared: ServiceDeclaration) {
        let state = ServiceState::new(&declared);
        if state != self.deployed_state {
            (self.status, self.reads) = ("creating", 0);
        }
        self.description = declared.description.unwrap_or_else(|| self.service_name.clone());
        (self.restart_policy, self.deploy) = (declared.restart_policy, declared.deploy);
        (self.deployed_state, self.pending_state) = (state.clone(), state);
    }

    fn note_read(&mut self) {
        self.reads = self.reads.saturating_add(1);
        if self.reads > READS_UNTIL_READY {
            self.status = "running";
        }
    }
}

impl fmt::Debug for ServiceState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServiceState").field("image", &self.image).finish_non_exhaustive()
    }
}

impl ServiceState {
    fn new(declared: &ServiceDeclaration) -> Self {
        Self {
            image: declared.image.clone(),
            command: declared.command.clone(),
            entrypoint: declared.entrypoint.clone(),
            envs: declared.environment.clone(),
            ports: declared.ports.clone(),
            volumes: declared.volumes.clone(),
        }
    }
}
