//! What is taken as a credential is one bounded ASCII token of one header, and none comes out of a query.
//!
//! The input is the query, then one line for each `Authorization` header.
#![no_main]

use http::{HeaderMap, HeaderValue, Uri, header::AUTHORIZATION};
use libfuzzer_sys::fuzz_target;
use mcp_auth_core::Credential;

const MAX_TOKEN: usize = 16 * 1024;

fuzz_target!(|bytes: &[u8]| {
    let mut lines = bytes.split(|byte| *byte == b'\n');
    let query = lines.next().and_then(|query| std::str::from_utf8(query).ok()).unwrap_or_default();
    let Ok(uri) = Uri::try_from(format!("/mcp?{query}")) else { return };
    let mut headers = HeaderMap::new();
    for line in lines {
        if let Ok(value) = HeaderValue::from_bytes(line) {
            headers.append(AUTHORIZATION, value);
        }
    }
    match Credential::from_request(&headers, &uri) {
        Ok(Some(credential)) => {
            let token = credential.expose_token();
            assert_eq!(headers.len(), 1);
            assert!(!token.is_empty() && token.len() <= MAX_TOKEN && token.bytes().all(|byte| byte.is_ascii_graphic()));
            assert!(headers[AUTHORIZATION].as_bytes().ends_with(token.as_bytes()));
            assert!(!query.split('&').any(|pair| pair.split('=').next() == Some("access_token")));
        }
        Ok(None) => assert!(headers.is_empty()),
        Err(_) => {}
    }
});
