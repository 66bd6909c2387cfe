//! Characters of JSON as they are shown: texts without escapes, values without spaces.
use std::str::Chars;

/// Returns how deep arrays and objects are nested.
pub(super) fn depth(json: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    let (mut is_text, mut is_escaped) = (false, false);
    for byte in json.bytes() {
        if is_text {
            is_text = is_escaped || byte != b'"';
            is_escaped = !is_escaped && byte == b'\\';
            continue;
        }
        match byte {
            b'"' => is_text = true,
            b'[' | b'{' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

/// The characters of a JSON text between its quotes. Half a surrogate pair becomes U+FFFD.
pub(super) struct Unescaped<'a>(Chars<'a>);

impl<'a> Unescaped<'a> {
    pub fn of(text: &'a str) -> Self {
        Self(text.chars())
    }
}

impl Iterator for Unescaped<'_> {
    type Item = char;

    fn next(&mut self) -> Option<char> {
        let character = self.0.next()?;
        if character != '\\' {
            return Some(character);
        }
        Some(match self.0.next()? {
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => self.surrogate_pair(),
            plain => plain,
        })
    }
}

impl Unescaped<'_> {
    /// Behind `\u`: four digits, and `\uXXXX` again if they are the first half of a pair.
    fn surrogate_pair(&mut self) -> char {
        let first = self.four_digits();
        let mut ahead = Unescaped(self.0.clone());
        let is_pair = (0xd800..0xdc00).contains(&first)
            && ahead.0.next() == Some('\\')
            && ahead.0.next() == Some('u');
        if is_pair {
            let second = ahead.four_digits();
            if (0xdc00..0xe000).contains(&second) {
                *self = ahead;
                let both = 0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00);
                return char::from_u32(both).unwrap_or(char::REPLACEMENT_CHARACTER);
            }
        }
        char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER)
    }

    fn four_digits(&mut self) -> u32 {
        let digits = self.0.by_ref().take(4).filter_map(|digit| digit.to_digit(16));
        digits.fold(0, |number, digit| number << 4 | digit)
    }
}

/// JSON without the spaces between its tokens.
pub(super) struct Compact<'a> {
    json: Chars<'a>,
    is_text: bool,
    is_escaped: bool,
}

impl<'a> Compact<'a> {
    pub fn of(json: &'a str) -> Self {
        Self { json: json.chars(), is_text: false, is_escaped: false }
    }
}

impl Iterator for Compact<'_> {
    type Item = char;

    fn next(&mut self) -> Option<char> {
        let character = if self.is_text {
            self.json.next()?
        } else {
            self.json.find(|character| !character.is_ascii_whitespace())?
        };
        if self.is_escaped {
            self.is_escaped = false;
        } else if self.is_text && character == '\\' {
            self.is_escaped = true;
        } else if character == '"' {
            self.is_text = !self.is_text;
        }
        Some(character)
    }
}
