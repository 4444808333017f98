//! State that travels through the client, which must be taken for an attacker's.
//!
//! 1. What leaves is `base64url(AES-256-GCM(state))` under a [`KeyRing`]; replicas that share keys open each other's.
//! 2. Inside stand hashes of resource, principal, method, tool and arguments, the state that the preview saw, and an
//!    expiry: each is compared when it comes back, and the first that differs names the [`StateRefusal`].
//! 3. Sealing does not make it good for one use only: its id is written to the store before it counts, and an id
//!    that is there already is refused.
//! 4. The state of a tool that asks questions of its own travels inside ours, together with the confirmation of its call: as it was
//!    given, but of a preview too long for that only the version.

use std::fmt;
use std::time::Duration;

use aws_lc_rs::rand;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use subtle::ConstantTimeEq;

use super::{Confirmed, Digest, Preview};
use crate::store::{Key, KeyRing, Store, StoreError, StoreExt};
use crate::time::Timestamp;

const LABEL: &[u8] = b"mcp-auth confirmation 2";
const ID: usize = 16;
/// What every state takes before it is sealed.
const FIXED: usize = 3 + ID + 8 + 4 * 32 + 2;
/// The longest text that is decoded.
const MAX_TEXT: usize = 64 * 1024;
/// The longest state of the tool's own that is taken along.
pub(super) const MAX_NESTED: usize = 32 * 1024;
/// The longest confirmation that is taken along.
const MAX_CONFIRMED: usize = 8 * 1024;
/// How much longer than the state its id is remembered: for clocks that disagree.
pub(super) const SLACK: Duration = Duration::from_secs(600);
const USED: &str = "confirmations_used";

/// Why a state that came back does not count. A client is told the same for all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StateRefusal {
    /// Not sealed by us, damaged, or for another purpose.
    #[error("the state was not sealed here")]
    Forged,
    /// Given to another principal, or for another resource.
    #[error("the state was given to somebody else")]
    Principal,
    /// Given for another method or tool.
    #[error("the state was given for another tool")]
    Tool,
    /// Given for other arguments.
    #[error("the state was given for other arguments")]
    Arguments,
    /// Too old.
    #[error("the state has expired")]
    Expired,
    /// Used before.
    #[error("the state was used before")]
    Replayed,
}

impl StateRefusal {
    /// A stable word for records and metrics.
    #[must_use]
    pub const fn kind(self) -> &'static str {
        match self {
            Self::Forged => "state_forged",
            Self::Principal => "state_foreign_principal",
            Self::Tool => "state_foreign_tool",
            Self::Arguments => "state_changed_arguments",
            Self::Expired => "state_expired",
            Self::Replayed => "state_replayed",
        }
    }
}

/// What a state is for; one never stands for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Purpose {
    /// A question was asked in an `InputRequiredResult`.
    Form = 1,
    /// A token of the second step.
    Token = 2,
    /// The call was confirmed, and the tool itself asks.
    Continued = 3,
    /// The form of an approval page.
    Page = 4,
}

/// What a state is bound to: the same for the first call and its repetition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Binding {
    pub(super) principal: Digest,
    pub(super) tool: Digest,
    pub(super) arguments: Digest,
}

impl Binding {
    /// `principal` is the key of the principal; `None` for nobody, who is not the same as one with an empty key.
    pub(super) fn new(
        resource: &str,
        principal: Option<&str>,
        method: &str,
        tool: &str,
        arguments: Digest,
    ) -> Self {
        let known: &[u8] = if principal.is_some() { b"principal" } else { b"anonymous" };
        let key = principal.unwrap_or_default();
        Self {
            principal: Digest::of_parts(b"mcp-auth asked 1", &[resource.as_bytes(), known, key.as_bytes()]),
            tool: Digest::of_parts(b"mcp-auth tool 1", &[method.as_bytes(), tool.as_bytes()]),
            arguments,
        }
    }

    /// One digest for all of it.
    pub(super) fn whole(&self) -> Digest {
        let parts = [self.principal, self.tool, self.arguments];
        let [a, b, c] = parts.each_ref().map(|part| part.as_bytes().as_slice());
        Digest::of_parts(b"mcp-auth call 1", &[a, b, c])
    }

    fn check(&self, sealed: &Self) -> Result<(), StateRefusal> {
        let same = |left: &Digest, right: &Digest| bool::from(left.as_bytes().ct_eq(right.as_bytes()));
        match () {
            () if !same(&self.principal, &sealed.principal) => Err(StateRefusal::Principal),
            () if !same(&self.tool, &sealed.tool) => Err(StateRefusal::Tool),
            () if !same(&self.arguments, &sealed.arguments) => Err(StateRefusal::Arguments),
            () => Ok(()),
        }
    }
}

/// What is sealed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct State {
    pub(super) purpose: Purpose,
    /// How often the same was asked before.
    pub(super) round: u8,
    pub(super) id: [u8; ID],
    pub(super) expires_at: Timestamp,
    /// The state that the preview saw.
    pub(super) seen: Option<Digest>,
    /// Who confirmed the call of a tool that asks itself, where somebody did.
    pub(super) confirmed: Option<Confirmed>,
    /// What the tool behind wants back.
    pub(super) nested: Option<String>,
}

