//! Cleans what a service said before it is shown or kept: known secrets in all their spellings, anything that looks
//! like a token, control characters; then it is cut.
use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use regex::Regex;

const LONGEST: usize = 500;
/// No more bytes are looked at: an answer may have megabytes, and no secret is longer.
const LOOKED_AT: usize = 64 * 1024;
/// Shorter texts are no secrets: they would be found everywhere.
const SHORTEST: usize = 4;
const BLOT: &str = "•••";

/// What is secret by its name or by its look. What stands before and behind it (groups 1 and 2) stays.
static SHAPES: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    [
        r"(?s)()-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\z)",
        // `"access_token": "…"`, and the same within a text of JSON.
        r#"(?i)("[a-z_-]*(?:token|secret|password|assertion|signature|key)"\s*:\s*")(?:[^"\\]|\\.)+"#,
        r#"(?i)(\\+"[a-z_-]*(?:token|secret|password|assertion|signature|key)\\+"\s*:\s*\\+")[^"\\]+"#,
        // `token=…`
        r#"(?i)\b((?:code|[a-z_]*(?:token|secret|password|assertion|signature|key))=)[^&\s"<>]+"#,
        // Headers, with any scheme or none.
        r#"(?i)\b(authorization["']?\s*[:=]\s*["']?)(?:[a-z]+\s+)?[^\s"',;]+"#,
        r#"(?i)\b((?:x-[a-z-]*(?:key|token|secret|signature)|api-key|(?:set-)?cookie)["']?\s*[:=]\s*["']?)[^"'\n]+"#,
        r"(?i)\b((?:bearer|basic)\s+)[A-Za-z0-9._~+/=-]{8,}",
        // `https://user:…@host`
        r"(?i)\b([a-z][a-z0-9+.-]*://[^\s/@:]*:)[^\s/@]+(@)",
        r"()\beyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]*",
        // What services begin their tokens with, so that such are found when they leak.
        r"()\b(?:xox[a-z]-|gh[a-z]_|github_pat_|shp[a-z]{2}_|[rs]k_(?:live|test)_|ntn_|AKIA|ASIA|AIza|EAA|ya29\.|SG\.)[\w.-]{8,}",
        r"()\b[A-Za-z0-9_-]{40,}\b",
    ]
    .iter()
    .filter_map(|pattern| Regex::new(pattern).ok())
    .collect()
});

/// At most 500 characters of `text`, without `secrets`.
pub fn clean(text: &str, secrets: &[&str]) -> String {
    let mut spellings: Vec<String> =
        secrets.iter().flat_map(|secret| pieces(secret)).flat_map(spellings).collect();
    // The longest first: a secret may begin with another one.
    spellings.sort_by_key(|spelling| std::cmp::Reverse(spelling.len()));
    let start = beginning(text);
    let is_cut = start.len() < text.len();
    let mut text = start.to_owned();
    for spelling in spellings {
        text = text.replace(&spelling, BLOT);
    }
    text = text.chars().map(|c| if c.is_control() && c != '\n' { ' ' } else { c }).collect();
    for shape in SHAPES.iter() {
        text = shape.replace_all(&text, format!("${{1}}{BLOT}${{2}}")).into_owned();
    }
    if is_cut {
        // Half a secret would be known to nobody: it may stand where the beginning ended, behind the last blot.
        let known = text.rfind(BLOT).map_or(0, |at| at + BLOT.len());
        let end = text.char_indices().nth(LONGEST).map_or(known, |(end, _)| end);
        text.truncate(end);
    }
    // The cut comes last, for the same reason.
    let cut: String = text.chars().take(LONGEST).collect();
    if is_cut || cut.len() < text.len() { format!("{cut}…") } else { cut }
}

/// The part of a text that is looked at, up to the end of a character.
pub fn beginning(text: &str) -> &str {
    let mut end = text.len().min(LOOKED_AT);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}

/// The secret, and of one with many lines (a key) each long line.
fn pieces(secret: &str) -> impl Iterator<Item = &str> {
    let lines = secret
        .lines()
        .map(str::trim)
        .filter(|line| line.len() >= 16 && line.len() < secret.trim().len());
    std::iter::once(secret.trim()).filter(|secret| secret.len() >= SHORTEST).chain(lines)
}

/// As it may come back in an address, in JSON, in HTML, or packed into base64 with something before it.
fn spellings(secret: &str) -> Vec<String> {
    let form: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
    let address = form.replace('+', "%20");
    let percent: String = secret.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let html = secret
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;");
    let json = in_json(secret);
    let mut all = vec![
        secret.to_owned(),
        html.replace('\'', "&#39;"),
        html,
        in_json(&json),
        json.replace('/', "\\/"),
        json,
    ];
    all.extend([
        in_small_hex(&form),
        in_small_hex(&address),
        in_small_hex(&percent),
        form,
        address,
        percent,
    ]);
    all.push(STANDARD.encode(secret));
    all.extend((0..3).flat_map(|before| {
        [in_base64(&STANDARD_NO_PAD, secret, before), in_base64(&URL_SAFE_NO_PAD, secret, before)]
    }));
    all.retain(|spelling| spelling.len() >= SHORTEST);
    all
}

fn in_json(text: &str) -> String {
    let quoted = serde_json::to_string(text).unwrap_or_default();
    quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or_default().to_owned()
}

/// `%2F` → `%2f`
fn in_small_hex(encoded: &str) -> String {
    let mut parts = encoded.split('%');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| match part.split_at_checked(2) {
        Some((hex, rest)) => format!("{text}%{}{rest}", hex.to_ascii_lowercase()),
        None => format!("{text}%{part}"),
    })
}

/// The characters of base64 that are the secret's alone when so many bytes (modulo 3) stand before it.
fn in_base64(engine: &impl Engine, secret: &str, before: usize) -> String {
    let bytes: Vec<u8> = std::iter::repeat_n(0, before).chain(secret.bytes()).collect();
    let (first, end) = ((before * 8).div_ceil(6), bytes.len() * 8 / 6);
    engine
        .encode(&bytes)
        .get(first..end)
        .filter(|core| core.len() >= 8)
        .unwrap_or_default()
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_secrets_are_blotted_out_however_they_are_spelled() {
        let secret = "pa ss/w\"ord";
        for said in [
            "pa ss/w\"ord",
            "pa+ss%2Fw%22ord",
            "pa%20ss%2Fw%22ord",
            "pa ss/w\\\"ord",
            &STANDARD.encode(secret),
        ] {
            let cleaned = clean(&format!("<{said}>"), &[secret]);
            assert_eq!(cleaned, "<•••>", "{said}");
        }
    }

    #[test]
    fn what_looks_like_a_token_is_blotted_out() {
        let said = r#"{"error":"invalid_grant","refresh_token":"abc123"} Authorization: Bearer abcdefgh12345678"#;
        let cleaned = clean(said, &[]);
        assert!(
            cleaned.contains("invalid_grant")
                && !cleaned.contains("abc123")
                && !cleaned.contains("abcdefgh"),
            "{cleaned}"
        );
    }

    #[test]
    fn long_texts_are_cut_between_characters() {
        assert_eq!(clean(&"é ".repeat(600), &[]).chars().count(), LONGEST + 1);
    }
}
