//! Text from data, made safe to show beside our own words.
//!
//! 1. Nothing that cannot be seen: control characters, bidi controls, zero-width characters, tags and fillers become
//!    `�`, so that they are noticed; line ends and tabs become a space.
//! 2. Nothing that a client could take for markup: brackets, back ticks, stars and tildes are replaced by characters
//!    that look alike, entities and links are broken.
//! 3. Nothing unbounded: a cut is always said.

/// What stands for a character that must not be shown.
const HIDDEN: char = '\u{FFFD}';

/// `text`, safe to show, with at most `most` characters; a cut says how much is missing.
pub(super) fn safe(text: &str, most: usize) -> String {
    let mut out = String::with_capacity(text.len().min(most) + 16);
    let mut characters = text.chars();
    for character in characters.by_ref().take(most) {
        match character {
            '&' => out.push('\u{FF06}'),
            // `//` after a colon makes a link in many clients, whatever the scheme is.
            '/' if out.ends_with(':') => out.push_str(" /"),
            // And so does this, without any scheme.
            '.' if ends_with_www(&out) => out.push('\u{2024}'),
            _ => out.push(shown(character)),
        }
    }
    let missing = characters.count();
    if missing > 0 {
        out.push_str(&format!("… ({missing} more characters)"));
    }
    out
}

/// The same, in quotation marks that the text cannot close.
pub(super) fn quoted(text: &str, most: usize) -> String {
    format!("\"{}\"", safe(text, most))
}

fn ends_with_www(text: &str) -> bool {
    text.len().checked_sub(3).and_then(|at| text.get(at..)).is_some_and(|end| end.eq_ignore_ascii_case("www"))
}

fn shown(character: char) -> char {
    match character {
        '\n' | '\r' | '\t' | '\u{2028}' | '\u{2029}' | '\u{85}' | '\u{B}' | '\u{C}' => ' ',
        '<' => '‹',
        '>' => '›',
        '[' => '⟦',
        ']' => '⟧',
        '`' => '′',
        '*' => '∗',
        '~' => '∼',
        '"' | '“' | '”' | '„' => '\'',
        hidden if is_hidden(hidden) => HIDDEN,
        other => other,
    }
}

/// Characters that show nothing, or change how their neighbours are shown.
fn is_hidden(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{AD}' | '\u{34F}' | '\u{61C}' | '\u{115F}'..='\u{1160}' | '\u{17B4}'..='\u{17B5}'
            | '\u{180B}'..='\u{180F}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}'
            | '\u{2060}'..='\u{206F}' | '\u{2800}' | '\u{3164}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}'
            | '\u{FFA0}' | '\u{FFF0}'..='\u{FFFB}' | '\u{1BCA0}'..='\u{1BCA3}'
            | '\u{1D173}'..='\u{1D17A}' | '\u{E0000}'..='\u{E0FFF}')
}
