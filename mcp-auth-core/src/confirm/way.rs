//! How a call is confirmed, and by which way this client can be asked.
//!
//! 1. The rule says what is wanted; the client's declared capabilities and era say what is possible; [`choose`] joins
//!    them and asks nothing else.
//! 2. A client that cannot do what is wanted is refused, unless the rule names another step.
//! 3. A stronger way may stand in for what is wanted, a weaker one never does by itself.

use serde::{Deserialize, Serialize};

use crate::mcp::{Era, Kind, Raw, Revision};

/// What a call needs before it runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Confirmation {
    /// Nothing.
    #[default]
    None,
    /// A second call that repeats a token from the first. A model can do both: it proves two steps, not a person.
    TwoStep,
    /// The client asks its user. The client vouches for the answer.
    Elicit,
    /// A signed-in person decides on a page of this service.
    Approve,
}

/// What happens with a client that cannot do what is wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fallback {
    /// The call is refused.
    #[default]
    Refuse,
    /// Two steps are enough.
    TwoStep,
    /// A signed-in person decides on a page.
    Approve,
}

/// What has to be typed, to the letter. A "yes" is too easily said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phrase {
    /// `CONFIRM`
    Confirm,
    /// `DELETE CONFIRM`
    DeleteConfirm,
}

impl Phrase {
    /// The words.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Confirm => "CONFIRM",
            Self::DeleteConfirm => "DELETE CONFIRM",
        }
    }

    /// True for the words themselves; white space around them is forgiven, nothing else.
    #[must_use]
    pub fn is(self, typed: &str) -> bool {
        typed.trim() == self.as_str()
    }
}

/// The way that a question takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Way {
    /// No question.
    Free,
    /// A form in an `InputRequiredResult` (2026-07-28).
    Mrtr,
    /// `elicitation/create` on the open stream of a session (2025-06-18, 2025-11-25).
    Elicitation,
    /// A token that the next call repeats.
    TwoStep,
    /// A page; the link travels in an `InputRequiredResult` (2026-07-28).
    PageByMrtr,
    /// A page; the link travels in the error -32042 (2025-11-25).
    PageByError,
    /// A page; the link travels in the text of a tool's result.
    PageByText,
    /// The client cannot be asked.
    Refused,
}

impl Way {
    /// A stable word for records and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Free => "none",
            Self::Mrtr => "mrtr",
            Self::Elicitation => "elicitation",
            Self::TwoStep => "two_step",
            Self::PageByMrtr | Self::PageByError | Self::PageByText => "approval",
            Self::Refused => "refused",
        }
    }

    /// What somebody has done who went this way.
    pub(super) const fn proves(self) -> Confirmation {
        match self {
            Self::Free | Self::Refused => Confirmation::None,
            Self::TwoStep => Confirmation::TwoStep,
            Self::Mrtr | Self::Elicitation => Confirmation::Elicit,
            Self::PageByMrtr | Self::PageByError | Self::PageByText => Confirmation::Approve,
        }
    }

    /// True where a person decides on a page.
    #[must_use]
    pub const fn is_page(self) -> bool {
        matches!(self, Self::PageByMrtr | Self::PageByError | Self::PageByText)
    }
}

/// What the client of one request can do, as it declared itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Client {
    /// The era of the request; in a session its negotiated revision.
    pub era: Era,
    /// It is in a session that a question could be asked in, and accepts event streams.
    pub in_session: bool,
    /// It shows forms.
    pub form: bool,
    /// It opens links that its user agrees to.
    pub url: bool,
}

impl Client {
    /// A client that declared `capabilities`: of this request in the modern era, of its `initialize` in a session.
    #[must_use]
    pub fn new(era: Era, in_session: bool, capabilities: Option<Raw<'_>>) -> Self {
        let elicitation = capabilities
            .and_then(|capabilities| capabilities.get("elicitation"))
            .filter(|elicitation| elicitation.kind() == Kind::Object);
        let declares = |mode| {
            elicitation
                .and_then(|elicitation| elicitation.get(mode))
                .is_some_and(|mode| mode.kind() == Kind::Object)
        };
        let url = declares("url");
        // Without a mode it means forms, and up to 2025-06-18 there is nothing else.
        let form = elicitation.is_some() && (declares("form") || !url);
        Self { era, in_session, form, url }
    }

    /// The way to a form, where there is one.
    fn form_way(self) -> Option<Way> {
        match self.era {
            _ if !self.form => None,
            Era::Modern => Some(Way::Mrtr),
            Era::Legacy(revision) if revision >= Revision::V2025_06_18 && self.in_session => {
                Some(Way::Elicitation)
            }
            Era::Legacy(_) => None,
        }
    }

    /// The way of a link to a page: every client can show a text.
    fn page_way(self) -> Way {
        match self.era {
            Era::Modern if self.url => Way::PageByMrtr,
            Era::Legacy(revision) if revision >= Revision::V2025_11_25 && self.url && self.in_session => {
                Way::PageByError
            }
            _ => Way::PageByText,
        }
    }
}

/// The way by which `client` is asked for what is `wanted`. `has_page` says whether the service has an approval page.
#[must_use]
pub fn choose(wanted: Confirmation, fallback: Fallback, client: Client, has_page: bool) -> Way {
    let page = has_page.then(|| client.page_way());
    let way = match wanted {
        Confirmation::None => Some(Way::Free),
        Confirmation::TwoStep => Some(Way::TwoStep),
        // A page is stronger than a form, and a client that opens links only can show nothing else.
        Confirmation::Elicit => client.form_way().or_else(|| page.filter(|_| client.url)),
        Confirmation::Approve => page,
    };
    way.unwrap_or(match fallback {
        Fallback::Refuse => Way::Refused,
        Fallback::TwoStep => Way::TwoStep,
        Fallback::Approve => page.unwrap_or(Way::Refused),
    })
}
