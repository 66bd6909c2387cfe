//! *Set up*: the first owner. It happens once; of two at the same time one wins.
use crate::crypto::token;
use crate::domain::{Ctx, Error, activity};
use crate::model::activity::{NewActivity, SubjectKind};
use crate::model::credentials::Secret;
use crate::model::email::Email;
use crate::model::ids::{SessionId, UserId};
use crate::model::name::Name;
use crate::model::problems::{Complaint, Problems};
use crate::model::role::Role;
use crate::model::time::Moment;
use crate::model::user::{Session, User};
use crate::store;

use super::{Client, check_password, hash_password};

/// What was typed.
pub struct SetUp {
    pub name: String,
    pub email: String,
    pub password: Secret,
    /// The console's one-time code; not asked on the machine itself.
    pub code: Option<String>,
    pub is_local: bool,
}

pub(in crate::domain) const CODE_FACT: &str = "set_up_code";

/// Makes a new code for the console; only its hash is kept. `None` once there is an owner.
pub async fn new_code(ctx: &Ctx) -> Result<Option<Secret>, Error> {
    if super::is_set_up(ctx).await? {
        return Ok(None);
    }
    let code = token::random(9);
    let (hash, now) = (token::sha256_hex(code.expose()), ctx.clock.now());
    ctx.db.write(move |c| store::facts::put(c, CODE_FACT, hash.as_bytes(), now)).await?;
    Ok(Some(code))
}

pub async fn set_up(ctx: &Ctx, form: SetUp, client: Client) -> Result<SessionId, Error> {
    let (name, email) = check(ctx, &form).await?;
    let hash = hash_password(&form.password).await?;
    let now = ctx.clock.now();
    let user = owner(&name, &email, now);
    let session = new_session(&user.id, client, now);
    let line = activity::line(
        ctx,
        None,
        NewActivity {
            verb: "set_up",
            subject_kind: SubjectKind::Member,
            subject_id: user.id.to_string(),
            subject_name: user.name.clone(),
            note: Role::Owner.code().to_owned(),
        },
    );
    let id = session.id.clone();
    let is_first = ctx
        .db
        .write(move |c| {
            if store::users::any(c)? {
                return Ok(false);
            }
            // A row that can be there once: of two processes setting up at the same time, one is refused.
            store::facts::claim(c, "first_owner", user.id.as_str().as_bytes(), now)?;
            store::users::insert(c, &user, Some(&hash))?;
            store::sessions::insert(c, &session)?;
            store::facts::delete(c, CODE_FACT)?;
            line.write(c)?;
            Ok::<_, store::StoreError>(true)
        })
        .await;
    match is_first {
        Ok(true) => Ok(id),
        Ok(false) | Err(store::StoreError::Taken { .. }) => {
            Err(Error::WrongState("somebody has set it up already; sign in"))
        }
        Err(other) => Err(other.into()),
    }
}

async fn check(ctx: &Ctx, form: &SetUp) -> Result<(Name, Email), Error> {
    let mut problems = Problems::new();
    let name = Name::parse(&form.name).map_err(|complaint| problems.add("name", complaint));
    let email = Email::parse(&form.email).map_err(|complaint| problems.add("email", complaint));
    check_password("password", &form.password, &mut problems);
    if !form.is_local && !is_code(ctx, form.code.as_deref().unwrap_or_default()).await? {
        problems.add("code", Complaint::Wrong);
    }
    match (name, email) {
        (Ok(name), Ok(email)) => Ok(problems.or((name, email))?),
        _ => Err(problems.into()),
    }
}

async fn is_code(ctx: &Ctx, code: &str) -> Result<bool, Error> {
    let stored = ctx.db.read(|c| store::facts::get(c, CODE_FACT)).await?.unwrap_or_default();
    Ok(!stored.is_empty()
        && token::is_same(&token::sha256_hex(code.trim()), &String::from_utf8_lossy(&stored)))
}

/// An owner who was never here yet.
pub fn owner(name: &Name, email: &Email, now: Moment) -> User {
    let id = UserId::new(now, token::ten());
    User {
        has_password: true,
        ..User::newcomer(id, (email.as_str(), name.as_str()), Role::Owner, now)
    }
}

/// The id is the whole secret of the session: 256 bits, not a time-ordered id.
pub(super) fn new_session(user: &UserId, client: Client, now: Moment) -> Session {
    Session {
        id: SessionId::from(token::random(32).expose()),
        user_id: user.clone(),
        created_at: now,
        last_seen_at: now,
        address: client.address,
        user_agent: client.user_agent.chars().take(300).collect(),
    }
}
