//! A one-time link: whoever has it sets name and password, and is signed in. Used once; the older sessions end.
use crate::crypto::token;
use crate::domain::{Actor, Ctx, Error, activity};
use crate::model::credentials::Secret;
use crate::model::ids::SessionId;
use crate::model::name::Name;
use crate::model::problems::Problems;
use crate::model::user::User;
use crate::store::invitations::Invitation;
use crate::store::{self, AnyConnection};

use super::set_up::new_session;
use super::sign_in::account_line;
use super::{Client, check_password, hash_password};

/// What a link leads to.
pub enum Link {
    /// It still opens; whose it is.
    Open(Box<User>),
    Used,
    Expired,
    /// Its person is deactivated.
    Closed,
}

/// What was typed.
pub struct Accept {
    pub name: String,
    pub password: Secret,
}

/// `NotFound` for a token that was never given out, or long ago.
pub async fn find(ctx: &Ctx, token: &Secret) -> Result<Link, Error> {
    let (hash, now) = (token::sha256_hex(token.expose()), ctx.clock.now());
    let found = ctx
        .db
        .read(move |c| store::invitations::find_by_hash(c, &hash))
        .await?
        .ok_or(Error::NotFound)?;
    Ok(match found {
        Invitation { is_used: true, .. } => Link::Used,
        found if found.expires_at <= now => Link::Expired,
        found if !found.user.is_active => Link::Closed,
        found => Link::Open(Box::new(found.user)),
    })
}

/// `WrongState` if the link does not open any more.
pub async fn accept(
    ctx: &Ctx,
    token: &Secret,
    form: Accept,
    client: Client,
) -> Result<SessionId, Error> {
    let mut problems = Problems::new();
    let name = Name::parse(&form.name).map_err(|complaint| problems.add("name", complaint));
    check_password("password", &form.password, &mut problems);
    let Ok(name) = name else {
        return Err(problems.into());
    };
    problems.or(())?;
    // A link that is over costs no hashing.
    if !matches!(find(ctx, token).await?, Link::Open(_)) {
        return Err(closed());
    }
    let password_hash = hash_password(&form.password).await?;
    let (hash, now, scope) = (token::sha256_hex(token.expose()), ctx.clock.now(), ctx.clone());
    ctx.db
        .write(move |c| {
            let found = store::invitations::find_by_hash(c, &hash)?.ok_or(Error::NotFound)?;
            let is_open = found.expires_at > now
                && found.user.is_active
                && store::invitations::use_up(c, &found.id, now)?;
            if !is_open {
                return Err(closed());
            }
            let user = found.user;
            store::users::update_password(c, &user.id, &password_hash, now)?;
            rename(c, &user, &name, now)?;
            store::users::raise_epoch(c, &user.id)?;
            let session = new_session(&user.id, client, now);
            store::sessions::insert(c, &session)?;
            let actor = Actor {
                user_id: user.id,
                session_id: session.id.clone(),
                name: name.as_str().to_owned(),
                email: user.email,
                role: user.role,
                theme: user.theme,
            };
            let verb = if user.has_password { "password_changed" } else { "joined" };
            activity::line(&scope, Some(&actor), account_line(verb, &actor)).write(c)?;
            Ok(session.id)
        })
        .await
}

fn rename(
    c: &mut AnyConnection,
    user: &User,
    name: &Name,
    now: crate::model::time::Moment,
) -> Result<(), Error> {
    let email = crate::model::email::Email::parse(&user.email)
        .map_err(|complaint| Problems::field("email", complaint))?;
    let is_changed =
        store::users::update_profile(c, &user.id, user.version, (name, &email, user.theme), now)?;
    if is_changed { Ok(()) } else { Err(Error::Stale) }
}

fn closed() -> Error {
    Error::WrongState("the link does not open any more")
}
