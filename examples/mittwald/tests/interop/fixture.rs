//! A guarded server, a real authorization server, and a client that holds a token of it.

use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mcp_auth_axum::{McpAuthLayer, routes};
use mcp_auth_behaviour::{Fixture, Mcp, Running, Serve};
use mcp_auth_core::guard::GuardBuilder;
use mcp_auth_core::verify::introspection::{
    ClientAuthentication, IntrospectionVerifier, IntrospectionVerifierBuilder,
};
use mcp_auth_core::{Guard, TokenVerifier};
use serde_json::{Value, json};
use tracing::field::{Field, Visit};
use tracing::subscriber::{DefaultGuard, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};

use crate::server::{Issuer, Script};

/// The authorization server, before there is anything to protect.
pub(crate) struct Authority {
    pub(crate) issuer: Issuer,
    introspection: String,
}

impl Authority {
    pub(crate) async fn start(more: &[&str]) -> Self {
        let issuer = Issuer::start(&[&["--scope", "notes:read"], more].concat()).await;
        let metadata = format!("{}/.well-known/openid-configuration", issuer.issuer);
        let metadata: Value = reqwest::get(metadata).await.unwrap().json().await.unwrap();
        let introspection = metadata["introspection_endpoint"].as_str().unwrap().to_owned();
        Self { issuer, introspection }
    }

    /// Registers the server as a client that authenticates by this method.
    pub(crate) async fn introspection(&self, by: &str, alg: &str) -> IntrospectionVerifierBuilder {
        let (client, authentication) = self.client(by, alg).await;
        self.introspection_as(&client, authentication)
    }

    pub(crate) fn introspection_as(
        &self,
        client: &str,
        authentication: ClientAuthentication,
    ) -> IntrospectionVerifierBuilder {
        IntrospectionVerifier::builder(&self.issuer.issuer, &self.introspection)
            .client(client, authentication)
    }

    pub(crate) async fn client(&self, by: &str, alg: &str) -> (String, ClientAuthentication) {
        let script = ["holder/register.mjs", &self.issuer.issuer, by, alg];
        let (_ended, client) = Script::start(&script).await;
        let text =
            |name: &str| client[name].as_str().unwrap_or_else(|| panic!("{name}: {client}")).to_owned();
        let authentication = match by {
            "client_secret_basic" => ClientAuthentication::basic(text("client_secret")),
            "client_secret_post" => ClientAuthentication::post(text("client_secret")),
            _ => ClientAuthentication::private_key_pem(&text("private_key").into()).unwrap(),
        };
        (text("client_id"), authentication)
    }

    /// Serves, guarded by `verifier` and by what `change` adds; the client knows nothing but the URL.
    pub(crate) async fn guards(
        self,
        verifier: impl TokenVerifier,
        change: impl FnOnce(GuardBuilder) -> GuardBuilder + 'static,
    ) -> World {
        let kinds = Kinds::default();
        let subscriber = tracing_subscriber::registry().with(kinds.clone());
        let logged = tracing::subscriber::set_default(subscriber);
        let fixture = Fixture::guarded::<Axum>(|guard| change(guard.verifier(verifier))).await;
        let ready = async {
            while !fixture.guard.is_ready() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), ready).await.expect("the guard did not get the keys");
        let (script, metadata) = Script::start(&["holder/holder.mjs", &fixture.url()]).await;
        World { issuer: self.issuer, fixture, metadata, script, kinds, _logged: logged }
    }
}

struct Axum;

impl Serve for Axum {
    fn serve(listener: TcpListener, guard: Guard, mcp: Mcp) -> Running {
        let app = axum::Router::new()
            .route_service("/mcp", McpAuthLayer::new(guard.clone()).layer(mcp))
            .merge(routes(&guard))
            .into_make_service_with_connect_info::<SocketAddr>();
        let listener = tokio::net::TcpListener::from_std(listener).unwrap();
        let server = tokio::spawn(async move { axum::serve(listener, app).await });
        Running::new(move || server.abort())
    }
}

/// Everybody who takes part.
pub(crate) struct World {
    pub(crate) issuer: Issuer,
    pub(crate) fixture: Fixture,
    /// The metadata of the resource and of the authorization server, as the client found them.
    pub(crate) metadata: Value,
    script: Script,
    kinds: Kinds,
    _logged: DefaultGuard,
}

impl World {
    async fn tell(&mut self, command: &Value) -> Value {
        let said = self.script.tell(&command.to_string()).await;
        assert!(said.get("failed").is_none(), "{command}: {said}");
        said
    }

    /// From now on the tokens for this server are opaque.
    pub(crate) async fn issue_opaque(&mut self) {
        let url = self.fixture.url();
        self.issuer.tell(&format!("opaque {url}")).await;
    }

    /// The client gets a token; `more` says how.
    pub(crate) async fn obtain(&mut self, more: Value) -> Value {
        let mut command = json!({ "do": "obtain", "by": "client_secret_basic" });
        command.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.tell(&command).await
    }

    pub(crate) async fn revoke(&mut self) {
        assert_eq!(self.tell(&json!({ "do": "revoke" })).await["revoked"], true);
    }

    /// The client calls the tool; the answers it gets.
    pub(crate) async fn call(&mut self, more: Value) -> Vec<Value> {
        let mut command = json!({ "do": "call" });
        command.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.tell(&command).await["answers"].as_array().unwrap().clone()
    }

    /// The call goes through, at once; the tool sees the client as who it is.
    pub(crate) async fn is_served(&mut self, client: &Value) {
        let id = client["client_id"].as_str().unwrap();
        let answers = self.call(json!({})).await;
        assert_eq!(answers, [json!({ "status": 200, "text": format!("{id} via {id}") })]);
        assert_eq!(self.fixture.ran.take(), ["whoami"]);
        assert_eq!(self.kinds.take(), [""; 0]);
    }

    /// The call is refused with 401, for this reason in the log, and nothing runs.
    #[track_caller]
    pub(crate) fn refused(&mut self, answer: &Value, error: &str, kind: &str) {
        assert_eq!((&answer["status"], &answer["error"]), (&json!(401), &json!(error)), "{answer}");
        assert_eq!(self.kinds.take(), [kind]);
        self.fixture.nothing_ran();
    }

    pub(crate) fn kinds(&self) -> Vec<String> {
        self.kinds.take()
    }
}

/// Why the guard refused, as its log says. A test runs on one thread, and so hears of its own guard only.
#[derive(Clone, Default)]
struct Kinds(Arc<Mutex<Vec<String>>>);

impl Kinds {
    fn take(&self) -> Vec<String> {
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
