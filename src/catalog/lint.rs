//! What a service file must keep to. Fail closed: a finding disables the service.
//!
//! `file` looks at what is written in the file, `expanded` at what it means with its field sets put in.
mod addresses;
mod fields;
mod names;
mod parts;
mod secrets;

use super::service::Service;

/// One thing that is wrong, and the way to it in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub way: Vec<Seg>,
    pub problem: String,
}

/// One step of a way: a key, or a place in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seg {
    Key(String),
    At(usize),
}

/// Collects findings; remembers where it stands.
#[derive(Default)]
pub(crate) struct Linter {
    way: Vec<Seg>,
    findings: Vec<Finding>,
}

impl Linter {
    pub fn say(&mut self, problem: impl Into<String>) {
        self.findings.push(Finding { way: self.way.clone(), problem: problem.into() });
    }

    /// Says it about a member of where it stands.
    pub fn say_at(&mut self, key: &str, problem: impl Into<String>) {
        self.within(key, |lint| lint.say(problem));
    }

    pub fn within(&mut self, key: &str, look: impl FnOnce(&mut Self)) {
        self.way.push(Seg::Key(key.to_owned()));
        look(self);
        self.way.pop();
    }

    /// Looks at each entry of the list `key`.
    pub fn each<T>(&mut self, key: &str, list: &[T], mut look: impl FnMut(&mut Self, &T)) {
        for (index, entry) in list.iter().enumerate() {
            self.way.extend([Seg::Key(key.to_owned()), Seg::At(index)]);
            look(self, entry);
            self.way.truncate(self.way.len().saturating_sub(2));
        }
    }
}

/// Lints what the file says; `id` is the file's name without its ending.
pub fn file(service: &Service, id: &str) -> Vec<Finding> {
    let mut lint = Linter::default();
    parts::check(&mut lint, service, id);
    fields::check(&mut lint, service);
    addresses::check(&mut lint, service);
    lint.findings
}

/// Lints the file with its field sets put in.
pub fn expanded(service: &Service) -> Vec<Finding> {
    let mut lint = Linter::default();
    fields::check_forms(&mut lint, service);
    names::check(&mut lint, service);
    secrets::check(&mut lint, service);
    parts::check_driver(&mut lint, service);
    lint.findings
}
