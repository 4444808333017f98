//! What is printed at start: the URL, who can sign in, and a line for each client.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};

use crate::options::{AuthorityOptions, Embedded};

/// Why destructive tools run without a question.
pub const NO_GATE: &str = "Until the confirmation gate exists, scopes alone decide about destructive tools.";

/// What is printed at start. `Debug` hides the password; `Display` shows it, and is meant for a terminal, once.
#[derive(Debug)]
pub struct Banner {
    mcp_url: String,
    sign_in: String,
    demo: Option<(String, SecretString)>,
    is_fake: bool,
}

impl Banner {
    pub(crate) fn new(mcp_url: &str, authority: &AuthorityOptions, is_fake: bool) -> Self {
        let (sign_in, demo) = match authority {
            AuthorityOptions::External { issuer, .. } => (format!("at {issuer}"), None),
            AuthorityOptions::Embedded(embedded) => (names(embedded), demo(embedded)),
        };
        Self { mcp_url: mcp_url.to_owned(), sign_in, demo, is_fake }
    }

    /// The demo user's name and password, if there is one.
    #[must_use]
    pub fn demo(&self) -> Option<(&str, &SecretString)> {
        self.demo.as_ref().map(|(name, password)| (name.as_str(), password))
    }
}

fn names(embedded: &Embedded) -> String {
    let names: Vec<&str> = embedded.users.iter().map(|user| user.name.as_str()).collect();
    format!("as {}", names.join(", "))
}

fn demo(embedded: &Embedded) -> Option<(String, SecretString)> {
    let user = embedded.users.first().filter(|_| embedded.is_demo)?;
    Some((user.name.clone(), user.password.clone()))
}

impl fmt::Display for Banner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let url = &self.mcp_url;
        writeln!(f, "MCP endpoint    {url}")?;
        match &self.demo {
            Some((name, password)) => writeln!(
                f,
                "Sign in         as {name} with password {} (made for this run, shown once)",
                password.expose_secret()
            )?,
            None => writeln!(f, "Sign in         {}", self.sign_in)?,
        }
        let api = if self.is_fake { "the fake that ships with this server" } else { "as configured" };
        writeln!(f, "mittwald API    {api}, with the service's own token")?;
        writeln!(f, "\nSet up a client:")?;
        writeln!(f, "  Claude Code          claude mcp add --transport http mittwald {url}   (then /mcp)")?;
        writeln!(f, "  Codex CLI            codex mcp add mittwald --url {url} && codex mcp login mittwald")?;
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
