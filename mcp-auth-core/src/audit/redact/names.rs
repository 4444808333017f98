//! Names whose values are secret, however they are spelled: `apiKey`, `api_key`, `X-API-KEY`.
//!
//! Every member of every value is asked about, and hardly any is secret: the letters of a name tell at a glance which words could be
//! in it, and a name that was met a moment ago is not looked at again.

use std::cell::Cell;
use std::sync::LazyLock;

use super::glance;

/// Secret wherever they stand in a name.
const INSIDE: [&str; 17] = [
    "password",
    "passwd",
    "passphrase",
    "passwort",
    "privatekey",
    "secret",
    "sessionid",
    "signingkey",
    "apikey",
    "accesskey",
    "authorization",
    "credential",
    "connectionstring",
    "encryptionkey",
    "kennwort",
    "recoverycode",
    "passcode",
];
/// Secret at the end of a name.
const AT_END: [&str; 7] = ["token", "cookie", "jwt", "pwd", "dsn", "pass", "pw"];
/// Secret as the whole name. What somebody answered to a question is his own business.
const WHOLE: [&str; 11] = [
    "pin",
    "otp",
    "totp",
    "cvv",
    "cvc",
    "codeverifier",
    "sessid",
    "auth",
    "sig",
    "requeststate",
    "inputresponses",
];
/// Longer names are not looked at and taken for secret.
const LONGEST: usize = 128;

static INSIDE_LETTERS: LazyLock<[u32; 17]> = LazyLock::new(|| INSIDE.map(letters_of));
static AT_END_LETTERS: LazyLock<[u32; 7]> = LazyLock::new(|| AT_END.map(letters_of));
static WHOLE_LETTERS: LazyLock<[u32; 11]> = LazyLock::new(|| WHOLE.map(letters_of));

/// Whether what `name` holds is secret.
pub(super) fn is_secret(name: &str) -> bool {
    if name.len() > LONGEST {
        return true;
    }
    let letters = letters_of(name);
    let could = |words: &[u32]| words.iter().fold(false, |found, word| found | (word & !letters == 0));
    if !(could(&*INSIDE_LETTERS) || could(&*AT_END_LETTERS) || could(&*WHOLE_LETTERS)) {
        return false;
    }
    let (mut plain, mut length) = ([0; LONGEST], 0);
    for (to, byte) in plain.iter_mut().zip(name.bytes().filter(u8::is_ascii_alphanumeric)) {
        *to = byte.to_ascii_lowercase();
        length += 1;
    }
    let plain: &[u8] = plain.get(..length).unwrap_or_default();
    let possible = |words: &'static [&'static str], all: &'static [u32]| {
        let pairs = words.iter().zip(all);
        pairs.filter(move |(_, word)| **word & !letters == 0).map(|(word, _)| word.as_bytes())
    };
    possible(&WHOLE, &*WHOLE_LETTERS).any(|word| plain == word)
        || possible(&AT_END, &*AT_END_LETTERS).any(|word| plain.ends_with(word))
        || possible(&INSIDE, &*INSIDE_LETTERS).any(|word| plain.windows(word.len()).any(|part| part == word))
}

/// How many names are remembered, and how long they may be.
const REMEMBERED: usize = 256;
const LONGEST_REMEMBERED: usize = 31;

/// What a name is at a glance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Name {
    /// No secret, and written as it is.
    Harmless,
    Secret,
    /// No secret by what it says, and to be looked at as any text.
    Strange,
}

#[derive(Clone, Copy)]
struct Known {
    name: [u8; LONGEST_REMEMBERED],
    length: u8,
    is: Name,
}

thread_local! {
    /// Names that this thread met, each at the place that its letters lead to; the empty one at all others. What may be a token is not
    /// kept here.
    static KNOWN: [Cell<Known>; REMEMBERED] = const {
        [const { Cell::new(Known { name: [0; LONGEST_REMEMBERED], length: 0, is: Name::Strange }) }; REMEMBERED]
    };
}

/// What `name` is; one that was met a moment ago is not looked at again.
pub(super) fn of(name: &str) -> Name {
    let bytes = name.as_bytes();
    let place =
        bytes.iter().fold(bytes.len(), |place, byte| place.wrapping_mul(31).wrapping_add(usize::from(*byte)));
    KNOWN.with(|all| {
        let Some(place) = all.get(place % REMEMBERED) else { return look_at(name) };
        let mut known = place.get();
        if known.name.get(..usize::from(known.length)) == Some(bytes) {
            return known.is;
        }
        known.is = look_at(name);
        if let (Some(to), Ok(length)) = (known.name.get_mut(..bytes.len()), u8::try_from(bytes.len()))
            && known.is != Name::Strange
        {
            to.copy_from_slice(bytes);
            known.length = length;
            place.set(known);
        }
        known.is
    })
}

fn look_at(name: &str) -> Name {
    match is_secret(name) {
        true => Name::Secret,
        false if !name.is_empty() && glance::is_plain(name) => Name::Harmless,
        false => Name::Strange,
    }
}

/// The set of a name's letters.
fn letters_of(name: &str) -> u32 {
    let letters = name.bytes().map(|byte| byte | 0x20).filter(u8::is_ascii_lowercase);
    letters.fold(0, |set, letter| set | 1 << (letter - b'a'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_found() {
        for word in INSIDE {
            assert!(is_secret(word) && is_secret(&format!("my-{}_2", word.to_uppercase())), "{word}");
        }
        for word in AT_END {
            assert!(is_secret(word) && is_secret(&format!("my_{word}")), "{word}");
            assert!(!is_secret(&format!("{word}_xyz")), "{word}");
        }
        for word in WHOLE {
            assert!(is_secret(word), "{word}");
        }
    }

    #[test]
    fn what_is_remembered_is_the_same() {
        for _ in 0..3 {
            for name in ["title", "project_id", "a-b", "status", "a b", &"x ".repeat(32)] {
                assert_eq!(of(name), Name::Harmless, "{name}");
            }
            for name in ["password", "db_password", "token", "pin", &"x".repeat(LONGEST + 1)] {
                assert_eq!(of(name), Name::Secret, "{name}");
            }
            for name in ["ä", "", "a\nb", "[x]", &"x".repeat(32)] {
                assert_eq!(of(name), Name::Strange, "{name}");
            }
        }
    }

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
            "DB_PASS",
            "smtpPass",
            "passcode",
            "pw",
            "inputResponses",
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
