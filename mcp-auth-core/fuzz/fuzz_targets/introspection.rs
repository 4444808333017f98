//! Reading an introspection answer never panics, and whatever is taken says that the token is good here and now.
//!
//! The input is taken as an answer, and as members of one that is good without them.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;

#[path = "../../tests/oracle/introspection.rs"]
mod oracle;

use oracle::Reader;

static READERS: LazyLock<[Reader; 2]> = LazyLock::new(|| [true, false].map(Reader::new));

fuzz_target!(|bytes: &[u8]| {
    let [strict, lenient] = &*READERS;
    let good = br#"{"active":true,"sub":"ada","#.as_slice();
    let more = [good, bytes, b"}"].concat();
    for answer in [bytes, &more] {
        let (taken, without_audience) = (strict.takes(answer), lenient.takes(answer));
        assert!(!taken || without_audience);
    }
});
