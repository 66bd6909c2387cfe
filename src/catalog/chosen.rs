//! A setting of a service file that the person may choose: `client_auth = "{client_auth}"` takes the value of that field.
use std::marker::PhantomData;

use serde::de::value::{Error, StrDeserializer};
use serde::de::{DeserializeOwned, IntoDeserializer};
use serde::{Deserialize, Deserializer};

use super::template;

/// Said in the file, or chosen in a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Chosen<T> {
    Fixed(T),
    /// The key of the field.
    ByField(String, PhantomData<T>),
}

impl<T: Default> Default for Chosen<T> {
    fn default() -> Self {
        Self::Fixed(T::default())
    }
}

impl<T: DeserializeOwned + Copy + Default> Chosen<T> {
    /// Returns the setting for an account. One that was typed before the field existed has no value for it: the default
    /// of the vocabulary holds, as it did then.
    pub fn resolve<'a>(&self, value: impl Fn(&str) -> Option<&'a str>) -> T {
        match self {
            Self::Fixed(setting) => *setting,
            Self::ByField(field, _) => value(field).and_then(parse).unwrap_or_default(),
        }
    }

    /// The field that it is chosen in.
    pub fn field(&self) -> Option<&str> {
        match self {
            Self::Fixed(_) => None,
            Self::ByField(field, _) => Some(field),
        }
    }
}

/// Reads a setting as the file writes it; `None` if the vocabulary has no such word.
pub fn parse<T: DeserializeOwned>(text: &str) -> Option<T> {
    let word: StrDeserializer<'_, Error> = text.into_deserializer();
    T::deserialize(word).ok()
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Chosen<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if let Some(field) = template::whole(&text) {
            return Ok(Self::ByField(field.to_owned(), PhantomData));
        }
        let word: StrDeserializer<'_, D::Error> = text.as_str().into_deserializer();
        T::deserialize(word).map(Self::Fixed)
    }
}

#[cfg(test)]
mod tests {
    use super::super::auth::ClientAuth;
    use super::*;

    #[derive(Deserialize)]
    struct File {
        auth: Chosen<ClientAuth>,
    }

    fn read(text: &str) -> Result<Chosen<ClientAuth>, toml::de::Error> {
        toml::from_str::<File>(&format!("auth = \"{text}\"")).map(|file| file.auth)
    }

    #[test]
    fn a_setting_is_a_word_of_the_vocabulary_or_a_field() {
        let fixed = read("basic").unwrap();
        assert_eq!(fixed.resolve(|_| Some("none")), ClientAuth::Basic);
        let chosen = read("{how}").unwrap();
        assert_eq!(chosen.field(), Some("how"));
        assert_eq!(chosen.resolve(|field| (field == "how").then_some("none")), ClientAuth::None);
        assert_eq!(chosen.resolve(|_| None), ClientAuth::Body, "typed before there was a choice");
        assert!(read("basik").unwrap_err().message().contains("unknown variant"));
    }
}
