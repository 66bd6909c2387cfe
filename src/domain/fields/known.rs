//! What was typed, beside what is known: a stored or drafted secret is used only if every value that decides where it
//! goes is what it was when the secret was typed. Every form with secrets comes through here.
use std::collections::BTreeMap;

use crate::catalog::field::{FieldKind, FieldSpec};
use crate::model::credentials::Secret;
use crate::model::problems::{Complaint, Problems};

use super::{Asked, evaluate};

/// Values by the keys of their fields.
pub type Values = BTreeMap<String, Secret>;

/// One value that tells the account and is another one now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValueChange {
    pub key: String,
    pub label: String,
    /// Empty: it had no value.
    pub before: String,
    pub now: String,
}

/// Puts into `typed` the secrets that were left empty and are in `known`, if `known` goes where `typed` goes.
pub fn recall(specs: &[FieldSpec], typed: &mut Values, known: &Values, asked: &Asked<'_>) {
    if place(specs, typed, asked) != place(specs, known, asked) {
        return;
    }
    for spec in specs.iter().filter(|spec| spec.secret) {
        let is_empty = typed.get(&spec.key).is_none_or(Secret::is_empty);
        if let Some(secret) = known.get(&spec.key).filter(|secret| is_empty && !secret.is_empty()) {
            typed.insert(spec.key.clone(), secret.clone());
        }
    }
}

/// Checks a form over stored values. A field that was not sent keeps its value, and so does an empty secret, unless
/// another place was typed or `is_bound_elsewhere`: then it is asked for again.
pub fn merge(
    specs: &[FieldSpec],
    typed: &Values,
    stored: &Values,
    is_bound_elsewhere: bool,
    asked: &Asked<'_>,
) -> Result<Values, Problems> {
    let typed = with_unsent(specs, typed, stored);
    let may_keep =
        !is_bound_elsewhere && place(specs, &typed, asked) == place(specs, stored, asked);
    let has_stored = |spec: &&FieldSpec| {
        spec.secret && stored.get(&spec.key).is_some_and(|secret| !secret.is_empty())
    };
    let secrets: Vec<String> =
        specs.iter().filter(has_stored).map(|spec| spec.key.clone()).collect();
    let kept = if may_keep { secrets.clone() } else { Vec::new() };
    let asked = Asked { stored: &kept, ..*asked };
    let (mut values, mut problems) = evaluate(specs, &typed, &asked);
    super::check_passphrases(specs, &values, &asked, &mut problems);
    let value = |values: &Values, key: &str| values.get(key).map(|value| value.expose().to_owned());
    for spec in specs.iter().filter(|spec| secrets.contains(&spec.key)) {
        let is_asked = {
            let found = &values;
            spec.is_asked_by(|key| found.get(key).map(Secret::expose))
        };
        let is_empty = typed.get(&spec.key).is_none_or(Secret::is_empty);
        if !is_asked || !is_empty || value(&values, &spec.key).is_some() {
            continue;
        }
        match stored.get(&spec.key).filter(|_| may_keep) {
            Some(secret) => {
                values.insert(spec.key.clone(), secret.clone());
            }
            None => problems.replace(&spec.key, Complaint::TypeAgain),
        }
    }
    problems.or(values)
}

/// A field that a page does not draw is not emptied. A box that is not ticked is not sent, either.
fn with_unsent(specs: &[FieldSpec], typed: &Values, stored: &Values) -> Values {
    let mut all = typed.clone();
    for spec in specs.iter().filter(|spec| !spec.secret && spec.kind != FieldKind::Boolean) {
        if let (false, Some(value)) = (typed.contains_key(&spec.key), stored.get(&spec.key)) {
            all.insert(spec.key.clone(), value.clone());
        }
    }
    all
}

/// Finds the values that tell the account and differ. Where nothing is stored, nothing changes.
pub fn account_changes(
    specs: &[FieldSpec],
    stored: &Values,
    values: &Values,
    asked: &Asked<'_>,
) -> Vec<ValueChange> {
    if stored.is_empty() {
        return Vec::new();
    }
    let (before, now) = (place(specs, stored, asked), place(specs, values, asked));
    let text =
        |place: &BTreeMap<&str, String>, key: &str| place.get(key).cloned().unwrap_or_default();
    specs
        .iter()
        .filter(|spec| spec.tells_account())
        .map(|spec| ValueChange {
            key: spec.key.clone(),
            label: spec.label.clone(),
            before: text(&before, &spec.key),
            now: text(&now, &spec.key),
        })
        .filter(|change| change.before != change.now)
        .collect()
}

