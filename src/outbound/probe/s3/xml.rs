//! The little of S3's XML that is read: texts of named elements.

/// The inner text of each `<name>` element, as it stands.
pub(super) fn all<'a>(xml: &'a str, name: &str) -> Vec<&'a str> {
    let (open, close) = (format!("<{name}"), format!("</{name}>"));
    let mut found = Vec::new();
    let mut rest = xml;
    while let Some((_, after)) = rest.split_once(open.as_str()) {
        rest = after;
        // `<Key` begins `<KeyCount>`, too.
        if !after.starts_with(['>', ' ', '\t', '\n', '\r']) {
            continue;
        }
        let Some((head, inner)) = after.split_once('>') else {
            break;
        };
        if head.ends_with('/') {
            continue;
        }
        let Some((text, after)) = inner.split_once(close.as_str()) else {
            break;
        };
        found.push(text);
        rest = after;
    }
    found
}

/// The text of the first such element, decoded.
pub(super) fn first(xml: &str, name: &str) -> Option<String> {
    all(xml, name).first().map(|text| decoded(text.trim()))
}

fn decoded(text: &str) -> String {
    let mut parts = text.split('&');
    let mut whole = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let named = part.split_once(';').and_then(|(name, rest)| Some((entity(name)?, rest)));
        match named {
            Some((character, rest)) => {
                whole.push(character);
                whole.push_str(rest);
            }
            None => {
                whole.push('&');
                whole.push_str(part);
            }
        }
    }
    whole
}

fn entity(name: &str) -> Option<char> {
    match name {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        other => {
            let digits = other.strip_prefix('#')?;
            let code = digits
                .strip_prefix('x')
                .map_or_else(|| digits.parse(), |hex| u32::from_str_radix(hex, 16));
            char::from_u32(code.ok()?)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_found_and_their_texts_decoded() {
        let xml = "<R xmlns=\"x\"><KeyCount>2</KeyCount><Contents><Key>a&amp;b&#x27;</Key></Contents><Contents><Key/></Contents></R>";
        assert_eq!(all(xml, "Contents").len(), 2);
        assert_eq!(first(xml, "Key").as_deref(), Some("a&b'"));
        assert_eq!(first(xml, "Region"), None);
        assert_eq!(first("<Key>a & b &nope; c</Key>", "Key").as_deref(), Some("a & b &nope; c"));
    }
}
