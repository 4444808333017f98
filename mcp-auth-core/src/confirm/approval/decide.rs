//! Who may decide, and the decision.

use serde::{Deserialize, Serialize};

use super::Approvals;
use super::record::Record;
use crate::confirm::Phrase;
use crate::confirm::text::safe;
use crate::scope::ScopeSet;
use crate::store::StoreError;
use crate::time::Timestamp;

/// The longest reason, in characters.
const REASON: usize = 300;

/// A person who is signed in to this service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approver {
    /// Who vouches for the subject: the issuer of the tokens of the same users.
    pub issuer: String,
    /// Who it is.
    pub subject: String,
    /// What the person may approve for others.
    pub scopes: ScopeSet,
}

/// A decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// Approved, or declined.
    pub approved: bool,
    /// Who vouches for who decided.
    pub issuer: String,
    /// Who decided.
    pub subject: String,
    /// Why, in the person's words, made safe to show.
    pub reason: Option<String>,
    /// When.
    pub at: Timestamp,
}

/// A call that waits, for whoever may decide about it. All texts are safe to show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pending {
    /// The tool.
    pub tool: String,
    /// The client that asks, where its token names one; else the name of the API key.
    pub client: Option<String>,
    /// Who asks.
    pub requester: String,
    /// What would happen.
    pub text: String,
    /// What has to be typed to approve.
    pub phrase: Option<Phrase>,
    /// When it was asked.
    pub asked_at: Timestamp,
    /// Until when it waits.
    pub expires_at: Timestamp,
    /// What was decided already.
    pub verdict: Option<Verdict>,
}

/// Why nothing was decided.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DecideError {
    /// There is no such call, or it does not wait any more, or this person may not know of it.
    #[error("nothing waits here")]
    NotFound,
    /// It was decided before.
    #[error("it was decided before")]
    Decided,
    /// The phrase was not typed.
    #[error("the words were not typed")]
    Phrase,
    /// It cannot be told now.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Approvals {
    /// What waits under `id`, if `approver` may decide about it.
    ///
    /// # Errors
    /// [`DecideError::NotFound`] in every case that is not this person's.
    pub async fn pending(&self, id: &str, approver: &Approver) -> Result<Pending, DecideError> {
        let (record, _) = self.of(id, approver).await?;
        Ok(Pending {
            phrase: record.phrase(),
            tool: safe(&record.tool, 200),
            client: record.client.map(|client| safe(&client, 200)),
            requester: safe(&record.subject, 200),
            text: record.text,
            asked_at: record.asked_at,
            expires_at: record.expires_at,
            verdict: record.verdict,
        })
    }

    /// Approves the call, so that its next repetition runs once.
    ///
    /// # Errors
    /// [`DecideError`]; nothing was decided.
    pub async fn approve(
        &self,
        id: &str,
        approver: &Approver,
        typed: Option<&str>,
        reason: Option<&str>,
    ) -> Result<(), DecideError> {
        let (record, version) = self.of(id, approver).await?;
        if record.phrase().is_some_and(|phrase| !typed.is_some_and(|typed| phrase.is(typed))) {
            return Err(DecideError::Phrase);
        }
        self.decide(id, record, version, approver, true, reason).await
    }

    /// Declines the call: its next repetition says so and does not run.
    ///
    /// # Errors
    /// [`DecideError`]; nothing was decided.
    pub async fn decline(
        &self,
        id: &str,
        approver: &Approver,
        reason: Option<&str>,
    ) -> Result<(), DecideError> {
        let (record, version) = self.of(id, approver).await?;
        self.decide(id, record, version, approver, false, reason).await
    }

    async fn of(&self, id: &str, approver: &Approver) -> Result<(Record, u64), DecideError> {
        let found = self.record(id).await?.filter(|(record, _)| may_decide(record, approver));
        found.ok_or(DecideError::NotFound)
    }

    async fn decide(
        &self,
        id: &str,
        mut record: Record,
        version: u64,
        approver: &Approver,
        approved: bool,
        reason: Option<&str>,
    ) -> Result<(), DecideError> {
        if record.verdict.is_some() {
            return Err(DecideError::Decided);
        }
        let reason = reason.map(str::trim).filter(|reason| !reason.is_empty());
        record.verdict = Some(Verdict {
            approved,
            issuer: approver.issuer.clone(),
            subject: approver.subject.clone(),
            reason: reason.map(|reason| safe(reason, REASON)),
            at: self.clock.now(),
        });
        match self.write(id, &record, version).await? {
            true => {
                let (subject, tool) = (&approver.subject, &record.tool);
                tracing::info!(subject, tool, approved, "a call was decided about on the page");
                Ok(())
            }
            false => Err(DecideError::Decided),
        }
    }
}

fn may_decide(record: &Record, approver: &Approver) -> bool {
    let asked = record.issuer == approver.issuer && record.subject == approver.subject;
    match &record.four_eyes {
        None => asked,
        // Subjects of one name at two issuers may be one person.
        Some(scope) => record.subject != approver.subject && approver.scopes.contains(scope),
    }
}