/// Where the secrets of a form go: its values of all fields that bind secrets, as they would be stored. One that is not
/// accepted counts as it was typed.
fn place<'a>(
    specs: &'a [FieldSpec],
    values: &Values,
    asked: &Asked<'_>,
) -> BTreeMap<&'a str, String> {
    let asked = Asked { is_partial: true, stored: &[], ..*asked };
    let (found, problems) = evaluate(specs, values, &asked);
    let text = |key: &str| {
        let is_refused = problems.of(key).next().is_some();
        let value = if is_refused { values.get(key) } else { found.get(key) };
        value.map(|value| value.expose().trim().to_owned()).filter(|text| !text.is_empty())
    };
    let binding = specs.iter().filter(|spec| spec.binds_secrets());
    binding.filter_map(|spec| Some((spec.key.as_str(), text(&spec.key)?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn specs() -> Vec<FieldSpec> {
        #[derive(serde::Deserialize)]
        struct File {
            field: Vec<FieldSpec>,
        }
        let text = "
            [[field]]\nkey='host'\nlabel='Host'\nkind='host'\nsecret=false\ndestination=true
            [[field]]\nkey='port'\nlabel='Port'\nkind='port'\nsecret=false\ndestination=true\ndefault='5432'
            [[field]]\nkey='tenant'\nlabel='Tenant'\nkind='text'\nsecret=false\nimmutable=true\nrequired=false
            [[field]]\nkey='ca'\nlabel='CA'\nkind='text'\nsecret=false\nrequired=false\ndestination=true\nsame_account=true
            [[field]]\nkey='user'\nlabel='User'\nkind='text'\nsecret=false
            [[field]]\nkey='password'\nlabel='Password'\nkind='secret'\nsecret=true
            [[field]]\nkey='hop'\nlabel='Hop'\nkind='boolean'\nsecret=false\ndestination=true
            [[field]]\nkey='hop_secret'\nlabel='Hop secret'\nkind='secret'\nsecret=true\nrequired=false
            when={field='hop',is=['true']}";
        toml::from_str::<File>(text).unwrap().field
    }

    fn values(pairs: &[(&str, &str)]) -> Values {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), Secret::new(*value))).collect()
    }

    fn stored() -> Values {
        values(&[
            ("host", "db"),
            ("port", "5432"),
            ("user", "u"),
            ("password", "pw"),
            ("hop", "true"),
            ("hop_secret", "hs"),
        ])
    }

    /// What a page sends: everything that is no secret.
    fn sent(changes: &[(&str, &str)]) -> Values {
        let mut all = stored();
        all.insert("password".to_owned(), Secret::default());
        all.insert("hop_secret".to_owned(), Secret::default());
        for (key, value) in changes {
            all.insert((*key).to_owned(), Secret::new(*value));
        }
        all
    }

    fn merged(typed: &Values) -> Result<Values, Problems> {
        merge(&specs(), typed, &stored(), false, &Asked::default())
    }

    #[test]
    fn a_stored_secret_stays_where_nothing_is_changed_that_leads_to_it() {
        for typed in
            [sent(&[]), sent(&[("user", "v")]), sent(&[("host", " DB ")]), sent(&[("port", "")])]
        {
            let merged = merged(&typed).unwrap();
            assert_eq!(merged["password"].expose(), "pw");
            assert_eq!(merged["hop_secret"].expose(), "hs");
        }
        assert_eq!(
            merged(&values(&[("hop", "true")])).unwrap()["host"].expose(),
            "db",
            "not sent, not emptied"
        );
    }

    #[test]
    fn a_stored_secret_is_asked_for_again_where_anything_is_changed_that_leads_to_it() {
        for change in [("host", "evil"), ("port", "1"), ("tenant", "t"), ("ca", "c")] {
            let problems = merged(&sent(&[change])).err().unwrap();
            let again = [
                ("password".to_owned(), Complaint::TypeAgain),
                ("hop_secret".to_owned(), Complaint::TypeAgain),
            ];
            assert_eq!(problems.fields(), again, "{change:?}");
            let typed = sent(&[change, ("password", "new"), ("hop_secret", "new")]);
            assert_eq!(merged(&typed).unwrap()["password"].expose(), "new");
        }
        let problems = merged(&sent(&[("hop", "false")])).err().unwrap();
        assert_eq!(
            problems.fields(),
            [("password".to_owned(), Complaint::TypeAgain)],
            "one that is not asked for is gone"
        );
        let elsewhere = merge(&specs(), &sent(&[]), &stored(), true, &Asked::default());
        assert!(elsewhere.is_err(), "the service file leads elsewhere");
    }

    #[test]
    fn a_drafted_secret_goes_where_it_was_typed_for() {
        let known = values(&[("host", "db"), ("password", "pw")]);
        let recalled = |typed: &[(&str, &str)]| {
            let mut typed = values(typed);
            recall(&specs(), &mut typed, &known, &Asked::default());
            typed.get("password").map(|secret| secret.expose().to_owned())
        };
        assert_eq!(recalled(&[("host", "db")]).as_deref(), Some("pw"));
        assert_eq!(
            recalled(&[("host", "db"), ("port", "5432"), ("password", "")]).as_deref(),
            Some("pw")
        );
        assert_eq!(recalled(&[("host", "db"), ("password", "other")]).as_deref(), Some("other"));
        for elsewhere in [
            &[("host", "evil")] as &[_],
            &[("host", "db"), ("port", "1")],
            &[],
            &[("host", "not a host")],
        ] {
            assert_eq!(recalled(elsewhere), None, "{elsewhere:?}");
        }
    }

    #[test]
    fn what_tells_the_account_is_told_before_and_after() {
        let changes = |changed: &[(&str, &str)]| {
            account_changes(&specs(), &stored(), &sent(changed), &Asked::default())
        };
        let host = ValueChange {
            key: "host".into(),
            label: "Host".into(),
            before: "db".into(),
            now: "evil".into(),
        };
        assert_eq!(changes(&[("host", "evil")]), [host]);
        assert!(changes(&[("user", "v"), ("ca", "c")]).is_empty());
        assert_eq!(changes(&[("tenant", "t")]).len(), 1);
        let nothing =
            account_changes(&specs(), &Values::new(), &sent(&[("host", "x")]), &Asked::default());
        assert!(nothing.is_empty(), "nothing was stored");
    }
}
