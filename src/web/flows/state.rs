//! What a form holds between two requests: what was typed, and the draft that keeps what may not be drawn again.
use std::collections::BTreeMap;

use super::form::Place;
use super::panel;
use crate::catalog::Service;
use crate::catalog::auth::AuthSpec;
use crate::catalog::service::FlowSpec;
use crate::domain::drafts::{DraftForm, Typed};
use crate::domain::flows::FlowForm;
use crate::domain::{Actor, Ctx, Error, drafts};
use crate::model::credentials::Secret;
use crate::model::draft::{Draft, DraftKind};
use crate::model::flow::FlowKind;
use crate::model::ids::{AuthorizerId, DraftId};
use crate::model::problems::Problems;
use crate::model::values::Values;
use crate::web::csrf::RawForm;
use crate::web::forms::read;
use crate::web::paths::DRAFT_TARGET;

/// The last entry of the account drop-down.
pub const NEW_ACCOUNT: &str = "__new__";
/// The account that was chosen before a new one was asked for.
pub const ACCOUNT_BEFORE: &str = "account_before";
/// Before the names of settings and of the new account's fields.
pub const SETTING: &str = "s.";
pub const ACCOUNT: &str = "account.";

/// What was typed so far, by the form's own names; secrets too. Never `Debug`.
#[derive(Clone, Default)]
pub struct State {
    pub typed: Typed,
    pub draft: Option<DraftId>,
}

impl State {
    /// From a body. Secrets that were left empty, and what was not drawn, are taken from the draft.
    pub async fn of_body(
        ctx: &Ctx,
        actor: &Actor,
        place: Place<'_>,
        raw: &RawForm,
    ) -> Result<Self, Error> {
        let mut typed: Typed = raw
            .pairs()
            .iter()
            .map(|(name, value)| (name.clone(), Secret::new(value.clone())))
            .collect();
        for name in ["csrf", "action", "version"] {
            typed.remove(name);
        }
        let draft = typed.remove("draft").map(|id| DraftId::from(id.expose()));
        let Some(id) = draft else {
            return Ok(Self { typed, draft: None });
        };
        let Some(draft) = own(ctx, actor, place, &id).await? else {
            return Ok(Self { typed, draft: None });
        };
        let secrets = secret_names(place.service);
        for (name, value) in &draft.values {
            let field = name.strip_suffix("__file").unwrap_or(name);
            let is_secret = secrets.iter().any(|secret| secret == field);
            if name.starts_with(ACCOUNT) && !is_secret && !typed.contains_key(name) {
                typed.insert(name.clone(), value.clone());
            }
        }
        let mut state = Self { typed, draft: Some(id) };
        state.recall(ctx, place.service, &draft);
        Ok(state)
    }

    /// Secrets that were left empty come back from the draft, as long as they go where they were typed for.
    fn recall(&mut self, ctx: &Ctx, service: &Service, draft: &Draft) {
        let Some(auth) = panel::way(service, self) else { return };
        let kept = Self { typed: draft.values.clone(), draft: None };
        let mut typed = self.account(auth);
        drafts::recall(ctx, draft, service, auth, &kept.account(auth), &mut typed);
        for spec in auth.fields.iter().filter(|spec| spec.secret) {
            if let Some(secret) = typed.remove(&spec.key).filter(|secret| !secret.is_empty()) {
                self.typed.insert(format!("{ACCOUNT}{}", spec.key), secret);
            }
        }
    }

    /// What was left behind; nothing if the draft is gone.
    pub async fn of_draft(
        ctx: &Ctx,
        actor: &Actor,
        place: Place<'_>,
        id: &str,
    ) -> Result<Option<Self>, Error> {
        let found = own(ctx, actor, place, &DraftId::from(id)).await?;
        Ok(found.map(|draft| Self { typed: draft.values, draft: Some(draft.id) }))
    }

    /// What is stored, for *Edit*.
    pub fn of_stored(name: &str, authorizer: &AuthorizerId, settings: &Values) -> Self {
        let mut state = Self::default();
        state.set("name", name);
        state.set("authorizer", authorizer.as_str());
        for (key, value) in settings {
            state.set(&format!("{SETTING}{key}"), value);
        }
        state
    }

    pub fn set(&mut self, name: &str, value: &str) {
        self.typed.insert(name.to_owned(), Secret::new(value));
    }

    pub fn text(&self, name: &str) -> &str {
        self.typed.get(name).map(Secret::expose).unwrap_or_default()
    }

