//! What is printed at start: the URL, who can sign in, and a line for each client.

use std::fmt;

use std::path::Path;

use secrecy::{ExposeSecret, SecretString};

use crate::fake::{DEMO_RO_TOKEN, DEMO_RW_TOKEN};
use crate::logins::Logins;
use crate::options::AuthorityOptions;
use crate::state::State;

/// Why destructive tools run without a question.
pub const NO_GATE: &str = "Until the confirmation gate exists, scopes alone decide about destructive tools.";

/// What is printed at start. `Debug` hides the password; `Display` shows it, and is meant for a terminal, once.
#[derive(Debug)]
pub struct Banner {
    mcp_url: String,
    sign_in: String,
    demo: Option<(String, SecretString)>,
    state: String,
    is_fake: bool,
}

impl Banner {
    pub(crate) fn new(
        mcp_url: &str,
        authority: &AuthorityOptions,
        logins: &Logins,
        state: &State,
        is_fake: bool,
    ) -> Self {
        let sign_in = match authority {
            AuthorityOptions::External { issuer, .. } => format!("at {issuer}"),
            AuthorityOptions::Embedded(embedded) if embedded.users.is_empty() => {
                format!("as {}, as before (--user NAME:PASSWORD sets who may)", logins.names.join(", "))
            }
            AuthorityOptions::Embedded(_) => format!("as {}", logins.names.join(", ")),
        };
        let demo = logins.made.as_ref().map(|made| (made.name.clone(), made.password.clone()));
        let state = state.path().map(Path::display);
        let state = state.map_or("in memory: all ends with the process".to_owned(), |path| path.to_string());
        Self { mcp_url: mcp_url.to_owned(), sign_in, demo, state, is_fake }
    }

    /// The demo user's name and password, if it was made at this start.
    #[must_use]
    pub fn demo(&self) -> Option<(&str, &SecretString)> {
        self.demo.as_ref().map(|(name, password)| (name.as_str(), password))
    }
}

impl fmt::Display for Banner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let url = &self.mcp_url;
        writeln!(f, "MCP endpoint    {url}")?;
        match &self.demo {
            Some((name, password)) => writeln!(
                f,
                "Sign in         as {name} with password {} (shown this once)",
                password.expose_secret()
            )?,
            None => writeln!(f, "Sign in         {}", self.sign_in)?,
        }
        let api = if self.is_fake { "the fake that ships with this server" } else { "as configured" };
        writeln!(f, "mittwald API    {api}, with the service's own token")?;
        match self.is_fake {
            true => {
                writeln!(f, "API tokens      {DEMO_RW_TOKEN} (reads and writes), {DEMO_RO_TOKEN} (reads)")?
            }
            false => {
                writeln!(f, "API tokens      as `Authorization: Bearer`; such calls carry the user's own")?
            }
        }
        writeln!(f, "State           {}", self.state)?;
        writeln!(f, "\nSet up a client:")?;
        writeln!(f, "  Claude Code          claude mcp add --transport http mittwald {url}   (then /mcp)")?;
        writeln!(
            f,
            "  … with an API token  claude mcp add --transport http mittwald {url} --header \"Authorization: Bearer $TOKEN\""
        )?;
        writeln!(f, "  Codex CLI            codex mcp add mittwald --url {url} && codex mcp login mittwald")?;
        writeln!(
            f,
            "  … with an API token  codex mcp add mittwald --url {url} --bearer-token-env-var TOKEN"
        )?;
        writeln!(
            f,
            "  Cursor               .cursor/mcp.json: {{\"mcpServers\":{{\"mittwald\":{{\"url\":\"{url}\"}}}}}}"
        )?;
        writeln!(
            f,
            "  Copilot, VS Code     .vscode/mcp.json: {{\"servers\":{{\"mittwald\":{{\"type\":\"http\",\"url\":\"{url}\"}}}}}}"
        )?;
        writeln!(f, "  ChatGPT              Settings > Connectors > Create (developer mode): {url}")?;
        writeln!(f, "  Claude Desktop       Settings > Connectors > Add custom connector: {url}")?;
        writeln!(f, "  ChatGPT and claude.ai connect from the internet: they need --public-url with https.")?;
        writeln!(f, "\n{NO_GATE}")
    }
}
