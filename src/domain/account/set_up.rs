//! *Set up*: the first owner. It happens once; of two at the same time one wins.
use serde::{Deserialize, Serialize};

use crate::crypto::cipher::Place;
use crate::crypto::{Cipher, Sealed, token};
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
use crate::store::{self, AnyConnection, StoreError};

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

/// The code as it is kept: sealed, so that each process that starts can say the same one.
#[derive(Serialize, Deserialize)]
struct SealedCode {
    key_id: String,
    bytes: Vec<u8>,
}

fn code_place() -> Place<'static> {
    Place { table: "facts", column: "value", id: CODE_FACT }
}

/// Returns the code for the console: the one that is there, whichever process made it, or a new one.
/// `None` once there is an owner.
pub async fn find_or_make_code(ctx: &Ctx) -> Result<Option<Secret>, Error> {
    if super::is_set_up(ctx).await? {
        return Ok(None);
    }
    let new = token::random(9);
    let sealed = ctx.cipher.seal(code_place(), new.expose().as_bytes())?;
    let kept = SealedCode { key_id: sealed.key_id, bytes: sealed.bytes };
    let value = serde_json::to_vec(&kept).map_err(|error| StoreError::Broken(error.to_string()))?;
    let (cipher, now) = (ctx.cipher.clone(), ctx.clock.now());
    let code = ctx
        .db
        .write(move |c| {
            // Two that start together: the second waits here, and then finds the code of the first.
            store::users::lock_owners(c, now)?;
            if let Some(code) = read_code(c, &cipher)? {
                return Ok(code);
            }
            store::facts::put(c, CODE_FACT, &value, now)?;
            Ok::<_, StoreError>(new)
        })
        .await?;
    Ok(Some(code))
}

/// `None` also for one that was sealed with a key that is gone.
fn read_code(c: &mut AnyConnection, cipher: &Cipher) -> Result<Option<Secret>, StoreError> {
    let Some(value) = store::facts::get(c, CODE_FACT)? else {
        return Ok(None);
    };
    let kept: Option<SealedCode> = serde_json::from_slice(&value).ok();
    let plain = kept.and_then(|SealedCode { key_id, bytes }| {
        cipher.open(code_place(), &Sealed { bytes, key_id }).ok()
    });
    Ok(plain.and_then(|plain| std::str::from_utf8(&plain).ok().map(Secret::new)))
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
            Ok::<_, StoreError>(true)
        })
        .await;
    match is_first {
        Ok(true) => Ok(id),
        Ok(false) | Err(StoreError::Taken { .. }) => {
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
    let cipher = ctx.cipher.clone();
    let kept = ctx.db.read(move |c| read_code(c, &cipher)).await?;
    Ok(kept.is_some_and(|kept| token::is_same(code.trim(), kept.expose())))
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
