//! The consent page, and what its answer leads to.

use bytes::Bytes;
use http::{Response, StatusCode};
use mcp_auth_core::store::{Key, StoreExt};
use url::Url;

use super::{AuthorizationRequest, Problem};
use crate::answer::{Code, Refused, see_other};
use crate::browser::{Browser, Purpose, Session};
use crate::grants::Grant;
use crate::pages::{ConsentPage, plain};
use crate::provider::Inner;
use crate::secret;
use crate::sign_in::User;
use crate::token::{AuthorizationCode, CODES};

impl Inner {
    pub(super) fn consent_page(
        &self,
        request: &AuthorizationRequest,
        browser: &Browser,
        user: &User,
        query: &str,
    ) -> Result<Response<Bytes>, Refused> {
        // Those that are implied are granted, too.
        let is_granted = |(name, _): &&(String, String)| self.hierarchy.covers(&request.scope, name);
        let scopes: Vec<(String, String)> = self.scopes.iter().filter(is_granted).cloned().collect();
        let page = ConsentPage {
            style: self.pages.style(),
            action: &format!("{}?{query}", self.paths.authorize),
            client: &request.client_name(),
            is_unverified: request.client.is_dynamic,
            user: &plain(&user.name, 200),
            redirect: &place(&request.redirect),
            resource: &request.resource,
            scopes: &scopes,
            code: &self.browsers.form_code(browser, Purpose::Consent { subject: &user.subject }, query)?,
        };
        Ok(self.pages.answer(StatusCode::OK, &page, Some(request.redirect.as_str())))
    }

    /// The person has decided.
    pub(super) async fn decided(
        &self,
        request: AuthorizationRequest,
        session: &Session,
        decision: &str,
        form_code: &str,
    ) -> Result<Response<Bytes>, Problem> {
        // Nothing is kept of it: to deny twice changes nothing.
        if decision != "allow" {
            let refused = Refused::new(Code::AccessDenied, "denied", "the user denied the request");
            return Err(Problem::Redirect(Box::new(request), refused));
        }
        let too_many = |refused| Problem::Page(StatusCode::TOO_MANY_REQUESTS, refused);
        self.limits.check_allowing(&session.user.subject).map_err(too_many)?;
        if !self.browsers.is_first_answer(form_code).await? {
            return Err(Refused::new(
                Code::InvalidRequest,
                "form_answered",
                "This page was answered already.",
            )
            .into());
        }
        let user = &session.user;
        let code = match self.grant(&request, session).await {
            Ok(code) => code,
            Err(refused) if refused.code == Code::AccessDenied => {
                tracing::warn!(
                    user = user.subject,
                    kind = refused.kind,
                    "no more is granted to this user's applications"
                );
                return Err(Problem::Redirect(Box::new(request), refused));
            }
            Err(refused) => return Err(refused.into()),
        };
        tracing::info!(user = user.subject, client = request.client.id, scope = %request.scope, "access was granted");
        metrics::counter!("mcp_auth_provider_grants_total").increment(1);
        Ok(see_other(&self.redirect(&request, &[("code", &code)])))
    }

    /// A new grant, and the code for it.
    async fn grant(
        &self,
        request: &AuthorizationRequest,
        session: &Session,
    ) -> Result<zeroize::Zeroizing<String>, Refused> {
        let now = self.clock.now();
        let until = now.plus(self.code_ttl);
        let grant = Grant {
            id: secret::random_id()?,
            subject: session.user.subject.clone(),
            client_id: request.client.id.clone(),
            scope: request.scope.to_string(),
            resource: request.resource.clone(),
            since: now,
            signed_in: session.since,
            refresh: None,
        };
        self.grants.begin(&grant, until).await?;
        let code = secret::random()?;
        let stored = AuthorizationCode::Fresh {
            grant_id: grant.id,
            client_id: request.client.id.clone(),
            redirect: request.redirect_text.clone(),
            challenge: request.challenge.clone(),
            resource: request.resource.clone(),
        };
        let key = Key::new(CODES, "", secret::hash(&code));
        self.store.put(&key, serde_json::to_vec(&stored)?, Some(until)).await?;
        Ok(code)
    }
}

/// Where the redirect leads, for a person: its host, or its scheme where it has none that means something.
pub(super) fn place(redirect: &Url) -> String {
    match (redirect.scheme(), redirect.host_str()) {
        ("https" | "http", Some(_)) => redirect.origin().ascii_serialization(),
        (scheme, Some(host)) => format!("{scheme}://{host}"),
        (scheme, None) => format!("{scheme}:"),
    }
}
