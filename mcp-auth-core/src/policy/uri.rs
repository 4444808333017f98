//! How else a URI of a resource might be read by the service behind the guard.
//!
//! 1. A path with a dot segment, or with an empty one that is neither the last nor part of a scheme's `://`, is none: some read it
//!    as another path, or as one that leads out of its folder. `%2e`, `%2f`, `%5c` and `\` count as what they stand for.
//! 2. One with a control character (in its query, an escaped one may stand), or with white space at an end, is none either: a URL's parser
//!    drops it, and `.` tab `.` is two dots again.
//! 3. Escapes, a query or fragment, and a slash at the end may mean nothing to a service. So the URI without them is looked at, too.

use percent_encoding::percent_decode_str;

/// The URI itself, and what else it may be read as; nothing if it is to be read by nobody.
pub(super) fn readings(uri: &str) -> Vec<String> {
    let path = decoded(uri.split(['?', '#']).next().unwrap_or_default());
    // Once unescaped, too: some take the escapes out before they parse.
    let is_as_seen = |text: &str| text.trim() == text && !text.contains(char::is_control);
    if !is_as_seen(uri) || !is_as_seen(&path) || !is_plain(&path) {
        return Vec::new();
    }
    let mut all = vec![uri.to_owned(), decoded(uri)];
    all.extend(path.strip_suffix('/').map(str::to_owned));
    all.push(path);
    all.dedup();
    all
}

fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().replace('\\', "/")
}

fn is_plain(path: &str) -> bool {
    let inner = path.strip_suffix('/').unwrap_or(path);
    // How many slashes more may follow: two behind a scheme, as in `file:///`.
    let mut slashes = 0_u8;
    inner.split('/').all(|segment| {
        let is_fine = if segment.is_empty() { slashes > 0 } else { !matches!(segment, "." | "..") };
        // One letter and a colon is a drive.
        let is_scheme = segment.len() > 2 && segment.ends_with(':');
        slashes = match segment {
            "" => slashes.saturating_sub(1),
            _ => u8::from(is_scheme) * 2,
        };
        is_fine
    })
}
