//! The grammar and the range of numbers.

use super::StrictError;

/// The largest decimal exponent of a number that every reader keeps finite, with room for their rounding.
const LARGEST_EXPONENT: i64 = 307;

/// The length of the number at the start of `bytes`, which stands at `at` in the text.
///
/// # Errors
/// Not a number of RFC 8259 section 6, or 1e308 and beyond.
#[inline]
pub(super) fn number_length(bytes: &[u8], at: usize) -> Result<usize, StrictError> {
    plain_integer(bytes).map_or_else(|| any_number(bytes, at), Ok)
}

/// The usual case: an integer that nobody can find too large. `None` for whatever else.
#[inline]
fn plain_integer(bytes: &[u8]) -> Option<usize> {
    let sign = usize::from(bytes.first() == Some(&b'-'));
    let mut end = sign;
    while matches!(bytes.get(end), Some(b'0'..=b'9')) {
        end += 1;
    }
    let whole = end - sign;
    let is_plain = (1..=18).contains(&whole)
        && !matches!(bytes.get(end), Some(b'.' | b'e' | b'E'))
        && (whole == 1 || bytes.get(sign) != Some(&b'0'));
    is_plain.then_some(end)
}

fn any_number(bytes: &[u8], at: usize) -> Result<usize, StrictError> {
    let sign = usize::from(bytes.first() == Some(&b'-'));
    let whole = digits(bytes, sign);
    let leading_zero = bytes.get(sign) == Some(&b'0');
    if whole == 0 || (leading_zero && whole > 1) {
        return Err(StrictError::Syntax(at + sign));
    }
    let mut end = sign + whole;
    let mut magnitude = (!leading_zero).then(|| length(whole) - 1);
    if bytes.get(end) == Some(&b'.') {
        let fraction = digits(bytes, end + 1);
        if fraction == 0 {
            return Err(StrictError::Syntax(at + end));
        }
        if magnitude.is_none() {
            let zeros = bytes.iter().skip(end + 1).take(fraction).take_while(|byte| **byte == b'0').count();
            magnitude = (zeros < fraction).then(|| -length(zeros) - 1);
        }
        end += 1 + fraction;
    }
    if matches!(bytes.get(end), Some(b'e' | b'E')) {
        let signed = matches!(bytes.get(end + 1), Some(b'+' | b'-'));
        let start = end + 1 + usize::from(signed);
        let count = digits(bytes, start);
        if count == 0 {
            return Err(StrictError::Syntax(at + end));
        }
        let exponent = exponent(bytes.get(start..start + count).unwrap_or_default());
        let exponent = if bytes.get(end + 1) == Some(&b'-') { -exponent } else { exponent };
        magnitude = magnitude.map(|magnitude| magnitude.saturating_add(exponent));
        end = start + count;
    }
    if magnitude.is_some_and(|magnitude| magnitude > LARGEST_EXPONENT) {
        return Err(StrictError::NumberOutOfRange(at));
    }
    Ok(end)
}

fn digits(bytes: &[u8], from: usize) -> usize {
    let rest = bytes.get(from..).unwrap_or_default();
    rest.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(rest.len())
}

fn length(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn exponent(digits: &[u8]) -> i64 {
    digits.iter().fold(0_i64, |value, digit| value.saturating_mul(10).saturating_add(i64::from(digit - b'0')))
}

/// A number as sign, digits without zeros at either end, and exponent: equal exactly if the numbers are equal.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Decimal {
    negative: bool,
    digits: Vec<u8>,
    exponent: i64,
}

impl Decimal {
    /// Reads a whole text; `None` if it is anything but one number.
    pub(crate) fn parse(text: &[u8]) -> Option<Self> {
        if number_length(text, 0).ok()? != text.len() {
            return None;
        }
        let (mantissa, power) = match text.iter().position(|byte| matches!(byte, b'e' | b'E')) {
            Some(at) => (text.get(..at)?, text.get(at + 1..)?),
            None => (text, &[][..]),
        };
        let (sign, power) = match power.split_first() {
            Some((b'-', rest)) => (-1, rest),
            Some((b'+', rest)) => (1, rest),
            _ => (1, power),
        };
        let fraction =
            mantissa.iter().position(|byte| *byte == b'.').map_or(0, |dot| mantissa.len() - dot - 1);
        let mut all: Vec<u8> = mantissa.iter().copied().filter(u8::is_ascii_digit).collect();
        let mut exponent = (exponent(power) * sign).saturating_sub(length(fraction));
        while all.last() == Some(&b'0') {
            all.pop();
            exponent = exponent.saturating_add(1);
        }
        let digits: Vec<u8> = all.into_iter().skip_while(|digit| *digit == b'0').collect();
        if digits.is_empty() {
            return Some(Self { negative: false, digits, exponent: 0 });
        }
        Some(Self { negative: text.first() == Some(&b'-'), digits, exponent })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn range_is_decided_by_magnitude() {
        for good in
            ["0", "-0", "1e307", "9.99e307", "0.001e310", "0e999999999999999999999", "1e-999", "-12.50E+3"]
        {
            assert_eq!(number_length(good.as_bytes(), 0), Ok(good.len()), "{good}");
        }
        for bad in ["1e308", "1e999", "-1e999", "0.1e309", "10e307", "1e99999999999999999999999"] {
            assert_eq!(number_length(bad.as_bytes(), 7), Err(StrictError::NumberOutOfRange(7)), "{bad}");
        }
        for bad in ["", "-", "01", "1.", "1.e3", "1e", "1e+", ".5", "+1", "-a"] {
            assert!(matches!(number_length(bad.as_bytes(), 0), Err(StrictError::Syntax(_))), "{bad}");
        }
    }

    #[test]
    fn decimals_compare_by_value() {
        let same = |left: &str, right: &str| {
            Decimal::parse(left.as_bytes()).unwrap() == Decimal::parse(right.as_bytes()).unwrap()
        };
        assert!(
            same("42", "42.0")
                && same("4.2e1", "42")
                && same("-0", "0")
                && same("100", "1E2")
                && same("0.0", "0e7")
        );
        assert!(!same("42", "-42") && !same("9007199254740993", "9007199254740992") && !same("1", "10"));
        assert_eq!(Decimal::parse(b"42 "), None);
        assert_eq!(Decimal::parse(b"0x10"), None);
    }
}
