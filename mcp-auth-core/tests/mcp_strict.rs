//! The strict reading against serde_json: what is accepted here, serde_json accepts and reads alike.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use bytes::Bytes;
use mcp_auth_core::mcp::{Kind, Limits, Message, MessageKind, Raw, StrictError};
use proptest::prelude::*;
use serde_json::Value;

fn plain(text: &[u8]) -> Result<(), StrictError> {
    Raw::parse(text, &Limits::default()).map(|_| ())
}

fn parse(text: &str) -> Result<Message, &'static str> {
    Message::parse(&Bytes::copy_from_slice(text.as_bytes()), &Limits::default()).map_err(|error| error.kind())
}

fn call(params: &str) -> Result<Message, &'static str> {
    parse(&format!(r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{params}}}"#))
}

#[test]
fn what_parsers_read_differently_is_refused() {
    let kinds: &[(&[u8], &str)] = &[
        (b"", "empty"),
        (b" \n\t\r ", "empty"),
        (b"\xEF\xBB\xBF{}", "byte_order_mark"),
        (b"{\"a\":\"\xFF\"}", "not_utf8"),
        (b"{\"a\":\"\xED\xA0\x80\"}", "not_utf8"),
        (b"{} {}", "trailing_data"),
        (b"{}\0", "trailing_data"),
        (br#"{"a":1,"a":2}"#, "duplicate_key"),
        (br#"{"a":1,"\u0061":2}"#, "duplicate_key"),
        (br#"[{"x":{"a":1,"b":[],"a":1}}]"#, "duplicate_key"),
        (br#"{"":1,"":2}"#, "duplicate_key"),
        (br#"{"/":1,"\/":2}"#, "duplicate_key"),
        (br#"{"\ud83d\ude00":1,"\uD83D\uDE00":2}"#, "duplicate_key"),
        ("{\"\u{1F600}\":1,\"\\ud83d\\ude00\":2}".as_bytes(), "duplicate_key"),
        (br#"{"$serde_json::private::RawValue":"1"}"#, "private_key"),
        (br#"[{"$serde_json::private::Number":"1"}]"#, "private_key"),
        (br#"{"\u0024serde_json::private::x":"1"}"#, "private_key"),
        (br#""\ud800""#, "invalid_escape"),
        (br#""\ud800\u0041""#, "invalid_escape"),
        (br#""\udc00""#, "invalid_escape"),
        (br#""\ud800x""#, "invalid_escape"),
        (br#""\x""#, "invalid_escape"),
        (br#""\u12g4""#, "invalid_escape"),
        (br#""\u+123""#, "invalid_escape"),
        (b"\"\x01\"", "control_character"),
        (b"\"a long enough text to be looked at in blocks\n of sixteen\"", "control_character"),
        (b"1e999", "number_out_of_range"),
        (b"-1e309", "number_out_of_range"),
        (b"01", "syntax"),
        (b"[01]", "syntax"),
        (b"[1,]", "syntax"),
        (b"[,1]", "syntax"),
        (b"{\"a\":1,}", "syntax"),
        (b"{,}", "syntax"),
        (b"{\"a\"}", "syntax"),
        (b"{a:1}", "syntax"),
        (b"{'a':1}", "syntax"),
        (b"[1 2]", "syntax"),
        (b"nul", "syntax"),
        (b"NaN", "syntax"),
        (b"[Infinity]", "syntax"),
        (b"\"abc", "syntax"),
        (b"[1", "syntax"),
        (b"]", "syntax"),
        (b"/* */1", "syntax"),
        ("\u{A0}1".as_bytes(), "syntax"),
    ];
    for (text, kind) in kinds {
        assert_eq!(plain(text).unwrap_err().kind(), *kind, "{}", String::from_utf8_lossy(text));
    }
    assert_eq!(plain(format!("1{}", "0".repeat(400)).as_bytes()).unwrap_err().kind(), "number_out_of_range");
}

#[test]
fn ordinary_json_is_accepted() {
    for text in [
        "0",
        "-0",
        "1.5e-7",
        "null",
        "true",
        " [ ] ",
        "{}",
        r#"{"a":{"a":{"a":[1,2,{"a":""}]}}}"#,
        r#""\"\\\/\b\f\n\r\t\u0000\u20ac\ud83d\ude00""#,
        r#"[1e-999,123456789012345678901234567890]"#,
        r#"{"a":1,"A":2}"#,
        "\"\u{7f}\u{2028}\"",
    ] {
        assert_eq!(plain(text.as_bytes()), Ok(()), "{text}");
        serde_json::from_str::<Value>(text).unwrap();
    }
}

#[test]
fn depth_and_size_are_bounded() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert_eq!(plain(nested(64).as_bytes()), Ok(()));
    assert_eq!(plain(nested(65).as_bytes()).unwrap_err().kind(), "too_deep");
    assert_eq!(plain(nested(3_000_000).as_bytes()[..3_000_000].as_ref()).unwrap_err().kind(), "too_deep");
    // However high the limit is set, serde_json must still follow.
    let deep = Limits::default().with_max_depth(usize::MAX);
    assert!(Raw::parse(nested(Limits::DEEPEST).as_bytes(), &deep).is_ok());
    serde_json::from_str::<Value>(&nested(Limits::DEEPEST)).unwrap();
    assert!(Raw::parse(nested(Limits::DEEPEST + 1).as_bytes(), &deep).is_err());
    let small = Limits::default().with_max_bytes(3);
    assert_eq!(Raw::parse(b"1234", &small).unwrap_err().kind(), "too_large");
}

#[test]
fn many_keys_are_compared_in_good_time() {
    let mut text: String = (0..200_000).map(|i| format!("\"k{i}\":0,")).collect();
    text = format!("{{{text}\"k7\":0}}");
    let limits = Limits::default().with_max_bytes(16 << 20);
    let started = std::time::Instant::now();
    assert_eq!(Raw::parse(text.as_bytes(), &limits).unwrap_err().kind(), "duplicate_key");
    // Pairwise comparison would take minutes.
    assert!(started.elapsed().as_secs() < 20);
}

#[test]
fn the_protocols_keys_have_one_spelling() {
    for bad in [
        r#"{"name":"a","Name":"b"}"#,
        r#"{"NAME":"b"}"#,
        r#"{"name":"a","Arguments":{}}"#,
        r#"{"name":"a","argument\u017f":{}}"#,
        "{\"name\":\"a\",\"argument\u{17F}\":{}}",
        "{\"task\":\"a\",\"tas\u{212A}\":{}}",
        r#"{"_Meta":{}}"#,
        r#"{"N\u0061me":"a"}"#,
        r#"{"_meta":{"Traceparent":"x"}}"#,
        r#"{"_meta":{"io.modelcontextprotocol/ProtocolVersion":"2026-07-28"}}"#,
        r#"{"ref":{"type":"ref/prompt","name":"a","Name":"b"}}"#,
        r#"{"notifications":{"ResourceSubscriptions":[]}}"#,
    ] {
        assert_eq!(call(bad).unwrap_err(), "case_variant", "{bad}");
    }
    for bad in [
        r#"{"jsonrpc":"2.0","id":1,"method":"ping","Method":"tools/call"}"#,
        r#"{"jsonrpc":"2.0","ID":1,"method":"ping"}"#,
        r#"{"JSONRPC":"2.0","id":1,"method":"ping"}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"ping","Params":{}}"#,
        r#"{"jsonrpc":"2.0","id":1,"re\u017Fult":{}}"#,
    ] {
        assert_eq!(parse(bad).unwrap_err(), "case_variant", "{bad}");
    }
    // A tool's own arguments have no such rule.
    assert!(call(r#"{"name":"a","arguments":{"Name":1,"name":2,"_Meta":{"Traceparent":1}}}"#).is_ok());
}

/// JSON texts with the things that go wrong: few keys, escapes, odd numbers, odd spaces.
fn json_text() -> impl Strategy<Value = String> {
    let string = prop_oneof![
        Just(r#""a""#.to_owned()),
        Just(r#""\u0061""#.to_owned()),
        Just(r#""name""#.to_owned()),
        Just(r#""n\u0061me""#.to_owned()),
        Just(r#""Name""#.to_owned()),
        Just(r#""_meta""#.to_owned()),
        Just(r#""\ud83d\ude00""#.to_owned()),
        Just(r#""\ud83d""#.to_owned()),
        Just(r#""$serde_json::private::RawValue""#.to_owned()),
        any::<String>().prop_map(|text| Value::from(text).to_string()),
        "[a-z\\\\\"]{0,6}".prop_map(|text| format!("\"{text}\"")),
    ];
    let number = "-?[0-9]{1,25}(\\.[0-9]{1,25})?([eE][+-]?[0-9]{1,4})?";
    let space = prop_oneof![8 => Just(""), 1 => Just(" "), 1 => Just("\n\t\r")];
    let leaf = prop_oneof![string.clone(), number, Just("null".to_owned()), Just("true".to_owned())];
    leaf.prop_recursive(5, 40, 5, move |inner| {
        let spaced = (space.clone(), inner, space.clone())
            .prop_map(|(before, value, behind)| [before, &value, behind].concat());
        let member = (string.clone(), space.clone(), spaced.clone())
            .prop_map(|(key, space, value)| format!("{space}{key}{space}:{value}"));
        prop_oneof![
            prop::collection::vec(spaced, 0..5).prop_map(|items| format!("[{}]", items.join(","))),
            prop::collection::vec(member, 0..5).prop_map(|members| format!("{{{}}}", members.join(","))),
        ]
    })
}

/// The value as serde_json would build it, but through the views, each of which says where in `text` it stands.
fn rebuild(text: &str, raw: Raw<'_>) -> Value {
    assert_eq!(text.as_bytes()[raw.span().range()], *raw.bytes());
    match raw.kind() {
        Kind::Object => {
            raw.members().map(|member| (member.key.into_owned(), rebuild(text, member.value))).collect()
        }
        Kind::Array => raw.items().map(|item| rebuild(text, item)).collect(),
        Kind::String => raw.as_str().unwrap().into_owned().into(),
        Kind::Number => raw.as_number().unwrap().parse().map(Value::Number).unwrap(),
        Kind::Bool => raw.as_bool().unwrap().into(),
        Kind::Null => Value::Null,
    }
}

/// True if some object has one key twice, found with serde_json's own parser.
fn has_duplicates(text: &str) -> bool {
    use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
    struct Check(bool);
    struct Walk;
    impl<'de> Visitor<'de> for Walk {
        type Value = Check;
        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("json")
        }
        fn visit_bool<E>(self, _: bool) -> Result<Check, E> {
            Ok(Check(false))
        }
        fn visit_i64<E>(self, _: i64) -> Result<Check, E> {
            Ok(Check(false))
        }
        fn visit_u64<E>(self, _: u64) -> Result<Check, E> {
            Ok(Check(false))
        }
        fn visit_f64<E>(self, _: f64) -> Result<Check, E> {
            Ok(Check(false))
        }
        fn visit_str<E>(self, _: &str) -> Result<Check, E> {
            Ok(Check(false))
        }
        fn visit_unit<E>(self) -> Result<Check, E> {
            Ok(Check(false))
        }
        fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Check, A::Error> {
            let mut found = false;
            while let Some(Check(inner)) = seq.next_element()? {
                found |= inner;
            }
            Ok(Check(found))
        }
        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Check, A::Error> {
            let mut seen = std::collections::HashSet::new();
            let mut found = false;
            while let Some((key, Check(inner))) = map.next_entry::<String, Check>()? {
                found |= inner | !seen.insert(key);
            }
            Ok(Check(found))
        }
    }
    impl<'de> Deserialize<'de> for Check {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            deserializer.deserialize_any(Walk)
        }
    }
    serde_json::from_str::<Check>(text).is_ok_and(|check| check.0)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn accepted_means_read_alike(text in json_text()) {
        let duplicates = has_duplicates(&text);
        match Raw::parse(text.as_bytes(), &Limits::default()) {
            Ok(raw) => {
                prop_assert!(!duplicates);
                let value: Value = serde_json::from_str(&text).expect("serde_json accepts what is accepted here");
                prop_assert_eq!(rebuild(&text, raw), value);
            }
            // The other way round only the named reasons may refuse what serde_json accepts.
            Err(error) if serde_json::from_str::<Value>(&text).is_ok() => {
                prop_assert!(
                    matches!(
                        error,
                        StrictError::DuplicateKey(_) | StrictError::PrivateKey(_) | StrictError::NumberOutOfRange(_)
                    ),
                    "{} refused: {}", text, error
                );
            }
            Err(_) => {}
        }
    }

    #[test]
    fn arbitrary_bytes_never_pass_what_serde_refuses(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        if plain(&bytes).is_ok() {
            prop_assert!(serde_json::from_slice::<Value>(&bytes).is_ok());
        }
    }

    #[test]
    fn method_name_and_arguments_are_those_of_serde(
        name in json_text(), arguments in json_text(), extra in json_text(), id in json_text(),
    ) {
        let text = format!(
            r#"{{"id":{id},"jsonrpc":"2.0","params":{{"x":{extra},"arguments":{arguments},"name":{name}}},"method":"tools\/call"}}"#
        );
        if let Ok(message) = parse(&text) {
            let value: Value = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(message.method(), value["method"].as_str());
            prop_assert_eq!(message.param("name").map(|raw| rebuild(&text, raw)), value["params"].get("name").cloned());
            prop_assert_eq!(message.arguments().map(|raw| rebuild(&text, raw)), value["params"].get("arguments").cloned());
            prop_assert_eq!(message.param("x").map(|raw| rebuild(&text, raw)), value["params"].get("x").cloned());
            let is_request = matches!(message.kind(), MessageKind::Request { .. });
            prop_assert!(is_request);
            let id: Value = serde_json::from_slice(message.id().unwrap().json()).unwrap();
            prop_assert_eq!(&id, &value["id"]);
            prop_assert!(id.is_i64() || id.is_string());
        }
    }

    #[test]
    fn a_duplicate_is_refused_wherever_it_stands(
        before in 0_usize..30, between in 0_usize..30, depth in 0_usize..40, key in "[a-z]{1,4}",
    ) {
        let filler = |from: usize, n: usize| (from..from + n).map(|i| format!("\"F{i}\":0,")).collect::<String>();
        let object = format!("{{{}\"{key}\":1,{}\"{key}\":2}}", filler(0, before), filler(100, between));
        let text = format!("{}{object}{}", "[".repeat(depth), "]".repeat(depth));
        let refused = matches!(plain(text.as_bytes()), Err(StrictError::DuplicateKey(_)));
        prop_assert!(refused);
    }
}
