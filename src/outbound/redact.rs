//! Cleans what a service said before it is shown or kept.
/// Known secrets are blotted out; the rest is cut.
pub fn clean(text: &str, secrets: &[&str]) -> String {
    let mut text = text.to_owned();
    for secret in secrets.iter().filter(|secret| secret.len() >= 4) {
        text = text.replace(secret, "•••");
    }
    text.chars().take(500).collect()
}
