//! What a person must correct: the one currency of validation.

/// Why a value is not accepted. The page words it; see `web::forms::wording`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Complaint {
    Required,
    TooLong {
        max: usize,
    },
    TooShort {
        min: usize,
    },
    NotANumber,
    OutOfRange {
        min: i64,
        max: i64,
    },
    NotAHost,
    NotAUrl,
    NotHttps,
    NotAnEmail,
    NotJson,
    NotAChoice,
    NotPem,
    PublicKey,
    EncryptedKey,
    Pattern {
        hint: String,
    },
    FileTooLarge {
        max: usize,
    },
    Control,
    Taken,
    Wrong,
    /// A secret that is known was typed for another place than the one that is asked for now.
    TypeAgain,
    /// The service did not accept it; the text is ours, not the service's.
    Refused {
        say: String,
    },
    /// A sentence that needs no other words.
    Say(String),
}

/// All complaints of one form, not only the first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Problems {
    fields: Vec<(String, Complaint)>,
    general: Vec<Complaint>,
}

impl Problems {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn field(name: impl Into<String>, complaint: Complaint) -> Self {
        let mut problems = Self::new();
        problems.add(name, complaint);
        problems
    }

    pub fn general(complaint: Complaint) -> Self {
        let mut problems = Self::new();
        problems.add_general(complaint);
        problems
    }

    pub fn add(&mut self, name: impl Into<String>, complaint: Complaint) {
        self.fields.push((name.into(), complaint));
    }

    /// Puts `complaint` in place of those of the field.
    pub fn replace(&mut self, name: &str, complaint: Complaint) {
        self.fields.retain(|(field, _)| field != name);
        self.add(name, complaint);
    }

    pub fn add_general(&mut self, complaint: Complaint) {
        self.general.push(complaint);
    }

    pub fn extend(&mut self, other: Self) {
        self.fields.extend(other.fields);
        self.general.extend(other.general);
    }

    /// Puts `prefix` before each field's name: for a form inside a form.
    #[must_use]
    pub fn prefixed(mut self, prefix: &str) -> Self {
        for (name, _) in &mut self.fields {
            name.insert_str(0, prefix);
        }
        self
    }

    pub fn is_empty(&self) -> bool {
        self.fields.is_empty() && self.general.is_empty()
    }

    pub fn of<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Complaint> {
        self.fields.iter().filter(move |(field, _)| field == name).map(|(_, complaint)| complaint)
    }

    pub fn fields(&self) -> &[(String, Complaint)] {
        &self.fields
    }

    pub fn all_general(&self) -> &[Complaint] {
        &self.general
    }

    /// `value` if nothing is wrong.
    pub fn or<T>(self, value: T) -> Result<T, Self> {
        if self.is_empty() { Ok(value) } else { Err(self) }
    }
}
