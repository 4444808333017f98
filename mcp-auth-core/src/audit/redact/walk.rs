//! One value, from the reader's text into the record's buffer.

use super::super::intent::Shown;
use super::super::line::push_display;
use super::super::personal::Sealer;
use super::Redactor;
use super::names::{self, Name};
use super::rules::At;
use crate::mcp::{Kind, Raw};

/// Deeper values are cut.
const DEEPEST: usize = 16;
/// A value that is larger than this is not looked into below `SHALLOW`: each level costs a pass over it.
const LARGE: usize = 64 << 10;
const SHALLOW: usize = 3;

pub(super) struct Walk<'r, 'o, 's> {
    redactor: &'r Redactor,
    /// `None` also within what is sealed as a whole.
    sealer: Option<Sealer<'r>>,
    out: &'o mut Vec<u8>,
    /// The rules of the whole value.
    root: Option<At<'s>>,
    /// Where the buffer may end.
    until: usize,
    /// What is looked at are URIs of resources.
    uris: bool,
}

impl<'r, 'o, 's> Walk<'r, 'o, 's> {
    pub(super) fn run(
        redactor: &'r Redactor,
        sealer: Option<Sealer<'r>>,
        out: &'o mut Vec<u8>,
        shown: Shown<'s>,
        most_bytes: usize,
    ) {
        let until = out.len() + most_bytes;
        let root = shown.rules.map(super::Rules::root);
        Self { redactor, sealer, out, root, until, uris: false }.value(shown.value, root, 0);
    }

    fn is_full(&self) -> bool {
        self.out.len() >= self.until
    }

    fn put(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
    }

    fn cut(&mut self, raw: Raw<'_>) {
        self.put("\"[cut: ");
        push_display(self.out, raw.bytes().len());
        self.put(" bytes]\"");
    }

    fn value(&mut self, raw: Raw<'_>, at: Option<At<'_>>, depth: usize) {
        if at.is_some_and(At::is_secret) {
            return self.put("\"[redacted: schema]\"");
        }
        if self.sealer.is_some() && at.is_some_and(At::is_personal) {
            return self.sealed(|walk| walk.plain(raw, at, depth));
        }
        self.plain(raw, at, depth);
    }

    /// Seals what `write` writes.
    fn sealed(&mut self, write: impl FnOnce(&mut Self)) {
        let (sealer, from) = (self.sealer.take(), self.out.len());
        write(self);
        if let Some(sealer) = &sealer {
            sealer.seal(self.out, from);
        }
        self.sealer = sealer;
    }

    fn plain(&mut self, raw: Raw<'_>, at: Option<At<'_>>, depth: usize) {
        match raw.kind() {
            Kind::String => {
                let text = raw.as_str().unwrap_or_default();
                let room = self.until.saturating_sub(self.out.len());
                let longest = self.redactor.longest_text.min(room);
                match self.uris.then(|| text.find(['?', '#'])).flatten() {
                    Some(query) => {
                        self.redactor.push_text(self.out, text.get(..query).unwrap_or_default(), longest);
                        self.out.pop();
                        self.put("?[redacted: query]\"");
                    }
                    None => self.redactor.push_text(self.out, &text, longest),
                }
            }
            Kind::Object | Kind::Array
                if depth >= DEEPEST || (depth > SHALLOW && raw.bytes().len() > LARGE) =>
            {
                self.cut(raw);
            }
            Kind::Object => self.object(raw, at, depth),
            Kind::Array => self.array(raw, at, depth),
            // A number's spelling may have any length.
            Kind::Number if raw.bytes().len() > 64 => self.cut(raw),
            Kind::Number | Kind::Bool | Kind::Null => self.out.extend_from_slice(raw.bytes()),
        }
    }

    fn object(&mut self, raw: Raw<'_>, at: Option<At<'_>>, depth: usize) {
        self.put("{");
        let mut left_out = 0_usize;
        let mut first = true;
        for member in raw.members() {
            if self.is_full() {
                left_out += 1;
                continue;
            }
            if !first {
                self.put(",");
            }
            first = false;
            let name = names::of(&member.key);
            if name == Name::Harmless {
                self.put("\"");
                self.put(&member.key);
                self.put("\":");
            } else {
                self.redactor.push_text(self.out, &member.key, 128);
                self.put(":");
            }
            let inside = at.and_then(|at| at.member(&member.key));
            let lifted = inside.is_some_and(At::is_plain);
            let secret = !member.value.is_null()
                && !lifted
                && (name == Name::Secret
                    || self.redactor.is_own_name(&member.key)
                    || self.is_value_of_secret(raw, &member.key));
            self.uris = matches!(&*member.key, "uri" | "resourceSubscriptions");
            if secret {
                self.put("\"[redacted: name]\"");
            } else if self.is_personal(raw, &member.key) {
                self.sealed(|walk| walk.value(member.value, inside, depth + 1));
            } else {
                self.value(member.value, inside, depth + 1);
            }
        }
        self.uris = false;
        if left_out > 0 {
            self.put(if first { "\"[cut]\":" } else { ",\"[cut]\":" });
            push_display(self.out, left_out);
        }
        self.put("}");
    }

    /// `{"name": "DB_PASSWORD", "value": …}`, and `{"field": "password", "before": …, "after": …}` of a preview: secret by its name,
    /// or by the schema of the member that is named.
    fn is_value_of_secret(&self, object: Raw<'_>, key: &str) -> bool {
        is_value_of(object, key, |name| {
            self.named(name).is_some_and(At::is_secret) || self.redactor.is_secret_name(name)
        })
    }

    /// The same for what is personal.
    fn is_personal(&self, object: Raw<'_>, key: &str) -> bool {
        self.sealer.is_some_and(|sealer| {
            sealer.is_personal_name(key)
                || is_value_of(object, key, |name| {
                    self.named(name).is_some_and(At::is_personal) || sealer.is_personal_name(name)
                })
        })
    }

    /// What the schema of the whole says of the member of this name.
    fn named(&self, name: &str) -> Option<At<'s>> {
        self.root?.member(name)
    }

    fn array(&mut self, raw: Raw<'_>, at: Option<At<'_>>, depth: usize) {
        self.put("[");
        let inside = at.and_then(At::item);
        let mut left_out = 0_usize;
        for (index, item) in raw.items().enumerate() {
            if index >= self.redactor.most_items || self.is_full() {
                left_out += 1;
                continue;
            }
            if index > 0 {
                self.put(",");
            }
            self.value(item, inside, depth + 1);
        }
        if left_out > 0 {
            if self.out.last() != Some(&b'[') {
                self.put(",");
            }
            self.put("\"[cut: ");
            push_display(self.out, left_out);
            self.put(" items]\"");
        }
        self.put("]");
    }
}

/// Whether `key` holds the value of something that another member of `object` names.
fn is_value_of(object: Raw<'_>, key: &str, named: impl Fn(&str) -> bool) -> bool {
    ["value", "before", "after", "old", "new"].iter().any(|word| key.eq_ignore_ascii_case(word))
        && ["name", "key", "field", "variable"]
            .iter()
            .any(|word| object.get(word).and_then(Raw::as_str).is_some_and(|name| named(&name)))
}
