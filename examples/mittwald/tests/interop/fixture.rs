//! A guarded server, a real authorization server, and a client that holds a token of it.

use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use mcp_auth_axum::{McpAuthLayer, routes};
use mcp_auth_behaviour::{Fixture, Mcp, Running, Serve};
use mcp_auth_core::guard::GuardBuilder;
use mcp_auth_core::verify::introspection::{
    ClientAuthentication, IntrospectionVerifier, IntrospectionVerifierBuilder,
};
use mcp_auth_core::{Guard, TokenVerifier};
use serde_json::{Value, json};
use tracing::subscriber::DefaultGuard;

use crate::kinds::Kinds;
use crate::server::{Issuer, Script};

/// The authorization server, before there is anything to protect.
pub(crate) struct Authority {
    pub(crate) issuer: Issuer,
    introspection: String,
}

impl Authority {
    /// Starts it, with more options of its own.
    pub(crate) async fn start(more: &[&str]) -> Self {
        let issuer = Issuer::start(&[&["--scope", "notes:read"], more].concat()).await;
        let metadata = format!("{}/.well-known/openid-configuration", issuer.issuer);
        let metadata: Value = reqwest::get(metadata).await.unwrap().json().await.unwrap();
        let introspection = metadata["introspection_endpoint"].as_str().unwrap().to_owned();
        Self { issuer, introspection }
    }

    /// A verifier that asks here, as a client of its own that authenticates by this method.
    pub(crate) async fn introspection(&self, by: &str, alg: &str) -> IntrospectionVerifierBuilder {
        let (client, authentication) = self.client(by, alg).await;
        self.introspection_as(&client, authentication)
    }

    /// The same, as this client.
    pub(crate) fn introspection_as(
        &self,
        client: &str,
        authentication: ClientAuthentication,
    ) -> IntrospectionVerifierBuilder {
        IntrospectionVerifier::builder(&self.issuer.issuer, &self.introspection)
            .client(client, authentication)
    }

    /// Registers a client, with a secret or with a key for `alg`.
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
        let (kinds, listening) = Kinds::listen();
        let fixture = Fixture::guarded::<Axum>(|guard| change(guard.verifier(verifier))).await;
        let ready = async {
            while !fixture.guard.is_ready() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), ready).await.expect("the guard did not get the keys");
        let (script, metadata) = Script::start(&["holder/holder.mjs", &fixture.url()]).await;
        World { issuer: self.issuer, fixture, metadata, script, kinds, _listening: listening }
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
    _listening: DefaultGuard,
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

    /// The client revokes its token at the authorization server.
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

    /// Why the guard refused since the last asking.
    pub(crate) fn kinds(&self) -> Vec<String> {
        self.kinds.take()
    }
}
