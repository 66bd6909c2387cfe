//! Cleans what a service said before it is shown or kept: known secrets in all their spellings, anything that looks
//! like a token, control characters; then it is cut.
use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use regex::Regex;

const LONGEST: usize = 500;
const BLOT: &str = "•••";

/// `"access_token": "…"`, `token=…`, `Bearer …`, and texts with the shape of a token.
static SHAPES: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    [
        r#"(?i)("[a-z_]*(?:token|secret|password|assertion|signature|code|key)"\s*:\s*")[^"]+"#,
        r"(?i)\b((?:access_token|refresh_token|id_token|client_secret|password|code|token|api_key)=)[^&\s]+",
        r"(?i)\b((?:bearer|basic)\s+)[A-Za-z0-9._~+/=-]{8,}",
        r"()\beyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]*",
        r"()\b[A-Za-z0-9_-]{40,}\b",
    ]
    .iter()
    .filter_map(|pattern| Regex::new(pattern).ok())
    .collect()
});

/// At most 500 characters of `text`, without `secrets`.
pub fn clean(text: &str, secrets: &[&str]) -> String {
    let mut text: String = text.chars().map(|c| if c.is_control() && c != '\n' { ' ' } else { c }).collect();
    let mut spellings: Vec<String> =
        secrets.iter().filter(|secret| secret.len() >= 4).flat_map(|secret| spellings(secret)).collect();
    // The longest first: a secret may begin with another one.
    spellings.sort_by_key(|spelling| std::cmp::Reverse(spelling.len()));
    for spelling in spellings {
        text = text.replace(&spelling, BLOT);
    }
    for shape in SHAPES.iter() {
        text = shape.replace_all(&text, format!("${{1}}{BLOT}")).into_owned();
    }
    let cut: String = text.chars().take(LONGEST).collect();
    if cut.len() < text.len() { format!("{cut}…") } else { cut }
}

fn spellings(secret: &str) -> Vec<String> {
    let encoded: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
    let json = serde_json::to_string(secret).unwrap_or_default();
    let json = json.trim_matches('"').to_owned();
    vec![secret.to_owned(), encoded.replace('+', "%20"), encoded, STANDARD.encode(secret), URL_SAFE_NO_PAD.encode(secret), json]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_secrets_are_blotted_out_however_they_are_spelled() {
        let secret = "pa ss/w\"ord";
        for said in ["pa ss/w\"ord", "pa+ss%2Fw%22ord", "pa%20ss%2Fw%22ord", "pa ss/w\\\"ord", &STANDARD.encode(secret)] {
            let cleaned = clean(&format!("<{said}>"), &[secret]);
            assert_eq!(cleaned, "<•••>", "{said}");
        }
    }

    #[test]
    fn what_looks_like_a_token_is_blotted_out() {
        let said = r#"{"error":"invalid_grant","refresh_token":"abc123"} Authorization: Bearer abcdefgh12345678"#;
        let cleaned = clean(said, &[]);
        assert!(cleaned.contains("invalid_grant") && !cleaned.contains("abc123") && !cleaned.contains("abcdefgh"), "{cleaned}");
    }

    #[test]
    fn long_texts_are_cut_between_characters() {
        assert_eq!(clean(&"é ".repeat(600), &[]).chars().count(), LONGEST + 1);
    }
}
