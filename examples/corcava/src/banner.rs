//! What is printed at start: the URLs, who can sign in, the first key, and a line for each client.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};

/// What is printed at start. `Debug` hides password and key; `Display` shows them, and is meant for a terminal, once.
#[derive(Debug)]
pub struct Banner {
    pub(crate) mcp_url: String,
    pub(crate) settings_url: Option<String>,
    pub(crate) sign_in: String,
    pub(crate) demo_password: Option<SecretString>,
    pub(crate) key: Option<SecretString>,
    pub(crate) environment: &'static str,
}

impl Banner {
    /// The demo user's password, at the first start.
    #[must_use]
    pub fn demo_password(&self) -> Option<&SecretString> {
        self.demo_password.as_ref()
    }

    /// The first key, at the first start.
    #[must_use]
    pub fn key(&self) -> Option<&SecretString> {
        self.key.as_ref()
    }
}

impl fmt::Display for Banner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let url = &self.mcp_url;
        writeln!(f, "MCP endpoint    {url}")?;
        if let Some(settings) = &self.settings_url {
            writeln!(f, "API keys        {settings}")?;
        }
        write!(f, "Sign in         {}", self.sign_in)?;
        match &self.demo_password {
            Some(password) => writeln!(f, " with password {} (shown once)", password.expose_secret())?,
            None => writeln!(f)?,
        }
        writeln!(f, "Environment     {}: keys of others are refused", self.environment)?;
        if let Some(key) = &self.key {
            writeln!(f, "First key       {} (full access, shown once)", key.expose_secret())?;
            writeln!(f, "\nTry it:")?;
            writeln!(f, "  export CORCAVA_API_KEY={}", key.expose_secret())?;
        } else {
            writeln!(f, "\nWith a key in CORCAVA_API_KEY:")?;
        }
        writeln!(
            f,
            "  Claude Code          claude mcp add --transport http corcava {url} --header \"Authorization: Bearer $CORCAVA_API_KEY\""
        )?;
        writeln!(
            f,
            "  Codex CLI            codex mcp add corcava --url {url} --bearer-token-env-var CORCAVA_API_KEY"
        )?;
        writeln!(
            f,
            "  Cursor               .cursor/mcp.json: {{\"mcpServers\":{{\"corcava\":{{\"url\":\"{url}\",\"headers\":{{\"Authorization\":\"Bearer ${{env:CORCAVA_API_KEY}}\"}}}}}}}}"
        )?;
        writeln!(f, "\nBy OAuth, as the user who signs in:")?;
        writeln!(f, "  Claude Code          claude mcp add --transport http corcava {url}   (then /mcp)")?;
        writeln!(f, "  Codex CLI            codex mcp add corcava --url {url} && codex mcp login corcava")?;
        writeln!(
            f,
            "  Copilot, VS Code     .vscode/mcp.json: {{\"servers\":{{\"corcava\":{{\"type\":\"http\",\"url\":\"{url}\"}}}}}}"
        )?;
        writeln!(
            f,
            "  ChatGPT, Claude      Settings > Connectors: {url}   (from the internet: --public-url https://…)"
        )
    }
}
