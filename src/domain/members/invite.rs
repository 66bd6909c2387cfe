//! *Add a member*, and *Make a new link*: a one-time link to set a password, shown once. No mail server is needed for it.
use std::time::Duration;

use crate::crypto::token;
use crate::domain::{Actor, Ctx, Error};
use crate::model::credentials::Secret;
use crate::model::email::Email;
use crate::model::ids::{InvitationId, UserId};
use crate::model::name::Name;
use crate::model::problems::{Complaint, Problems};
use crate::model::role::{Permission, Role};
use crate::model::time::{DAY, Moment};
use crate::model::user::User;
use crate::store::invitations::NewInvitation;
use crate::store::{self, StoreError};

use super::{managed, may_manage, note, refused};

/// How long a link opens.
pub const LASTS: Duration = DAY.saturating_mul(7);

/// What was typed.
pub struct Invite {
    /// Empty: what stands before the `@`, until the person says otherwise.
    pub name: String,
    pub email: String,
    pub role: String,
}

/// A link as it leaves this function: the token is kept nowhere.
pub struct Invited {
    pub id: UserId,
    pub token: Secret,
}

pub async fn invite(ctx: &Ctx, actor: &Actor, form: &Invite) -> Result<Invited, Error> {
    actor.must(Permission::ManageMembers)?;
    let user = person(actor, form, ctx.clock.now())?;
    let (token, link) = link(&user.id, Some(actor), user.created_at);
    let (id, scope) = (user.id.clone(), (ctx.clone(), actor.clone()));
    let written = ctx
        .db
        .write(move |c| {
            store::users::insert(c, &user, None)?;
            store::invitations::insert(c, &link)?;
            note(c, (&scope.0, Some(&scope.1)), "invited", (&user, user.role.code().to_owned()))
        })
        .await;
    match written {
        Ok(()) => Ok(Invited { id, token }),
        Err(StoreError::Taken { column }) if column == "email" => {
            let taken = "Somebody with this address is a member already.".to_owned();
            Err(Problems::field("email", Complaint::Say(taken)).into())
        }
        Err(other) => Err(other.into()),
    }
}

/// Voids every link before it. A password that is there goes on until the link is used.
pub async fn new_link(ctx: &Ctx, actor: &Actor, id: &UserId) -> Result<Secret, Error> {
    actor.must(Permission::ManageMembers)?;
    let now = ctx.clock.now();
    let (token, link) = link(id, Some(actor), now);
    let (id, scope) = (id.clone(), (ctx.clone(), actor.clone()));
    ctx.db
        .write(move |c| {
            let user = managed(c, &scope.1, &id)?;
            if !user.is_active {
                return Err(refused("This member is deactivated. Reactivate them first."));
            }
            store::invitations::void(c, &id, now)?;
            store::invitations::insert(c, &link)?;
            note(c, (&scope.0, Some(&scope.1)), "link_made", (&user, String::new()))?;
            Ok(())
        })
        .await?;
    Ok(token)
}

fn person(actor: &Actor, form: &Invite, now: Moment) -> Result<User, Error> {
    let mut problems = Problems::new();
    let email = Email::parse(&form.email).map_err(|complaint| problems.add("email", complaint));
    let typed = if form.name.trim().is_empty() {
        form.email.split('@').next().unwrap_or_default()
    } else {
        &form.name
    };
    // Without an address there is no name to make; then the address alone is complained about.
    let name = match Name::parse(typed) {
        Err(Complaint::Required) => Err(()),
        other => other.map_err(|complaint| problems.add("name", complaint)),
    };
    let role = Role::from_code(&form.role);
    match role {
        None if form.role.is_empty() => problems.add("role", Complaint::Required),
        None => problems.add("role", Complaint::NotAChoice),
        Some(role) if !may_manage(actor, role) => actor.must(Permission::ManageOwners)?,
        Some(_) => {}
    }
    let (Ok(email), Ok(name), Some(role)) = (email, name, role) else {
        return Err(problems.into());
    };
    Ok(User::newcomer(UserId::new(now, token::ten()), (email.as_str(), name.as_str()), role, now))
}

fn link(user: &UserId, actor: Option<&Actor>, now: Moment) -> (Secret, NewInvitation) {
    let token = token::random(32);
    let link = NewInvitation {
        id: InvitationId::new(now, token::ten()),
        user_id: user.clone(),
        token_hash: token::sha256_hex(token.expose()),
        created_by_id: actor.map(|actor| actor.user_id.clone()),
        created_at: now,
        expires_at: now.plus(LASTS),
    };
    (token, link)
}
