//! One value, from the reader's text into the record's buffer.

use super::super::intent::Shown;
use super::super::line::push_display;
use super::super::personal::Sealer;
use super::names::{self, Name};
use super::rules::At;
use super::{Redactor, Rules};
use crate::mcp::{Kind, Raw};

/// Deeper values are cut.
const DEEPEST: usize = 16;
/// A value that is larger than this is not looked into below `SHALLOW`: each level costs a pass over it.
const LARGE: usize = 64 << 10;
const SHALLOW: usize = 3;

/// Members that name something, and members that hold what is named, in any letter case: `{"name": "DB_PASSWORD", "value": …}`,
/// `{"path": "/password", "value": …}` of a patch, `{"field": "password", "before": …, "after": …}` of a preview.
const NAMING: [&str; 7] = ["name", "key", "field", "variable", "property", "header", "path"];
const HOLDING: [&str; 5] = ["value", "before", "after", "old", "new"];

fn is_one_of(words: &[&str], key: &str) -> bool {
    words.iter().any(|word| key.eq_ignore_ascii_case(word))
}

/// What a member holds of which another one says the name.
#[derive(Clone, Copy, Default)]
struct Named {
    secret: bool,
    personal: bool,
}

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
    /// What is walked over is the inside of a text: whatever is personal in it makes the text so, and nothing is sealed here.
    is_text: bool,
    /// Something personal was met in it.
    met: bool,
}

impl<'r, 'o, 's> Walk<'r, 'o, 's> {
    pub(super) fn run(
        redactor: &'r Redactor,
        sealer: Option<Sealer<'r>>,
        out: &'o mut Vec<u8>,
        shown: Shown<'s>,
        most_bytes: usize,
    ) {
        Self::new(redactor, sealer, out, shown, most_bytes).value(
            shown.value,
            shown.rules.map(Rules::root),
            0,
        );
    }

    /// The same for JSON that is the inside of a text; true if something in it is personal.
    pub(super) fn text(
        redactor: &'r Redactor,
        sealer: Option<Sealer<'r>>,
        out: &'o mut Vec<u8>,
        json: Raw<'s>,
        most_bytes: usize,
    ) -> bool {
        let mut walk =
            Self { is_text: true, ..Self::new(redactor, sealer, out, Shown::new(json, None), most_bytes) };
        walk.value(json, None, 0);
        walk.met
    }

    fn new(
        redactor: &'r Redactor,
        sealer: Option<Sealer<'r>>,
        out: &'o mut Vec<u8>,
        shown: Shown<'s>,
        most_bytes: usize,
    ) -> Self {
        let (until, root) = (out.len() + most_bytes, shown.rules.map(Rules::root));
        Self { redactor, sealer, out, root, until, uris: false, is_text: false, met: false }
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
        self.sealer = sealer;
        self.seal(from);
    }

    fn seal(&mut self, from: usize) {
        match &self.sealer {
            Some(_) if self.is_text => self.met = true,
            Some(sealer) => sealer.seal(self.out, from),
            None => {}
        }
    }

    fn plain(&mut self, raw: Raw<'_>, at: Option<At<'_>>, depth: usize) {
        match raw.kind() {
            Kind::String => {
                let text = raw.as_str().unwrap_or_default();
                let room = self.until.saturating_sub(self.out.len());
                let longest = self.redactor.longest_text.min(room);
                match self.uris.then(|| text.find(['?', '#'])).flatten() {
                    Some(query) => {
                        let text = text.get(..query).unwrap_or_default();
                        self.redactor.push_text(self.out, text, longest, None);
                        self.out.pop();
                        self.put("?[redacted: query]\"");
                    }
                    None => {
                        let from = self.out.len();
                        if self.redactor.push_text(self.out, &text, longest, self.sealer) {
                            self.seal(from);
                        }
                    }
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
        // Once for all members that could hold what another one names: each look is a pass over the object.
        let mut named = None;
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
                self.redactor.push_text(self.out, &member.key, 128, None);
                self.put(":");
            }
            let inside = at.and_then(|at| at.member(&member.key));
            let lifted = inside.is_some_and(At::is_plain);
            let named = match is_one_of(&HOLDING, &member.key) {
                true => *named.get_or_insert_with(|| self.named_in(raw)),
                false => Named::default(),
            };
            let secret = !member.value.is_null()
                && !lifted
                && (name == Name::Secret || self.redactor.is_own_name(&member.key) || named.secret);
            let personal =
                named.personal || self.sealer.is_some_and(|sealer| sealer.is_personal_name(&member.key));
            self.uris = matches!(&*member.key, "uri" | "resourceSubscriptions");
            if secret {
                self.put("\"[redacted: name]\"");
            } else if personal {
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

    /// What the members that name something say of it: by its name, by the steps of its path, or by the schema of what is named.
    fn named_in(&self, object: Raw<'_>) -> Named {
        #[cfg(test)]
        tests::ASKED.set(tests::ASKED.get() + 1);
        let mut named = Named::default();
        for member in object.members().filter(|member| is_one_of(&NAMING, &member.key)) {
            let Some(name) = member.value.as_str() else { continue };
            for name in name.split(['/', '.']).chain([&*name]) {
                let at = self.named(name);
                named.secret |= at.is_some_and(At::is_secret) || self.redactor.is_secret_name(name);
                named.personal |= self
                    .sealer
                    .is_some_and(|sealer| at.is_some_and(At::is_personal) || sealer.is_personal_name(name));
            }
        }
        named
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::cell::Cell;

    use super::*;
    use crate::mcp::Limits;

    thread_local! {
        /// How often an object was asked for the names in it.
        pub(super) static ASKED: Cell<usize> = const { Cell::new(0) };
    }

    /// One look takes as long as the object is large, and some spelling of a word is a member of its own.
    #[test]
    fn each_object_is_asked_once_for_the_names_in_it() {
        let spellings = (0..32_u32).map(|upper| {
            let letters = "value".chars().enumerate();
            let spelt = letters
                .map(|(n, letter)| if upper >> n & 1 == 1 { letter.to_ascii_uppercase() } else { letter });
            format!("\"{}\":0,", spelt.collect::<String>())
        });
        let members: String = spellings.collect();
        let text = format!("{{{members}\"x\":{{{members}\"name\":\"pin\"}}}}");
        let value = Raw::parse(text.as_bytes(), &Limits::default()).unwrap();
        let redacted = Redactor::default().redact(Shown::new(value, None));
        assert_eq!(String::from_utf8_lossy(&redacted).matches("[redacted: name]").count(), 32);
        assert_eq!(ASKED.get(), 2);
    }
}
