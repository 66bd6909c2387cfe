//! A name that people gave: trimmed, 1 to 120 characters, no control characters.
use super::problems::Complaint;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name(String);

pub const NAME_MAX: usize = 120;

impl Name {
    pub fn parse(text: &str) -> Result<Self, Complaint> {
        let text = text.trim();
        if text.is_empty() {
            return Err(Complaint::Required);
        }
        if text.chars().count() > NAME_MAX {
            return Err(Complaint::TooLong { max: NAME_MAX });
        }
        if text.chars().any(char::is_control) {
            return Err(Complaint::Control);
        }
        Ok(Self(text.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// For search and for uniqueness; both databases compare the same text.
    pub fn folded(&self) -> String {
        fold(&self.0)
    }
}

pub fn fold(text: &str) -> String {
    text.to_lowercase()
}
