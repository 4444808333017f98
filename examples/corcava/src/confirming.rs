//! The gate before the writing tools, and the page where a person approves a call of a client that cannot ask.
//!
//! 1. Who is signed in on the settings pages approves their own calls, under the same subject as their keys and tokens.
//! 2. What is kept of a question is sealed with `master.key`: previews may tell what is private.

use std::sync::Arc;

use async_trait::async_trait;
use http::request::Parts;
use mcp_auth_core::ScopeSet;
use mcp_auth_core::config::ConfigErrors;
use mcp_auth_core::confirm::approval::{ApprovalPage, Approver, Approvers, SignedIn};
use mcp_auth_core::confirm::{Approvals, StoreGate};
use mcp_auth_core::store::{KeyRing, Sealed, Store};
use url::form_urlencoded::byte_serialize;

use crate::authority::{LOGIN, NEXT};
use crate::policies::budget;
use crate::sessions::Sessions;

/// Where calls are approved.
const APPROVE: &str = "/approve";

/// The gate, and the page if users sign in here.
pub(crate) fn gate(
    store: Arc<dyn Store>,
    ring: &KeyRing,
    mcp_url: &str,
    origin: &str,
    sessions: Option<Sessions>,
) -> Result<(StoreGate, Option<ApprovalPage>), ConfigErrors> {
    let store: Arc<dyn Store> = Arc::new(Sealed::new(store, ring.clone()));
    let gate = StoreGate::new(mcp_url, Arc::clone(&store), ring.clone()).budget("write", budget());
    let Some(sessions) = sessions else { return Ok((gate, None)) };
    let approvals = Approvals::new(store, format!("{origin}{APPROVE}"));
    let users = Users { issuer: origin.to_owned(), sessions };
    let page = ApprovalPage::new(approvals.clone(), users, ring.clone())?;
    Ok((gate.approvals(approvals), Some(page)))
}

/// Who is signed in on the settings pages.
struct Users {
    issuer: String,
    sessions: Sessions,
}

#[async_trait]
impl Approvers for Users {
    async fn signed_in(&self, request: &Parts) -> SignedIn {
        let Ok(browser) = self.sessions.browser(&request.headers) else { return SignedIn::Unavailable };
        match self.sessions.user(&browser).await {
            Ok(Some(subject)) => {
                let (issuer, scopes) = (self.issuer.clone(), ScopeSet::default());
                SignedIn::As(Approver { issuer, subject, scopes })
            }
            Ok(None) => {
                let back = request.uri.path_and_query().map_or(APPROVE, |path| path.as_str());
                let back: String = byte_serialize(back.as_bytes()).collect();
                SignedIn::SignInAt(format!("{LOGIN}?{NEXT}={back}"))
            }
            Err(_) => SignedIn::Unavailable,
        }
    }
}
