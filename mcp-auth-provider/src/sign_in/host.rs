//! The session that the host already has.

use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;

use async_trait::async_trait;
use http::request::Parts;
use secrecy::SecretString;

use super::{Login, SignIn, SignInError, User};

type Lookup = Box<dyn Fn(&Parts) -> Pin<Box<dyn Future<Output = Option<User>> + Send>> + Send + Sync>;

/// Takes the user from the host's own session, and sends who has none to the host's own login page and back.
/// [`Provider::revoke_user`](crate::Provider::revoke_user) does not end that session: end it first.
///
/// ```
/// use mcp_auth_provider::{HostSession, User};
///
/// # #[derive(Clone)] struct Session(String);
/// let sign_in = HostSession::new(|request| {
///     // Whatever the host's own middleware put there.
///     let user = request.extensions.get::<Session>().map(|session| User::new(session.0.clone()));
///     async move { user }
/// })
/// .login_page("/login", "next");
/// ```
pub struct HostSession {
    lookup: Lookup,
    url: String,
    return_to: String,
}

impl HostSession {
    /// Finds the user with `lookup`. On axum the request's extensions hold what the host's own layers put there, if the
    /// provider's routes are inside them; on actix there are method, URI and headers.
    pub fn new<F, Fut>(lookup: F) -> Self
    where
        F: Fn(&Parts) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Option<User>> + Send + 'static,
    {
        Self {
            lookup: Box::new(move |parts| Box::pin(lookup(parts))),
            url: "/login".to_owned(),
            return_to: "next".to_owned(),
        }
    }

    /// The host's login page, and the query parameter by which it is told where to go afterwards. `/login` and `next` by
    /// default. What is passed is a path on the provider's own origin: `/authorize?…`. A client that asks for a fresh sign-in
    /// (`prompt=login`) gets what this page makes of it.
    #[must_use]
    pub fn login_page(mut self, url: impl Into<String>, return_to: impl Into<String>) -> Self {
        self.url = url.into();
        self.return_to = return_to.into();
        self
    }
}

#[async_trait]
impl SignIn for HostSession {
    fn login(&self) -> Login {
        Login::Page { url: self.url.clone(), return_to: self.return_to.clone() }
    }

    async fn user(&self, request: &Parts) -> Option<User> {
        (self.lookup)(request).await
    }

    async fn check(&self, _: &str, _: &SecretString, _: Option<IpAddr>) -> Result<User, SignInError> {
        Err(SignInError::Unavailable)
    }
}

impl std::fmt::Debug for HostSession {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HostSession").field("login_page", &self.url).finish_non_exhaustive()
    }
}
