//! Adds or changes an OAuth app. The secret is sealed, bound to its row, and never shown again.
use std::collections::BTreeSet;

use crate::catalog::Service;
use crate::catalog::auth::ClientAuth;
use crate::catalog::chosen::Chosen;
use crate::crypto::token;
use crate::domain::authorizers::seal_client_secret;
use crate::domain::{Actor, Ctx, Error, activity};
use crate::model::activity::{NewActivity, SubjectKind};
use crate::model::credentials::Secret;
use crate::model::ids::{OAuthAppId, ServiceId};
use crate::model::oauth_app::OAuthApp;
use crate::model::problems::{Complaint, Problems};
use crate::model::role::Permission;
use crate::store::{self, oauth_apps::SecretChange};

const CLIENT_ID_MAX: usize = 400;
const SECRET_MAX: usize = 4096;

/// What was typed. An empty secret keeps the stored one when an app is changed.
pub struct AppForm {
    pub client_id: String,
    pub client_secret: Secret,
}

pub async fn create(
    ctx: &Ctx,
    actor: &Actor,
    service_id: &ServiceId,
    form: AppForm,
) -> Result<OAuthAppId, Error> {
    actor.must(Permission::ManageOAuthApps)?;
    let service = oauth_service(ctx, service_id)?;
    let client_id = check(&form, needs_secret(service))?;
    let now = ctx.clock.now();
    let app = OAuthApp {
        id: OAuthAppId::new(now, token::ten()),
        service_id: service_id.clone(),
        client_id,
        is_shared: true,
        has_secret: !form.client_secret.is_empty(),
        version: 1,
        created_at: now,
        updated_at: now,
    };
    insert(ctx, actor, (app, &form.client_secret, &service.head.name)).await
}

/// `Stale` if somebody else changed it after `version` was read.
pub async fn change(
    ctx: &Ctx,
    actor: &Actor,
    id: &OAuthAppId,
    (version, form): (i64, AppForm),
) -> Result<(), Error> {
    actor.must(Permission::ManageOAuthApps)?;
    let wanted = id.clone();
    let before = ctx.db.read(move |c| store::oauth_apps::find(c, &wanted)).await?;
    // One of an authorizer's own is changed by reauthorizing that.
    let before = before.filter(|app| app.is_shared).ok_or(Error::NotFound)?;
    let service = oauth_service(ctx, &before.service_id)?;
    let client_id = check(&form, needs_secret(service) && !before.has_secret)?;
    let is_other_client = client_id != before.client_id;
    if is_other_client && before.has_secret && form.client_secret.is_empty() {
        // The stored secret belongs to the other client id.
        return Err(Problems::field("client_secret", Complaint::Required).into());
    }
    let secret = if form.client_secret.is_empty() {
        None
    } else {
        Some(seal_client_secret(ctx, id, &form.client_secret)?)
    };
    let changed = match (is_other_client, secret.is_some()) {
        (true, _) => "client ID, client secret",
        (false, true) => "client secret",
        (false, false) => return Ok(()),
    };
    let line = line(ctx, actor, ("edited", id, &service.head.name), changed);
    let (id, now) = (id.clone(), ctx.clock.now());
    let places = app_places(ctx, &before.service_id);
    let is_saved = ctx
        .db
        .write(move |c| {
            let change = secret.as_ref().map_or(SecretChange::Keep, SecretChange::Replace);
            let is_saved = store::oauth_apps::update(c, &id, version, &client_id, change, now)?;
            if is_saved {
                // What was typed now was typed for what the service file says now.
                if secret.is_some() {
                    store::bindings::update_app(c, &id, &places)?;
                }
                // What was refused because of it need not wait for its next try.
                store::authorizers::hurry_app(c, &id, now)?;
                line.write(c)?;
            }
            Ok::<_, store::StoreError>(is_saved)
        })
        .await?;
    if is_saved { Ok(()) } else { Err(Error::Stale) }
}

/// Where the client secret of the service's shared app may go.
fn app_places(ctx: &Ctx, service_id: &ServiceId) -> BTreeSet<String> {
    let service = ctx.catalog.get(service_id.as_str());
    service.map(Service::app_destinations).unwrap_or_default()
}

fn oauth_service<'a>(ctx: &'a Ctx, id: &ServiceId) -> Result<&'a Service, Error> {
    ctx.catalog
        .get(id.as_str())
        .filter(|service| service.auths.iter().any(|auth| auth.oauth2.is_some()))
        .ok_or(Error::NotFound)
}

fn needs_secret(service: &Service) -> bool {
    service
        .auths
        .iter()
        .filter_map(|auth| auth.oauth2.as_ref())
        .any(|oauth2| oauth2.client_auth != Chosen::Fixed(ClientAuth::None))
}

pub(super) fn check(form: &AppForm, needs_secret: bool) -> Result<String, Problems> {
    let mut problems = Problems::new();
    let client_id = form.client_id.trim();
    let secret = form.client_secret.expose();
    if client_id.is_empty() {
        problems.add("client_id", Complaint::Required);
    } else if client_id.len() > CLIENT_ID_MAX {
        problems.add("client_id", Complaint::TooLong { max: CLIENT_ID_MAX });
    } else if client_id.chars().any(|c| c.is_control() || c.is_whitespace()) {
        problems.add("client_id", Complaint::Control);
    }
    if secret.is_empty() && needs_secret {
        problems.add("client_secret", Complaint::Required);
    } else if secret.len() > SECRET_MAX {
        problems.add("client_secret", Complaint::TooLong { max: SECRET_MAX });
    } else if secret.chars().any(char::is_control) {
        problems.add("client_secret", Complaint::Control);
    }
    problems.or(client_id.to_owned())
}

async fn insert(
    ctx: &Ctx,
    actor: &Actor,
    (app, secret, name): (OAuthApp, &Secret, &str),
) -> Result<OAuthAppId, Error> {
    let sealed =
        if secret.is_empty() { None } else { Some(seal_client_secret(ctx, &app.id, secret)?) };
    let line = line(ctx, actor, ("created", &app.id, name), "");
    let (id, creator) = (app.id.clone(), actor.user_id.clone());
    let places = app_places(ctx, &app.service_id);
    let stored = ctx
        .db
        .write(move |c| {
            store::oauth_apps::insert(c, &app, sealed.as_ref(), Some(&creator))?;
            store::bindings::update_app(c, &app.id, &places)?;
            line.write(c)
        })
        .await;
    match stored {
        Ok(()) => Ok(id),
        Err(store::StoreError::Taken { .. }) => {
            Err(Problems::general(Complaint::Say("This service has an OAuth app already.".into()))
                .into())
        }
        Err(other) => Err(other.into()),
    }
}

fn line(
    ctx: &Ctx,
    actor: &Actor,
    (verb, id, name): (&'static str, &OAuthAppId, &str),
    note: &str,
) -> activity::Line {
    activity::line(
        ctx,
        Some(actor),
        NewActivity {
            verb,
            subject_kind: SubjectKind::OAuthApp,
            subject_id: id.to_string(),
            subject_name: name.to_owned(),
            note: note.to_owned(),
        },
    )
}
