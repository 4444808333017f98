//! One guarded server at a URL, started for one case.

use std::net::TcpListener;
use std::sync::Arc;

use mcp_auth_core::guard::GuardBuilder;
use mcp_auth_core::policy::{destructive, public, read, write};
use mcp_auth_core::testing::{Authority, TokenBuilder};
use mcp_auth_core::time::{Clock, Timestamp};
use mcp_auth_core::verify::jwt::{JwtKeys, JwtVerifier};
use mcp_auth_core::verify::{Revocation, Revocations, TokenVerifier};
use mcp_auth_core::{Guard, ToolPolicies};
use serde_json::Value;

use crate::ask::Ask;
use crate::message;
use crate::server::{Mcp, Notes, Ran};
use crate::verdicts::Verdicts;

/// How a framework serves a guarded MCP service. The adapters' tests implement it, and nothing else of theirs is needed.
pub trait Serve {
    /// Serves `mcp` behind `guard` at `/mcp`, and the guard's documents, until the returned value is dropped.
    fn serve(listener: TcpListener, guard: Guard, mcp: Mcp) -> Running;
}

/// A server that ends when this is dropped.
pub struct Running(Option<Box<dyn FnOnce() + Send>>);

impl Running {
    /// `stop` ends it.
    #[must_use]
    pub fn new(stop: impl FnOnce() + Send + 'static) -> Self {
        Self(Some(Box::new(stop)))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(stop) = self.0.take() {
            stop();
        }
    }
}

/// A server, its guard, and who signs tokens for it.
pub struct Fixture {
    /// Signs tokens.
    pub authority: Authority,
    /// The guard in front of the service.
    pub guard: Guard,
    /// What really ran.
    pub ran: Ran,
    /// What the verifier said.
    pub verdicts: Verdicts,
    /// What was revoked.
    pub revocations: Revocations,
    /// The keys that tokens are verified with.
    pub keys: JwtKeys,
    /// Where the server listens, without a path.
    pub origin: String,
    client: reqwest::Client,
    _running: Running,
}

/// Makes the verifier of a case, out of that of the authority's JWTs.
pub type MakeVerifier = Box<dyn FnOnce(&Authority, JwtVerifier) -> Arc<dyn TokenVerifier>>;

/// Choices of a case's own.
pub struct Setup {
    /// The guard, to be changed.
    pub guard: Box<dyn FnOnce(GuardBuilder) -> GuardBuilder>,
    /// The verifier, around or instead of the one for JWTs.
    pub verifier: MakeVerifier,
    /// What was revoked of the JWTs.
    pub revocations: Revocations,
    /// The tool `about` needs no token.
    pub public: bool,
    /// The service answers legacy requests as JSON, without sessions.
    pub json: bool,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            guard: Box::new(|guard| guard),
            verifier: Box::new(|_, jwt| Arc::new(jwt)),
            revocations: Revocations::default(),
            public: false,
            json: false,
        }
    }
}

impl Fixture {
    /// A server as most cases want it.
    pub async fn start<S: Serve>() -> Self {
        Self::with::<S>(Setup::default()).await
    }

    /// A server whose guard is built differently.
    pub async fn guarded<S: Serve>(change: impl FnOnce(GuardBuilder) -> GuardBuilder + 'static) -> Self {
        Self::with::<S>(Setup { guard: Box::new(change), ..Setup::default() }).await
    }

    /// A server that takes other credentials, too; its guard goes by this clock.
    pub async fn verified<S: Serve, V: TokenVerifier>(
        clock: &Clock,
        verifier: impl FnOnce(&Authority, JwtVerifier) -> V + 'static,
    ) -> Self {
        let clock = clock.clone();
        Self::with::<S>(Setup {
            guard: Box::new(|guard| guard.clock(clock)),
            verifier: Box::new(|authority, jwt| Arc::new(verifier(authority, jwt))),
            ..Setup::default()
        })
        .await
    }

    /// A server with choices.
    pub async fn with<S: Serve>(setup: Setup) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let authority = Authority::start().await.unwrap();
        let revocations = setup.revocations;
        let keys = JwtKeys::new(authority.jwks()).unwrap();
        let verifier = JwtVerifier::builder(authority.issuer())
            .keys(keys.clone())
            .revocations(revocations.clone())
            .build()
            .unwrap();
        let verdicts = Verdicts::default();
        let verifier = verdicts.noted((setup.verifier)(&authority, verifier));
        let about = if setup.public { public() } else { read("notes:read") };
        let tools = ToolPolicies::from_tools(Notes::tools())
            .unwrap()
            .tools(["echo", "list_notes", "whoami", "count", "wait"].map(|name| (name, read("notes:read"))))
            .tool("about", about)
            .tool("delete_note", destructive("notes:delete"))
            .tool(
                "move_notes",
                write("notes:write").and_by_arguments(|arguments| match arguments.str("folder").as_deref() {
                    Some("archive") => "notes:archive".to_owned(),
                    _ => String::new(),
                }),
            )
            .tool("purge", destructive("admin").hidden())
            .resource("note://{id}", read("notes:read"))
            .resource("diary://{id}", read("admin").hidden())
            .prompt("summary", read("notes:read"))
            .prompt("confession", read("admin").hidden());
        let builder = Guard::builder(format!("{origin}/mcp")).verifier(verifier).tools(tools);
        let (guard, background) = (setup.guard)(builder).build().unwrap();
        tokio::spawn(background);
        let ran = Ran::default();
        let running = S::serve(listener, guard.clone(), Notes::service(ran.clone(), setup.json));
        let client = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .unwrap();
        Self { authority, guard, ran, verdicts, revocations, keys, origin, client, _running: running }
    }

    /// The URL of the MCP endpoint.
    #[must_use]
    pub fn url(&self) -> String {
        format!("{}/mcp", self.origin)
    }

    /// A good token of Ada's for this server, to be changed and signed.
    pub fn ada(&self, scope: &str) -> TokenBuilder {
        self.authority.token(&self.url()).scope(scope)
    }

    /// A good token for reading.
    #[must_use]
    pub fn reader(&self) -> String {
        self.ada("notes:read").sign()
    }

    /// A request without body and headers.
    pub fn ask(&self, method: &str, path: &str) -> Ask {
        Ask::new(self.client.clone(), method, format!("{}{path}", self.origin))
    }

    /// A POST of a message, with the headers that belong to it.
    pub fn post(&self, message: &Value) -> Ask {
        self.ask("POST", "/mcp").message(message)
    }

    /// A call of a tool, as 2026-07-28 makes it.
    pub fn call(&self, tool: &str, arguments: Value) -> Ask {
        self.post(&message::call(tool, arguments))
    }

    /// Revokes for ten minutes.
    pub async fn revoke(&self, revocation: &Revocation) {
        let until = Timestamp::from_secs(Clock::system().now().as_secs() + 600);
        self.revocations.revoke(revocation, until).await.unwrap();
    }

    /// Fails if anything ran.
    #[track_caller]
    pub fn nothing_ran(&self) {
        assert_eq!(self.ran.take(), Vec::<String>::new(), "something ran");
    }

    /// A session of the legacy era with this token: its id.
    pub async fn session(&self, token: &str) -> String {
        let answer = self.post(&message::initialize("2025-06-18")).token(token).send().await;
        answer.is(200, None);
        let session = answer.header("mcp-session-id").to_owned();
        self.post(&message::notification("notifications/initialized"))
            .token(token)
            .header("mcp-session-id", &session)
            .header("mcp-protocol-version", "2025-06-18")
            .send()
            .await
            .is(202, None);
        session
    }
}
