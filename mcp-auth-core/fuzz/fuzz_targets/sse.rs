//! The rewriter's output does not depend on how the stream is cut, and a hidden tool never gets through.
//!
//! The first byte is the size of the pieces.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use mcp_auth_core::mcp::{Limits, ListKind, Message, SseError, SseRewriter, filter_list};

fn run(stream: &[u8], size: usize) -> (Vec<u8>, Option<SseError>) {
    let request = Bytes::from_static(br#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#);
    let id = Message::parse(&request, &Limits::default()).ok().and_then(|message| message.id().cloned());
    let mut rewriter = SseRewriter::new(id.expect("an id"), 1 << 16, |body: &Bytes| {
        filter_list(body, ListKind::Tools, true, |name| name != "h")
    });
    let mut out = Vec::new();
    for chunk in stream.chunks(size) {
        match rewriter.push(chunk) {
            Ok(bytes) => out.extend_from_slice(&bytes),
            Err(error) => return (out, Some(error)),
        }
    }
    match rewriter.finish() {
        Ok(bytes) => out.extend_from_slice(&bytes),
        Err(error) => return (out, Some(error)),
    }
    (out, None)
}

fuzz_target!(|bytes: &[u8]| {
    let Some((size, stream)) = bytes.split_first() else { return };
    let (whole, error) = run(stream, stream.len().max(1));
    let (pieces, piecewise) = run(stream, usize::from(*size).max(1));
    assert_eq!(error, piecewise);
    if error.is_none() {
        assert_eq!(whole, pieces);
        // What came out is itself a stream that passes unchanged.
        assert_eq!(run(&whole, 7), (whole, None));
    }
});
