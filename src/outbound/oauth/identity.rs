//! Who the service says we are: proof, not only that a token exists.
use std::collections::BTreeMap;

use serde_json::Value;

use super::{errors, spec};
use crate::catalog::http::Method;
use crate::model::authorizer::Identity;
use crate::model::report::Fault;
use crate::outbound::{Account, Outbound, api, pointer, render};

pub async fn prove(out: &Outbound, account: &Account<'_>) -> Result<Identity, Fault> {
    let (spec, _) = spec(account)?;
    let identity = &spec.identity;
    let answer = match &identity.get {
        Some(path) => {
            let ask = api::Ask {
                method: Method::or_usual(identity.method, identity.body.is_some()),
                headers: &identity.headers,
                body: identity.body.as_ref(),
                ..api::Ask::get(path)
            };
            api::ask(out, account, &BTreeMap::new(), ask).await?
        }
        None => Value::Null,
    };
    let find = |pointer: &str| pointer::text(&answer, pointer);
    read(account, &find, &identity.id, &identity.label).ok_or_else(|| {
        errors::malformed(&format!("the answer does not say who signed in: no {}", identity.id))
    })
}

/// `find` returns the text at a pointer of the answer. `id` and `label` are such pointers, or templates. Without a label
/// the id is shown.
pub fn read(
    account: &Account<'_>,
    find: &dyn Fn(&str) -> Option<String>,
    id: &str,
    label: &str,
) -> Option<Identity> {
    let of = |template: &str| {
        let filled = filled(account, template)?;
        if filled.starts_with('/') { find(&filled) } else { Some(filled) }
    };
    let key = of(id)?;
    let label = of(label).unwrap_or_else(|| key.clone());
    Some(Identity { key, label })
}

/// The pointer that `id` or `label` becomes, if it is none of the values of the account.
pub fn pointer(account: &Account<'_>, template: &str) -> Option<String> {
    filled(account, template).filter(|filled| filled.starts_with('/'))
}

/// A pointer as it is, a template with its values; `None` if one is missing, or all are empty.
fn filled(account: &Account<'_>, template: &str) -> Option<String> {
    let lookup = |name: &str| account.value(name).map(str::to_owned);
    let filled = if template.starts_with('/') {
        template.to_owned()
    } else {
        render::text(template, &lookup)?
    };
    Some(filled).filter(|text| !text.is_empty())
}
