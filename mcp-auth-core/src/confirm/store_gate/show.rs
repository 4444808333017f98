//! What the person is shown.

use std::time::Duration;

use bytes::Bytes;
use tokio::time::timeout;

use super::{Ours, REASON};
use crate::confirm::ask::two_step::TOKEN_ARGUMENT;
use crate::confirm::render;
use crate::confirm::text::{quoted, safe};
use crate::confirm::{Digest, GateRefusal, Preview, PreviewCall, PreviewError};
use crate::mcp::{Raw, edit_members};

/// How long a preview may take.
const PREVIEW_WITHIN: Duration = Duration::from_secs(20);

/// What was seen, and how it is told.
pub(super) struct Shown {
    pub(super) preview: Option<Preview>,
    pub(super) text: String,
    pub(super) seen: Option<Digest>,
}

impl Shown {
    /// How many things the call touches.
    pub(super) fn count(&self) -> u64 {
        self.preview.as_ref().map_or(1, Preview::count)
    }
}

impl Ours<'_> {
    /// Looks at what the call would do; without a preview, at its arguments.
    pub(super) async fn show(&self) -> Result<Shown, GateRefusal> {
        let (rule, message) = (self.call.rule, self.call.message);
        let preview = match &rule.previewer {
            None => None,
            Some(previewer) => {
                let call = PreviewCall::new(self.call, self.forwarded_arguments());
                Some(match timeout(PREVIEW_WITHIN, previewer.preview(call)).await {
                    Ok(Ok(preview)) => preview,
                    Ok(Err(PreviewError::Rejected(why))) => {
                        return Err(GateRefusal::Preview(format!("Not run: {}", safe(&why, 500))));
                    }
                    Ok(Err(PreviewError::Unavailable(why))) => {
                        return Err(GateRefusal::Unavailable(format!("preview: {why}")));
                    }
                    Err(_) => return Err(GateRefusal::Unavailable("preview: it took too long".to_owned())),
                })
            }
        };
        let what = match &preview {
            Some(preview) => preview.text(),
            None => render::arguments(message.arguments(), &[TOKEN_ARGUMENT], &rule.hidden),
        };
        let mut text = format!("Tool: {}\n{what}", safe(self.call.tool, 100));
        let reason = message.meta(REASON).and_then(Raw::as_str);
        if let Some(reason) = reason.filter(|reason| !reason.trim().is_empty()) {
            text.push_str(&format!("\nReason given by the client: {}", quoted(&reason, 200)));
        }
        Ok(Shown { seen: preview.as_ref().map(Preview::seen), preview, text })
    }

    /// The arguments without what is ours.
    pub(super) fn forwarded_arguments(&self) -> Bytes {
        let Some(arguments) = self.call.message.arguments() else { return Bytes::from_static(b"{}") };
        if !self.call.rule.is_active() || arguments.get(TOKEN_ARGUMENT).is_none() {
            return Bytes::copy_from_slice(arguments.bytes());
        }
        let whole = edit_members(self.call.message.body(), arguments, &[(TOKEN_ARGUMENT, None)]);
        // What stands before the arguments is untouched, and what stands behind has its length.
        let range = arguments.span().range();
        let behind = self.call.message.body().len() - range.end;
        let end = whole.len().saturating_sub(behind);
        Bytes::copy_from_slice(whole.get(range.start..end).unwrap_or_default())
    }
}
