//! Members: who belongs to this installation. Only an owner manages owners, and the last one cannot be lost.
pub mod activate;
pub mod change_role;
pub mod invite;
pub mod list;
pub mod rescue;
pub mod sign_out;

use crate::domain::{Actor, Ctx, Error, activity};
use crate::model::activity::{NewActivity, SubjectKind};
use crate::model::ids::UserId;
use crate::model::problems::{Complaint, Problems};
use crate::model::role::{Permission, Role};
use crate::model::time::Moment;
use crate::model::user::User;
use crate::store::{self, AnyConnection, StoreError};

/// Name and e-mail of those who may set things up: whom to ask.
pub async fn admins(ctx: &Ctx) -> Result<Vec<(String, String)>, Error> {
    let all = ctx.db.read(store::users::list).await?;
    let is_admin = |role: Role| matches!(role, Role::Owner | Role::Admin);
    Ok(all
        .into_iter()
        .filter(|user| user.is_active && is_admin(user.role))
        .map(|user| (user.name, user.email))
        .collect())
}

/// Owners are an owner's matter, everybody else is an admin's.
pub fn may_manage(actor: &Actor, role: Role) -> bool {
    actor.may(Permission::ManageMembers)
        && (role != Role::Owner || actor.may(Permission::ManageOwners))
}

/// The person as of this transaction, if the actor may manage them.
fn managed(c: &mut AnyConnection, actor: &Actor, id: &UserId) -> Result<User, Error> {
    let user = store::users::find(c, id)?.ok_or(Error::NotFound)?;
    if user.role == Role::Owner {
        actor.must(Permission::ManageOwners)?;
    }
    Ok(user)
}

/// Refuses what would leave nobody who may manage owners. To be called before the change, in its transaction.
fn keep_an_owner(c: &mut AnyConnection, user: &User, now: Moment) -> Result<(), Error> {
    if user.role != Role::Owner {
        return Ok(());
    }
    store::users::lock_owners(c, now)?;
    if user.is_active && store::users::count_other_owners(c, &user.id)? == 0 {
        return Err(refused("This is the last owner. Make somebody else an owner first."));
    }
    Ok(())
}

fn refused(why: &str) -> Error {
    Problems::general(Complaint::Say(why.to_owned())).into()
}

/// A line about a person, written in the transaction that knows the name.
fn note(
    c: &mut AnyConnection,
    (ctx, actor): (&Ctx, Option<&Actor>),
    verb: &'static str,
    (user, note): (&User, String),
) -> Result<(), StoreError> {
    let new = NewActivity {
        verb,
        subject_kind: SubjectKind::Member,
        subject_id: user.id.to_string(),
        subject_name: user.name.clone(),
        note,
    };
    activity::line(ctx, actor, new).write(c)
}
