//! My name, my e-mail, my password, light or dark. What decides who gets in asks for the present password.
use crate::crypto::password;
use crate::domain::{Actor, Ctx, Error, activity};
use crate::model::credentials::Secret;
use crate::model::email::Email;
use crate::model::name::Name;
use crate::model::problems::{Complaint, Problems};
use crate::model::user::Theme;
use crate::store::{self, StoreError};

use super::sign_in::account_line;
use super::{check_password, hash_password, in_turn};

/// Name and colours.
pub async fn change(ctx: &Ctx, actor: &Actor, name: &str, theme: &str) -> Result<(), Error> {
    let mut problems = Problems::new();
    let name = Name::parse(name).map_err(|complaint| problems.add("name", complaint));
    let theme = Theme::from_code(theme);
    if theme.is_none() {
        problems.add("theme", Complaint::NotAChoice);
    }
    let (Ok(name), Some(theme)) = (name, theme) else {
        return Err(problems.into());
    };
    write(ctx, actor, Change { name: Some(name), theme: Some(theme), email: None }).await
}

/// The address to sign in with.
pub async fn change_email(
    ctx: &Ctx,
    actor: &Actor,
    email: &str,
    present: &Secret,
) -> Result<(), Error> {
    let mut problems = Problems::new();
    let email = Email::parse(email).map_err(|complaint| problems.add("email", complaint));
    if !is_present(ctx, actor, present).await? {
        problems.add(
            "password",
            if present.expose().is_empty() { Complaint::Required } else { Complaint::Wrong },
        );
    }
    let Ok(email) = email else {
        return Err(problems.into());
    };
    problems.or(())?;
    write(ctx, actor, Change { name: None, theme: None, email: Some(email) }).await
}

/// Ends all sessions but this one.
pub async fn change_password(
    ctx: &Ctx,
    actor: &Actor,
    present: &Secret,
    new: &Secret,
) -> Result<(), Error> {
    let mut problems = Problems::new();
    check_password("new_password", new, &mut problems);
    if !is_present(ctx, actor, present).await? {
        problems.add(
            "present_password",
            if present.expose().is_empty() { Complaint::Required } else { Complaint::Wrong },
        );
    }
    problems.or(())?;
    let (hash, now) = (hash_password(new).await?, ctx.clock.now());
    let line = activity::line(ctx, Some(actor), account_line("password_changed", actor));
    let (user, session) = (actor.user_id.clone(), actor.session_id.clone());
    ctx.db
        .write(move |c| {
            store::users::update_password(c, &user, &hash, now)?;
            store::sessions::delete_others(c, &user, &session)?;
            store::invitations::void(c, &user, now)?;
            line.write(c)
        })
        .await?;
    Ok(())
}

struct Change {
    name: Option<Name>,
    theme: Option<Theme>,
    email: Option<Email>,
}

async fn write(ctx: &Ctx, actor: &Actor, change: Change) -> Result<(), Error> {
    let (scope, actor, now) = (ctx.clone(), actor.clone(), ctx.clock.now());
    let written = ctx
        .db
        .write(move |c| {
            let user = store::users::find(c, &actor.user_id)?.ok_or(Error::NotFound)?;
            let wrong = |complaint| Error::from(Problems::general(complaint));
            let name = change.name.map_or_else(|| Name::parse(&user.name), Ok).map_err(wrong)?;
            let email =
                change.email.map_or_else(|| Email::parse(&user.email), Ok).map_err(wrong)?;
            let theme = change.theme.unwrap_or(user.theme);
            let changed = [
                (name.as_str() != user.name, "name"),
                (email.as_str() != user.email, "e-mail"),
                (theme != user.theme, "colours"),
            ];
            let changed: Vec<&str> = changed
                .iter()
                .filter(|(is_changed, _)| *is_changed)
                .map(|(_, what)| *what)
                .collect();
            if changed.is_empty() {
                return Ok(());
            }
            if !store::users::update_profile(
                c,
                &user.id,
                user.version,
                (&name, &email, theme),
                now,
            )? {
                return Err(Error::Stale);
            }
            let mut new = account_line("edited", &actor);
            new.note = changed.join(", ");
            activity::line(&scope, Some(&actor), new).write(c)?;
            Ok(())
        })
        .await;
    match written {
        Err(Error::Store(StoreError::Taken { .. })) => {
            let taken = "Somebody else signs in with this address.".to_owned();
            Err(Problems::field("email", Complaint::Say(taken)).into())
        }
        other => other,
    }
}

async fn is_present(ctx: &Ctx, actor: &Actor, present: &Secret) -> Result<bool, Error> {
    let (user, present) = (actor.user_id.clone(), present.clone());
    let hash = ctx.db.read(move |c| store::users::password_hash(c, &user)).await?;
    let is_right =
        in_turn(move || hash.is_some_and(|hash| password::is_right(present.expose(), &hash))).await;
    Ok(is_right.unwrap_or(false))
}
