//! A new authorizer before anything is known of it.
use crate::catalog::Service;
use crate::catalog::auth::AuthSpec;
use crate::domain::{Actor, Ctx};
use crate::model::authorizer::{Authorizer, EndKind, Health, Identity, Lifecycle};
use crate::model::ids::AuthorizerId;

/// Active and unverified.
pub fn authorizer(
    ctx: &Ctx,
    actor: &Actor,
    (id, service, auth): (AuthorizerId, &Service, &AuthSpec),
) -> Authorizer {
    let now = ctx.clock.now();
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
        ends_at: None,
        end_kind: EndKind::Unknown,
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
