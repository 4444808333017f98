//! What the strict reading accepts, serde_json accepts, with the same method, name and arguments.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use mcp_auth_core::mcp::{Kind, Limits, Message, Raw};
use serde_json::Value;

fn rebuild(raw: Raw<'_>) -> Value {
    match raw.kind() {
        Kind::Object => raw.members().map(|member| (member.key.into_owned(), rebuild(member.value))).collect(),
        Kind::Array => raw.items().map(rebuild).collect(),
        Kind::String => raw.as_str().expect("a string").into_owned().into(),
        Kind::Number => raw.as_number().and_then(|number| number.parse().ok()).map(Value::Number).expect("a number"),
        Kind::Bool => raw.as_bool().expect("a bool").into(),
        Kind::Null => Value::Null,
    }
}

fuzz_target!(|bytes: &[u8]| {
    if let Ok(raw) = Raw::parse(bytes, &Limits::default()) {
        let value: Value = serde_json::from_slice(bytes).expect("serde_json accepts it too");
        assert_eq!(rebuild(raw), value);
    }
    if let Ok(message) = Message::parse(&Bytes::copy_from_slice(bytes), &Limits::default()) {
        let value: Value = serde_json::from_slice(bytes).expect("serde_json accepts it too");
        assert_eq!(message.method(), value["method"].as_str());
        assert_eq!(message.param("name").map(rebuild), value["params"].get("name").cloned());
        assert_eq!(message.arguments().map(rebuild), value["params"].get("arguments").cloned());
    }
});
