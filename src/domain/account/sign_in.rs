//! Signing in and out. The same words and the same time for an unknown address and a wrong password.
use crate::crypto::password;
use crate::domain::{Actor, Ctx, Error, activity};
use crate::model::activity::{NewActivity, SubjectKind};
use crate::model::credentials::Secret;
use crate::model::email::Email;
use crate::model::ids::SessionId;
use crate::model::network::Network;
use crate::model::problems::{Complaint, Problems};
use crate::model::user::User;
use crate::store;

use super::session::IDLE;
use super::{Client, in_turn, set_up::new_session};

pub async fn sign_in(
    ctx: &Ctx,
    email: &str,
    secret: &Secret,
    client: Client,
) -> Result<SessionId, Error> {
    let found = match Email::parse(email) {
        Ok(email) => find_with_hash(ctx, email).await?,
        // No member has such an address: the database isn't asked about it.
        Err(_) => None,
    };
    let user = verified(found, secret).await.ok_or_else(|| Problems::general(Complaint::Wrong))?;
    let now = ctx.clock.now();
    let session = new_session(&user.id, client, now);
    let id = session.id.clone();
    let actor = Actor {
        user_id: user.id.clone(),
        session_id: id.clone(),
        name: user.name.clone(),
        email: user.email,
        role: user.role,
        theme: user.theme,
    };
    let line = activity::line(ctx, Some(&actor), account_line("signed_in", &actor));
    ctx.db
        .write(move |c| {
            store::sessions::insert(c, &session)?;
            line.write(c)
        })
        .await?;
    Ok(id)
}

async fn find_with_hash(ctx: &Ctx, email: Email) -> Result<Option<(User, String)>, Error> {
    let found = ctx
        .db
        .read(move |c| {
            let Some(user) = store::users::find_by_email(c, email.as_str())? else {
                return Ok(None);
            };
            let hash = store::users::password_hash(c, &user.id)?;
            Ok::<_, store::StoreError>(hash.map(|hash| (user, hash)))
        })
        .await?;
    Ok(found)
}

/// Whether a living session of this address was begun in this network.
pub async fn is_known_from(ctx: &Ctx, email: &str, network: Network) -> Result<bool, Error> {
    let (Ok(email), now) = (Email::parse(email), ctx.clock.now()) else {
        return Ok(false);
    };
    let sessions = ctx
        .db
        .read(move |c| {
            let Some(user) = store::users::find_by_email(c, email.as_str())? else {
                return Ok(Vec::new());
            };
            store::sessions::list(c, &user.id, now.minus(IDLE))
        })
        .await?;
    Ok(sessions.iter().any(|session| Network::parse(&session.address) == Some(network)))
}

async fn verified(found: Option<(User, String)>, secret: &Secret) -> Option<User> {
    let secret = secret.clone();
    in_turn(move || match found {
        Some((user, hash)) => {
            (password::is_right(secret.expose(), &hash) && user.is_active).then_some(user)
        }
        None => {
            password::pretend(secret.expose());
            None
        }
    })
    .await
    .flatten()
}

pub async fn sign_out(ctx: &Ctx, actor: &Actor) -> Result<(), Error> {
    let line = activity::line(ctx, Some(actor), account_line("signed_out", actor));
    let (user, session) = (actor.user_id.clone(), actor.session_id.clone());
    ctx.db
        .write(move |c| {
            store::sessions::delete(c, &user, &session)?;
            line.write(c)
        })
        .await?;
    Ok(())
}

pub(in crate::domain) fn account_line(verb: &'static str, actor: &Actor) -> NewActivity {
    NewActivity {
        verb,
        subject_kind: SubjectKind::Account,
        subject_id: actor.user_id.to_string(),
        subject_name: actor.name.clone(),
        note: String::new(),
    }
}
