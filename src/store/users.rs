//! People.
use diesel::prelude::*;

use crate::model::email::Email;
use crate::model::ids::UserId;
use crate::model::name::{Name, fold};
use crate::model::role::Role;
use crate::model::time::Moment;
use crate::model::user::{Theme, User};

use super::StoreError;
use super::conn::AnyConnection;
use super::schema::users;
use super::types::{moment, unknown};

#[derive(Queryable, Selectable)]
#[diesel(table_name = users)]
pub(super) struct Row {
    id: String,
    email: String,
    name: String,
    role: String,
    password_hash: Option<String>,
    is_active: bool,
    theme: String,
    version: i64,
    created_at: i64,
    last_seen_at: Option<i64>,
}

impl TryFrom<Row> for User {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.id.into(),
            email: row.email,
            name: row.name,
            role: Role::from_code(&row.role).ok_or_else(|| unknown("role", &row.role))?,
            has_password: row.password_hash.is_some(),
            is_active: row.is_active,
            theme: Theme::from_code(&row.theme).ok_or_else(|| unknown("theme", &row.theme))?,
            created_at: Moment::from_micros(row.created_at),
            last_seen_at: moment(row.last_seen_at),
            version: row.version,
        })
    }
}

pub fn any(c: &mut AnyConnection) -> Result<bool, StoreError> {
    let first: Option<String> = users::table.select(users::id).first(c).optional()?;
    Ok(first.is_some())
}

pub fn find(c: &mut AnyConnection, id: &UserId) -> Result<Option<User>, StoreError> {
    let row = users::table.find(id.as_str()).select(Row::as_select()).first(c).optional()?;
    row.map(User::try_from).transpose()
}

pub fn find_by_email(c: &mut AnyConnection, email: &str) -> Result<Option<User>, StoreError> {
    let row = users::table
        .filter(users::email_folded.eq(fold(email)))
        .select(Row::as_select())
        .first(c)
        .optional()?;
    row.map(User::try_from).transpose()
}

/// All, by name. A team is small.
pub fn list(c: &mut AnyConnection) -> Result<Vec<User>, StoreError> {
    let rows: Vec<Row> =
        users::table.order((users::name_folded, users::id)).select(Row::as_select()).load(c)?;
    rows.into_iter().map(User::try_from).collect()
}

/// Owners beside this one who can get in: active, with a password.
pub fn count_other_owners(c: &mut AnyConnection, id: &UserId) -> Result<i64, StoreError> {
    let able = users::is_active.and(users::password_hash.is_not_null());
    let others = users::role.eq(Role::Owner.code()).and(users::id.ne(id.as_str()));
    Ok(users::table.filter(others).filter(able).count().get_result(c)?)
}

/// Whoever may make an owner fewer goes through here first, one transaction after the other: two at the same time would
/// each still see the other's owner.
pub fn lock_owners(c: &mut AnyConnection, now: Moment) -> Result<(), StoreError> {
    super::facts::put(c, "owners_changed", b"", now)
}

pub fn password_hash(c: &mut AnyConnection, id: &UserId) -> Result<Option<String>, StoreError> {
    Ok(users::table
        .find(id.as_str())
        .select(users::password_hash)
        .first::<Option<String>>(c)
        .optional()?
        .flatten())
}

pub fn session_epoch(c: &mut AnyConnection, id: &UserId) -> Result<Option<i64>, StoreError> {
    Ok(users::table.find(id.as_str()).select(users::session_epoch).first(c).optional()?)
}

/// `Taken { column: "email" }` if somebody has the address.
pub fn insert(
    c: &mut AnyConnection,
    user: &User,
    password_hash: Option<&str>,
) -> Result<(), StoreError> {
    diesel::insert_into(users::table)
        .values((
            users::id.eq(user.id.as_str()),
            users::email.eq(&user.email),
            users::email_folded.eq(fold(&user.email)),
            users::name.eq(&user.name),
            users::name_folded.eq(fold(&user.name)),
            users::role.eq(user.role.code()),
            users::password_hash.eq(password_hash),
            users::is_active.eq(user.is_active),
            users::session_epoch.eq(1),
            users::theme.eq(user.theme.code()),
            users::version.eq(user.version),
            users::created_at.eq(user.created_at.micros()),
            users::updated_at.eq(user.created_at.micros()),
        ))
        .execute(c)?;
    Ok(())
}

/// False if somebody else has edited it since `version` was read.
pub fn update_profile(
    c: &mut AnyConnection,
    id: &UserId,
    version: i64,
    (name, email, theme): (&Name, &Email, Theme),
    now: Moment,
) -> Result<bool, StoreError> {
    let unchanged = users::id.eq(id.as_str()).and(users::version.eq(version));
    let changed = diesel::update(users::table.filter(unchanged))
        .set((
            users::name.eq(name.as_str()),
            users::name_folded.eq(name.folded()),
            users::email.eq(email.as_str()),
            users::email_folded.eq(email.folded()),
            users::theme.eq(theme.code()),
            users::version.eq(version + 1),
            users::updated_at.eq(now.micros()),
        ))
        .execute(c)?;
    Ok(changed == 1)
}

pub fn update_password(
    c: &mut AnyConnection,
    id: &UserId,
    hash: &str,
    now: Moment,
) -> Result<(), StoreError> {
    diesel::update(users::table.find(id.as_str()))
        .set((users::password_hash.eq(hash), users::updated_at.eq(now.micros())))
        .execute(c)?;
    Ok(())
}

pub fn update_role(
    c: &mut AnyConnection,
    id: &UserId,
    role: Role,
    now: Moment,
) -> Result<(), StoreError> {
    diesel::update(users::table.find(id.as_str()))
        .set((
            users::role.eq(role.code()),
            users::version.eq(users::version + 1),
            users::updated_at.eq(now.micros()),
        ))
        .execute(c)?;
    Ok(())
}

pub fn update_active(
    c: &mut AnyConnection,
    id: &UserId,
    is_active: bool,
    now: Moment,
) -> Result<(), StoreError> {
    diesel::update(users::table.find(id.as_str()))
        .set((
            users::is_active.eq(is_active),
            users::version.eq(users::version + 1),
            users::updated_at.eq(now.micros()),
        ))
        .execute(c)?;
    Ok(())
}

/// Every session begun before is void from here on.
pub fn raise_epoch(c: &mut AnyConnection, id: &UserId) -> Result<(), StoreError> {
    diesel::update(users::table.find(id.as_str()))
        .set(users::session_epoch.eq(users::session_epoch + 1))
        .execute(c)?;
    Ok(())
}

pub fn update_last_seen(c: &mut AnyConnection, id: &UserId, now: Moment) -> Result<(), StoreError> {
    diesel::update(users::table.find(id.as_str()))
        .set(users::last_seen_at.eq(now.micros()))
        .execute(c)?;
    Ok(())
}