impl State {
    /// A state with an id of its own. `None` without randomness.
    pub(super) fn new(purpose: Purpose, expires_at: Timestamp, seen: Option<Digest>) -> Option<Self> {
        let mut id = [0; ID];
        rand::fill(&mut id).ok()?;
        Some(Self { purpose, round: 0, id, expires_at, seen, confirmed: None, nested: None })
    }

    /// Uses it up; false if that happened before. An error means that it is not known, and it must not count.
    pub(super) async fn consume(&self, store: &dyn Store) -> Result<bool, StoreError> {
        let key = Key::new(USED, "", URL_SAFE_NO_PAD.encode(self.id));
        store.insert_new(&key, &b"1"[..], Some(self.expires_at.plus(SLACK))).await
    }
}

/// Seals and opens states. Cheap to clone.
#[derive(Clone)]
pub(super) struct Seal {
    ring: KeyRing,
}

impl Seal {
    pub(super) const fn new(ring: KeyRing) -> Self {
        Self { ring }
    }

    /// The text that travels; `None` if it is too long, or the key does not work.
    pub(super) fn seal(&self, state: &State, binding: &Binding) -> Option<String> {
        let nested = state.nested.as_deref().unwrap_or_default();
        if nested.len() > MAX_NESTED {
            return None;
        }
        let confirmed = match &state.confirmed {
            Some(confirmed) => shortened(confirmed)?,
            None => Vec::new(),
        };
        let seen = state.seen.map_or([0; 32], |seen| *seen.as_bytes());
        let flags = u8::from(state.seen.is_some()) | (u8::from(state.nested.is_some()) << 1);
        let mut plain = Vec::with_capacity(FIXED + confirmed.len() + nested.len());
        plain.extend_from_slice(&[state.purpose as u8, state.round, flags]);
        plain.extend_from_slice(&state.id);
        plain.extend_from_slice(&state.expires_at.as_millis().to_be_bytes());
        for digest in [&binding.principal, &binding.tool, &binding.arguments] {
            plain.extend_from_slice(digest.as_bytes());
        }
        plain.extend_from_slice(&seen);
        plain.extend_from_slice(&u16::try_from(confirmed.len()).ok()?.to_be_bytes());
        plain.extend_from_slice(&confirmed);
        plain.extend_from_slice(nested.as_bytes());
        Some(URL_SAFE_NO_PAD.encode(self.ring.seal(LABEL, &plain).ok()?))
    }

    /// The state of this text, if it is for one of these `purposes`, this call and this time. It is not used up by that.
    pub(super) fn open(
        &self,
        text: &str,
        purposes: &[Purpose],
        binding: &Binding,
        now: Timestamp,
    ) -> Result<State, StateRefusal> {
        let (state, sealed) = self.read(text).ok_or(StateRefusal::Forged)?;
        if !purposes.contains(&state.purpose) {
            return Err(StateRefusal::Forged);
        }
        binding.check(&sealed)?;
        if state.expires_at <= now { Err(StateRefusal::Expired) } else { Ok(state) }
    }

    fn read(&self, text: &str) -> Option<(State, Binding)> {
        if text.len() > MAX_TEXT {
            return None;
        }
        let plain = self.ring.open(LABEL, &URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
        let mut rest = Reader(&plain);
        let [purpose, round, flags] = rest.take::<3>()?;
        let purpose = [Purpose::Form, Purpose::Token, Purpose::Continued, Purpose::Page]
            .into_iter()
            .find(|known| *known as u8 == purpose)?;
        let id = rest.take::<ID>()?;
        let expires_at = Timestamp::from_millis(u64::from_be_bytes(rest.take::<8>()?));
        let mut digest = || rest.take::<32>().map(Digest::from_bytes);
        let sealed = Binding { principal: digest()?, tool: digest()?, arguments: digest()? };
        let seen = digest()?;
        let seen = (flags & 1 != 0).then_some(seen);
        let length = usize::from(u16::from_be_bytes(rest.take::<2>()?));
        let (confirmed, nested) = rest.0.split_at_checked(length)?;
        let confirmed = if length == 0 { None } else { Some(serde_json::from_slice(confirmed).ok()?) };
        let nested = std::str::from_utf8(nested).ok()?;
        let nested = (flags & 2 != 0).then(|| nested.to_owned());
        Some((State { purpose, round, id, expires_at, seen, confirmed, nested }, sealed))
    }
}

/// A confirmation as it travels; `None` if it is too long without its preview, too.
fn shortened(confirmed: &Confirmed) -> Option<Vec<u8>> {
    let fits = |json: &Vec<u8>| json.len() <= MAX_CONFIRMED;
    let whole = serde_json::to_vec(confirmed).ok()?;
    if fits(&whole) {
        return Some(whole);
    }
    let version = confirmed.preview.as_ref().and_then(|preview| preview.version.as_ref());
    let preview = version.map(|version| Preview::default().version(version));
    serde_json::to_vec(&Confirmed { preview, ..confirmed.clone() }).ok().filter(fits)
}

impl fmt::Debug for Seal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seal")
    }
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*head)
    }
}
