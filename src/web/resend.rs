//! A form that came too late: the session had ended, or another sign-in replaced it. What was typed is not lost: it is
//! drawn again as hidden fields and sent once more after signing in. Secrets are not among them.
use std::collections::BTreeSet;

use actix_session::Session;
use actix_web::http::StatusCode;
use askama::Template;

use crate::catalog::Catalog;
use crate::catalog::field::FieldSpec;

use super::csrf::{RawForm, has_few_fields};
use super::layout::Solo;
use super::page::{self, PageResult};
use super::{paths, session, ui};

/// A form to be sent again.
#[derive(Clone, Default)]
pub struct Resend {
    /// Where it goes: a path of ours.
    pub to: String,
    pub fields: Vec<(String, String)>,
    /// Something was left out, and has to be typed again.
    pub is_partial: bool,
}

/// The form drawn again, to be sent with one press.
#[derive(Template)]
#[template(path = "account/again.html")]
struct AgainPage {
    layout: Solo,
    why: Why,
    again: Resend,
}

/// What the page says above the button.
pub struct Why {
    pub title: &'static str,
    pub text: String,
}

impl Why {
    pub fn new(title: &'static str, text: &str) -> Self {
        Self { title, text: text.to_owned() }
    }
}

/// Longer texts are files or keys.
const LONGEST: usize = 4096;
const SECRET_WORDS: [&str; 6] = ["password", "secret", "token", "passphrase", "private", "key"];

impl Resend {
    /// What may be shown again of a form that was sent to `to`.
    pub fn of(to: &str, raw: &RawForm, catalog: &Catalog) -> Self {
        let secret = secret_keys(catalog);
        let is_kept =
            |(name, value): &&(String, String)| !is_secret(name, &secret) && value.len() <= LONGEST;
        let fields: Vec<_> = raw.pairs().iter().filter(is_kept).cloned().collect();
        let is_partial = raw.pairs().iter().any(|pair| !pair.1.is_empty() && !is_kept(&pair));
        Self { to: to.to_owned(), fields, is_partial }
    }

    /// Out of the sign-in form that carried it; `None` if there is none, or if it would go to another host.
    pub fn carried(to: &str, fields: &str, partial: &str) -> Option<Self> {
        let to = paths::local(to).filter(|_| has_few_fields(fields.as_bytes()))?;
        let fields = serde_urlencoded::from_str(fields).ok()?;
        Some(Self { to: to.to_owned(), fields, is_partial: partial == "true" })
    }

    /// The page that sends it. `why` says why that is needed.
    pub fn page(self, session: &Session, status: StatusCode, why: Why) -> PageResult {
        let layout = Solo::new(why.title, &session::csrf(session));
        page::html(status, &AgainPage { layout, why, again: self })
    }

    /// As one hidden field.
    pub fn packed(&self) -> String {
        serde_urlencoded::to_string(&self.fields).unwrap_or_default()
    }
}

fn secret_keys(catalog: &Catalog) -> BTreeSet<&str> {
    let fields =
        catalog.all().iter().flat_map(|service| &service.auths).flat_map(|auth| &auth.fields);
    fields.filter(|spec: &&FieldSpec| spec.secret).map(|spec| spec.key.as_str()).collect()
}

/// `account.client_secret` is called by its last part.
fn is_secret(name: &str, keys: &BTreeSet<&str>) -> bool {
    let own = name.rsplit('.').next().unwrap_or(name);
    let lower = own.to_lowercase();
    keys.contains(own.trim_end_matches("__file"))
        || SECRET_WORDS.iter().any(|word| lower.contains(word))
        || own.ends_with("__file")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(pairs: &[(&str, &str)]) -> RawForm {
        RawForm::new(
            pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        )
    }

    #[test]
    fn what_was_typed_comes_back_without_its_secrets() {
        let sent = raw(&[
            ("name", "Warehouse"),
            ("account.host", "db1"),
            ("account.password", "hunter2"),
            ("account.ssh_key__file", "x"),
        ]);
        let again = Resend::of("/sources/new/postgresql", &sent, &Catalog::default());
        assert_eq!(
            again.fields,
            [
                ("name".to_owned(), "Warehouse".to_owned()),
                ("account.host".to_owned(), "db1".to_owned())
            ]
        );
        assert!(again.is_partial);
    }

    #[test]
    fn it_survives_the_way_through_the_sign_in_form() {
        let again = Resend::of(
            "/authorizers/a/edit",
            &raw(&[("name", "a & b = ü"), ("empty", "")]),
            &Catalog::default(),
        );
        let back = Resend::carried(&again.to, &again.packed(), "false").unwrap();
        assert_eq!((back.fields, back.is_partial), (again.fields, false));
    }

    #[test]
    fn what_holds_more_fields_than_a_form_is_not_carried() {
        let many = vec!["a=b"; crate::web::csrf::MAX_FIELDS + 1].join("&");
        assert!(Resend::carried("/sources/new/s3", &many, "").is_none());
    }

    #[test]
    fn it_is_never_sent_to_another_host() {
        assert!(Resend::carried("https://evil.example/", "name=x", "").is_none());
        assert!(Resend::carried("//evil.example/", "name=x", "").is_none());
        assert!(Resend::carried("", "", "").is_none());
    }
}
