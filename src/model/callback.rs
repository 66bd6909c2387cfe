//! The query of a callback, as the provider sent it: a name may have come more than once.

/// Decoded names and values, in order. Never `Debug`: one of them is the code.
#[derive(Clone, Default)]
pub struct CallbackParams(Vec<(String, String)>);

impl CallbackParams {
    /// Reads a query string, without its question mark.
    pub fn parse(query: &str) -> Self {
        Self(url::form_urlencoded::parse(query.as_bytes()).into_owned().collect())
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The value of `name`. Callers that trust it ask [`CallbackParams::is_repeated`] first.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter().find(|(key, _)| *key == name).map(|(_, value)| value)
    }

    /// Whether `name` came more than once, which RFC 6749 (3.1) forbids: of two values nobody knows which is meant.
    pub fn is_repeated(&self, name: &str) -> bool {
        self.iter().filter(|(key, _)| *key == name).count() > 1
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

impl FromIterator<(String, String)> for CallbackParams {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(pairs: I) -> Self {
        Self(pairs.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_came_twice_is_known_whatever_its_spelling() {
        let params = CallbackParams::parse("code=a+b&st%61te=x&state=x&iss=");
        assert_eq!(params.get("code"), Some("a b"));
        assert_eq!(params.get("iss"), Some(""));
        assert_eq!(params.get("error"), None);
        assert!(params.is_repeated("state") && !params.is_repeated("code"));
    }
}
