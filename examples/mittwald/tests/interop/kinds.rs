//! What the guard's log says.

use std::sync::{Arc, Mutex};

use tracing::field::{Field, Visit};
use tracing::subscriber::{DefaultGuard, Subscriber, set_default};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};

/// Why the guard refused, as its log says. A test runs on one thread, and so hears of its own guard only.
#[derive(Clone, Default)]
pub(crate) struct Kinds(Arc<Mutex<Vec<String>>>);

impl Kinds {
    /// Listens on this thread until the second is dropped.
    pub(crate) fn listen() -> (Self, DefaultGuard) {
        let kinds = Self::default();
        let listening = set_default(tracing_subscriber::registry().with(kinds.clone()));
        (kinds, listening)
    }

    /// Those since the last asking.
    pub(crate) fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

impl<S: Subscriber> Layer<S> for Kinds {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        if event.metadata().target().starts_with("mcp_auth_core::guard") {
            event.record(&mut &*self);
        }
    }
}

impl Visit for &Kinds {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "kind" {
            self.0.lock().unwrap().push(value.to_owned());
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn std::fmt::Debug) {}
}
