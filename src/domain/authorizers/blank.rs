//! A new authorizer before anything is known of it, and its end.
use crate::catalog::Service;
use crate::catalog::auth::AuthSpec;
use crate::catalog::service::Lifetime;
use crate::domain::{Actor, Ctx};
use crate::model::authorizer::{Authorizer, EndKind, Health, Identity, Lifecycle};
use crate::model::credentials::Tokens;
use crate::model::ids::AuthorizerId;
use crate::model::time::{DAY, Moment};

/// Active and unverified.
pub fn authorizer(ctx: &Ctx, actor: &Actor, (id, service, auth): (AuthorizerId, &Service, &AuthSpec)) -> Authorizer {
    let now = ctx.clock.now();
    let (ends_at, end_kind) = end(service.lifetime_of(&auth.id), None, now);
    Authorizer {
        id,
        service_id: service.id().clone(),
        auth_id: auth.id.clone(),
        name: String::new(),
        lifecycle: Lifecycle::Active,
        health: Health::Unverified,
        cause: None,
        cause_fields: Vec::new(),
        detail: None,
        identity: Identity::default(),
        granted_scopes: Vec::new(),
        missing_scopes: Vec::new(),
        oauth_app_id: None,
        access_expires_at: None,
        ends_at,
        end_kind,
        first_failed_at: None,
        last_ok_at: None,
        last_checked_at: None,
        next_try_at: None,
        failure_count: 0,
        credential_version: 1,
        version: 1,
        revocation: None,
        created_by: Some(actor.user_id.clone()),
        created_at: now,
        updated_at: now,
        revoked_at: None,
    }
}

/// When a person must come back: the token answer knows best, then the service's file.
/// A token without a refresh token ends with itself.
pub fn end(lifetime: &Lifetime, tokens: Option<&Tokens>, now: Moment) -> (Option<Moment>, EndKind) {
    let Some(tokens) = tokens else { return (None, EndKind::Unknown) };
    let told = if tokens.refresh.is_none() { tokens.expires_at } else { tokens.refresh_expires_at };
    let from_file = lifetime.reauthorize_days.map(|days| now.plus(DAY.saturating_mul(days)));
    match (told, from_file) {
        (Some(told), Some(file)) => (Some(told.min(file)), EndKind::Known),
        (Some(told), None) => (Some(told), EndKind::Known),
        (None, Some(file)) if lifetime.known => (Some(file), EndKind::Known),
        (None, Some(file)) => (Some(file), EndKind::Estimated),
        (None, None) => (None, EndKind::Unknown),
    }
}
