//! Strict base64url without padding (RFC 7515, section 2), by whatever vectors the processor has.

use base64::Engine as _;
use base64::engine::general_purpose::NO_PAD;

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
static ENGINE: base64::engine::GeneralPurpose = base64::engine::general_purpose::URL_SAFE_NO_PAD;

#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
static ENGINE: std::sync::LazyLock<base64::engine::Simd> =
    std::sync::LazyLock::new(|| base64::engine::Simd::url_safe(NO_PAD));

/// Decodes `text` to the start of `out`, and says how many bytes it was. `None` if it is no base64url, or if `out` is too short.
pub(crate) fn decode_to(text: &str, out: &mut [u8]) -> Option<usize> {
    ENGINE.decode_slice(text, out).ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::indexing_slicing)]
    use super::*;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    #[test]
    fn it_is_as_strict_as_the_plain_one() {
        let bytes: Vec<u8> = (0..=255).cycle().take(700).collect();
        for length in 0..bytes.len() {
            let text = URL_SAFE_NO_PAD.encode(&bytes[..length]);
            let mut out = vec![0; text.len()];
            assert_eq!(decode_to(&text, &mut out), Some(length));
            assert_eq!(out[..length], bytes[..length]);
            for at in (0..text.len()).step_by(7) {
                for wrong in ["+", "/", "=", " ", "\n", "\0", "."] {
                    let mut text = text.clone();
                    text.replace_range(at..=at, wrong);
                    assert_eq!(decode_to(&text, &mut out), None, "{text}");
                }
            }
        }
        assert_eq!(decode_to("QQ==", &mut [0; 8]), None, "padding");
        assert_eq!(decode_to("QR", &mut [0; 8]), None, "bits that say nothing");
        assert_eq!(decode_to("QUJD", &mut [0; 2]), None, "too short");
    }
}
