//! A message whose headers are accepted as modern says in its body what they say.
//!
//! The input is the body, then lines `version`, `method`, `name`; an empty line leaves the header out.
#![no_main]

use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use libfuzzer_sys::fuzz_target;
use mcp_auth_core::mcp::{Limits, Message, Operation, Target, check};

fuzz_target!(|bytes: &[u8]| {
    let mut parts = bytes.rsplitn(4, |byte| *byte == b'\n');
    let (name, method, version) = (parts.next(), parts.next(), parts.next());
    let Ok(message) = Message::parse(&Bytes::copy_from_slice(parts.next().unwrap_or_default()), &Limits::default())
    else {
        return;
    };
    let mut headers = HeaderMap::new();
    for (key, value) in [("mcp-protocol-version", version), ("mcp-method", method), ("mcp-name", name)] {
        if let Some(value) = value.filter(|value| !value.is_empty())
            && let Ok(value) = HeaderValue::from_bytes(value)
        {
            headers.append(key, value);
        }
    }
    let Ok(era) = check(&headers, &message) else { return };
    let operation = Operation::of(&message, era);
    if era.is_modern() && message.is_request() {
        assert_eq!(message.method().map(str::as_bytes), method);
        if let Ok(operation) = operation
            && let Target::Tool(tool) = &operation.target
            && name.is_some_and(|name| !name.starts_with(b"=?base64?"))
        {
            assert_eq!(Some(tool.as_bytes()), name);
        }
    }
});
