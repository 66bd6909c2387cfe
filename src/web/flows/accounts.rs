//! The account drop-down, and what differs when two people edit at once.
use super::state::NEW_ACCOUNT;
use crate::catalog::service::FlowSpec;
use crate::domain::authorizers::{find, list};
use crate::domain::flows::FlowForm;
use crate::domain::{Ctx, Error};
use crate::model::authorizer::{Authorizer, AuthorizerRow, Badge};
use crate::model::flow::Flow;
use crate::model::ids::AuthorizerId;
use crate::model::values::Values;
use crate::web::error::PageError;
use crate::web::versions::{Difference, differing};
use crate::web::visitor::Visitor;
use crate::web::wording;

/// The accounts of one service, and the chosen one, which may be one that is no longer offered.
pub struct Accounts {
    offered: Vec<AuthorizerRow>,
    chosen: Option<(Authorizer, Badge)>,
}

pub async fn of(ctx: &Ctx, visitor: &Visitor, form: &FlowForm) -> Result<Accounts, PageError> {
    let offered = list::choices_for(ctx, &visitor.actor, &form.service_id).await?;
    let now = ctx.clock.now();
    let chosen = match &form.authorizer_id {
        Some(id) => find_one(ctx, id).await?.filter(|one| one.service_id == form.service_id),
        None => None,
    };
    Ok(Accounts {
        offered,
        chosen: chosen.map(|one| {
            let badge = one.badge(now);
            (one, badge)
        }),
    })
}

async fn find_one(ctx: &Ctx, id: &AuthorizerId) -> Result<Option<Authorizer>, PageError> {
    match find::authorizer(ctx, id).await {
        Ok(authorizer) => Ok(Some(authorizer)),
        Err(Error::NotFound) => Ok(None),
        Err(other) => Err(other.into()),
    }
}

impl Accounts {
    pub fn chosen(&self) -> Option<(&Authorizer, Badge)> {
        self.chosen.as_ref().map(|(authorizer, badge)| (authorizer, *badge))
    }

    /// Value and label of each; a revoked one only where it is the chosen one.
    pub fn choices(&self) -> Vec<(String, String)> {
        let mut choices: Vec<(String, String)> = self
            .offered
            .iter()
            .map(|row| (row.id.to_string(), label(&row.name, &row.identity_label, row.badge)))
            .collect();
        if let Some((authorizer, badge)) = &self.chosen {
            let is_offered = self.offered.iter().any(|row| row.id == authorizer.id);
            if !is_offered {
                choices.push((
                    authorizer.id.to_string(),
                    label(&authorizer.name, &authorizer.identity.label, *badge),
                ));
            }
        }
        choices
    }
}

fn label(name: &str, identity: &str, badge: Badge) -> String {
    let state = match badge {
        Badge::Connected => String::new(),
        other => format!(" ({})", wording::badge(other)),
    };
    // The name that we propose has the identity in it.
    let is_said = identity.is_empty() || name.contains(identity);
    let identity = if is_said { String::new() } else { format!(", {identity}") };
    format!("{name}{identity}{state}")
}

/// What differs between the stored version and the form.
pub async fn differences(
    ctx: &Ctx,
    flow: &FlowSpec,
    stored: &Flow,
    form: &FlowForm,
) -> Result<Vec<Difference>, PageError> {
    let mut found = vec![("Name".to_owned(), stored.name.clone(), form.name.trim().to_owned())];
    if form.authorizer_id.as_ref() != Some(&stored.authorizer_id) {
        let typed = match &form.authorizer_id {
            Some(id) => name_of(ctx, id).await?,
            None => String::new(),
        };
        found.push(("Account".to_owned(), name_of(ctx, &stored.authorizer_id).await?, typed));
    }
    let value = |values: &Values, key: &str| {
        values.get(key).map(|value| value.trim().to_owned()).unwrap_or_default()
    };
    for field in flow
        .settings
        .iter()
        .filter(|field| field.is_asked(&stored.settings) || field.is_asked(&form.settings))
    {
        found.push((
            field.label.clone(),
            value(&stored.settings, &field.key),
            value(&form.settings, &field.key),
        ));
    }
    Ok(differing(found))
}

async fn name_of(ctx: &Ctx, id: &AuthorizerId) -> Result<String, PageError> {
    if id.as_str() == NEW_ACCOUNT {
        return Ok(String::new());
    }
    Ok(find_one(ctx, id).await?.map(|one| one.name).unwrap_or_default())
}
