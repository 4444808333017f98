//! Editing scanned JSON by cutting bytes.

use super::raw::{Kind, Raw};

/// Changes members of one object inside `body` and leaves every byte outside that object as it is.
///
/// Each edit names a key: with a value, the member is replaced, or added at the end if it is absent; without one, it
/// is removed. A value must be JSON. Members that stay keep their key and value byte for byte; white space between
/// members is not kept. Edits of anything but an object change nothing.
#[must_use]
pub fn edit_members(body: &[u8], object: Raw<'_>, edits: &[(&str, Option<&[u8]>)]) -> Vec<u8> {
    if object.kind() != Kind::Object {
        return body.to_vec();
    }
    let edit = |key: &str| edits.iter().find(|(name, _)| *name == key).map(|(_, value)| *value);
    let mut inside = Vec::with_capacity(object.bytes().len());
    let mut put = |key: &[u8], value: &[u8]| {
        inside.push(if inside.is_empty() { b'{' } else { b',' });
        inside.extend_from_slice(key);
        inside.push(b':');
        inside.extend_from_slice(value);
    };
    for member in object.members() {
        match edit(&member.key) {
            None => put(member.raw_key, member.value.bytes()),
            Some(Some(value)) => put(member.raw_key, value),
            Some(None) => {}
        }
    }
    for (key, value) in edits {
        if let Some(value) = value
            && object.get(key).is_none()
        {
            put(serde_json::Value::from(*key).to_string().as_bytes(), value);
        }
    }
    if inside.is_empty() {
        inside.push(b'{');
    }
    inside.push(b'}');
    replace(body, &[(object, &inside)])
}

/// `body` with each value replaced; the values must stand in the order of the body and not overlap.
pub(super) fn replace(body: &[u8], changes: &[(Raw<'_>, &[u8])]) -> Vec<u8> {
    let mut out = Vec::with_capacity(body.len() + 32);
    let mut at = 0;
    for (value, new) in changes {
        let range = value.span().range();
        out.extend_from_slice(body.get(at..range.start).unwrap_or_default());
        out.extend_from_slice(new);
        at = range.end;
    }
    out.extend_from_slice(body.get(at..).unwrap_or_default());
    out
}
