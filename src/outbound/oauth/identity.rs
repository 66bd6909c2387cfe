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
            let method = if identity.body.is_some() && identity.method == Method::Get {
                Method::Post
            } else {
                identity.method
            };
            let ask = api::Ask {
                method,
                headers: &identity.headers,
                body: identity.body.as_ref(),
                ..api::Ask::get(path)
            };
            api::ask(out, account, &BTreeMap::new(), ask).await?
        }
        None => Value::Null,
    };
    read(account, &answer, (&identity.id, &identity.label)).ok_or_else(|| {
        errors::malformed(&format!("the answer does not say who signed in: no {}", identity.id))
    })
}

/// `id` and `label` are pointers into the answer, or templates. Without a label the id is shown.
pub fn read(account: &Account<'_>, answer: &Value, (id, label): (&str, &str)) -> Option<Identity> {
    let of = |template: &str| {
        let lookup = |name: &str| account.value(name).map(str::to_owned);
        let filled = if template.starts_with('/') {
            template.to_owned()
        } else {
            render::text(template, &lookup)?
        };
        if filled.starts_with('/') {
            pointer::text(answer, &filled)
        } else {
            Some(filled).filter(|text| !text.is_empty())
        }
    };
    let key = of(id)?;
    let label = of(label).unwrap_or_else(|| key.clone());
    Some(Identity { key, label })
}