    /// The chosen account; `None` while it is a new one.
    pub fn authorizer(&self) -> Option<AuthorizerId> {
        Some(self.text("authorizer"))
            .filter(|id| !id.is_empty() && *id != NEW_ACCOUNT)
            .map(AuthorizerId::from)
    }

    pub fn form(&self, kind: FlowKind, service: &Service, flow: &FlowSpec) -> FlowForm {
        FlowForm {
            kind,
            service_id: service.id().clone(),
            name: self.text("name").to_owned(),
            authorizer_id: self.authorizer(),
            settings: self.settings(flow),
        }
    }

    /// Settings by their own keys; an unfilled form has the defaults.
    pub fn settings(&self, flow: &FlowSpec) -> Values {
        let is_untouched = !self.typed.keys().any(|name| name.starts_with(SETTING));
        if is_untouched {
            return flow
                .settings
                .iter()
                .filter_map(|field| Some((field.key.clone(), field.default.clone()?)))
                .collect();
        }
        read::entries(&flow.settings, SETTING, |name| self.typed.get(name).map(Secret::expose))
    }

    /// The fields of the new account by their own keys.
    pub fn account(&self, auth: &AuthSpec) -> Typed {
        read::entries(&auth.fields, ACCOUNT, |name| self.typed.get(name).map(Secret::expose))
    }

    /// Keeps everything on the server: before a trip to a provider, and whenever secrets were typed.
    pub async fn keep(
        &mut self,
        ctx: &Ctx,
        actor: &Actor,
        (kind, service): (FlowKind, &Service),
        target: Option<&str>,
    ) -> Result<DraftId, Error> {
        if let Some(target) = target {
            self.set(DRAFT_TARGET, target);
        }
        let auth_id = panel::way(service, self).map(|auth| auth.id.clone()).unwrap_or_default();
        let form = DraftForm { kind: kind.into(), service_id: service.id(), auth_id: &auth_id };
        let id = drafts::save(ctx, actor, self.draft.as_ref(), form, &self.typed).await?;
        self.draft = Some(id.clone());
        Ok(id)
    }

    pub async fn forget(&self, ctx: &Ctx, actor: &Actor) -> Result<(), Error> {
        match &self.draft {
            Some(id) => drafts::delete(ctx, actor, id).await,
            None => Ok(()),
        }
    }

    /// A secret was typed that may not be drawn again: it must be kept.
    pub fn has_secrets(&self, service: &Service) -> bool {
        secret_names(service).iter().any(|name| !self.text(name).is_empty())
    }

    /// Something of a new account was drawn.
    pub fn has_account(&self) -> bool {
        self.typed.keys().any(|name| name.starts_with(ACCOUNT))
    }

    /// Drops what was typed for a new account, once it is one.
    pub fn drop_account(&mut self) {
        self.typed.retain(|name, _| !name.starts_with(ACCOUNT));
    }
}

/// The caller's draft, if it is one of this form.
async fn own(
    ctx: &Ctx,
    actor: &Actor,
    place: Place<'_>,
    id: &DraftId,
) -> Result<Option<Draft>, Error> {
    let found = drafts::find(ctx, actor, id).await?;
    let target = place.target.map(|(id, _)| id);
    Ok(found.filter(|draft| {
        let is_same = draft.values.get(DRAFT_TARGET).map(Secret::expose) == target;
        draft.kind == DraftKind::from(place.kind)
            && draft.service_id == *place.service.id()
            && is_same
    }))
}

/// The secrets of every way to authorize, by the form's own names.
fn secret_names(service: &Service) -> Vec<String> {
    let fields = service.auths.iter().flat_map(|auth| &auth.fields);
    fields.filter(|field| field.secret).map(|field| format!("{ACCOUNT}{}", field.key)).collect()
}

/// Problems of the domain by the form's own names: settings have a prefix, name and account have not.
pub fn named(problems: &Problems) -> Problems {
    let mut named = Problems::new();
    for (field, complaint) in problems.fields() {
        let is_own = matches!(field.as_str(), "name" | "authorizer");
        named.add(
            if is_own { field.clone() } else { format!("{SETTING}{field}") },
            complaint.clone(),
        );
    }
    for complaint in problems.all_general() {
        named.add_general(complaint.clone());
    }
    named
}

/// Drawn again: everything but secrets.
pub fn drawable(auth: &AuthSpec, typed: &Typed) -> BTreeMap<String, String> {
    read::drawable(&auth.fields, typed)
}
