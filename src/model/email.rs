//! An e-mail address: enough of a check to catch slips; the owner proves it by using it.
use super::problems::Complaint;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Email(String);

impl Email {
    pub fn parse(text: &str) -> Result<Self, Complaint> {
        let text = text.trim();
        if text.is_empty() {
            return Err(Complaint::Required);
        }
        if text.len() > 254 {
            return Err(Complaint::TooLong { max: 254 });
        }
        let Some((local, domain)) = text.rsplit_once('@') else {
            return Err(Complaint::NotAnEmail);
        };
        let is_clean = |part: &str| {
            !part.is_empty() && !part.chars().any(|c| c.is_whitespace() || c.is_control())
        };
        if is_clean(local)
            && is_clean(domain)
            && !local.contains('@')
            && !domain.starts_with('.')
            && !domain.ends_with('.')
        {
            Ok(Self(text.to_owned()))
        } else {
            Err(Complaint::NotAnEmail)
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn folded(&self) -> String {
        super::name::fold(&self.0)
    }
}
