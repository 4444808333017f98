//! Names whose values are secret, however they are spelled: `apiKey`, `api_key`, `X-API-KEY`.

/// Secret wherever they stand in a name; found by their first two letters.
fn inside(rest: &[u8]) -> &'static [&'static str] {
    match rest {
        [b'p', b'a', ..] => &["password", "passwd", "passphrase", "passwort"],
        [b'p', b'r', ..] => &["privatekey"],
        [b's', b'e', ..] => &["secret", "sessionid"],
        [b's', b'i', ..] => &["signingkey"],
        [b'a', b'p', ..] => &["apikey"],
        [b'a', b'c', ..] => &["accesskey"],
        [b'a', b'u', ..] => &["authorization"],
        [b'c', b'r', ..] => &["credential"],
        [b'c', b'o', ..] => &["connectionstring"],
        [b'e', b'n', ..] => &["encryptionkey"],
        [b'k', b'e', ..] => &["kennwort"],
        [b'r', b'e', ..] => &["recoverycode"],
        _ => &[],
    }
}

/// Secret at the end of a name.
const AT_END: [&str; 5] = ["token", "cookie", "jwt", "pwd", "dsn"];
/// Secret as the whole name.
const WHOLE: [&str; 11] =
    ["pass", "pin", "otp", "totp", "cvv", "cvc", "codeverifier", "sessid", "auth", "sig", "requeststate"];
/// Longer names are not looked at and taken for secret.
const LONGEST: usize = 128;

/// Whether what `name` holds is secret.
pub(super) fn is_secret(name: &str) -> bool {
    let mut plain = [0; LONGEST];
    if name.len() > LONGEST {
        return true;
    }
    let mut length = 0;
    let folded = name.bytes().filter(u8::is_ascii_alphanumeric).map(|byte| byte.to_ascii_lowercase());
    for (place, byte) in plain.iter_mut().zip(folded) {
        *place = byte;
        length += 1;
    }
    let Some(plain) = plain.get(..length).filter(|plain| plain.len() > 2) else { return false };
    WHOLE.iter().any(|word| plain == word.as_bytes())
        || AT_END.iter().any(|word| plain.ends_with(word.as_bytes()))
        || (0..plain.len().saturating_sub(5)).any(|at| {
            let rest = plain.get(at..).unwrap_or_default();
            inside(rest).iter().any(|word| rest.starts_with(word.as_bytes()))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_a_secret() {
        for name in [
            "password",
            "newPassword",
            "DB_PASSWORD",
            "X-Api-Key",
            "client_secret",
            "access_token",
            "Cookie",
            "pin",
        ] {
            assert!(is_secret(name), "{name}");
        }
        for name in
            ["name", "title", "max_tokens", "keyboard", "pinned", "id", "", "author", "description", "status"]
        {
            assert!(!is_secret(name), "{name}");
        }
    }
}
