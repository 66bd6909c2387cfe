//! An owner made on the server itself, past the browser: the first one, or one after everybody was locked out.
use crate::domain::account::{check_password, hash_password, set_up};
use crate::domain::{Ctx, Error};
use crate::model::credentials::Secret;
use crate::model::email::Email;
use crate::model::name::Name;
use crate::model::problems::Problems;
use crate::model::role::Role;
use crate::store;

use super::note;

/// True if somebody new was made; false if whoever has the address became an owner with this password.
pub async fn make_owner(
    ctx: &Ctx,
    name: &str,
    email: &str,
    password: &Secret,
) -> Result<bool, Error> {
    let mut problems = Problems::new();
    let name = Name::parse(name).map_err(|complaint| problems.add("name", complaint));
    let email = Email::parse(email).map_err(|complaint| problems.add("email", complaint));
    check_password("password", password, &mut problems);
    let (Ok(name), Ok(email)) = (name, email) else {
        return Err(problems.into());
    };
    problems.or(())?;
    let (hash, now, scope) = (hash_password(password).await?, ctx.clock.now(), ctx.clone());
    ctx.db
        .write(move |c| {
            store::users::lock_owners(c, now)?;
            let there = store::users::find_by_email(c, email.as_str())?;
            let is_new = there.is_none();
            let user = there.unwrap_or_else(|| set_up::owner(&name, &email, now));
            if is_new {
                store::users::insert(c, &user, Some(&hash))?;
            } else {
                store::users::update_password(c, &user.id, &hash, now)?;
                store::users::update_role(c, &user.id, Role::Owner, now)?;
                store::users::update_active(c, &user.id, true, now)?;
                store::users::raise_epoch(c, &user.id)?;
                store::invitations::void(c, &user.id, now)?;
            }
            // From here on nobody sets the app up through the browser.
            store::facts::put(c, "first_owner", user.id.as_str().as_bytes(), now)?;
            store::facts::delete(c, set_up::CODE_FACT)?;
            let verb = if is_new { "invited" } else { "password_changed" };
            note(c, (&scope, None), verb, (&user, "on the server".to_owned()))?;
            Ok(is_new)
        })
        .await
}
