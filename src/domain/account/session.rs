//! Sessions: a row each, so that they can be listed and ended.
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::clock::Throttle;
use crate::domain::authorizers::list::Attention;
use crate::domain::memo::Memo;
use crate::domain::{Actor, Ctx, Error};
use crate::model::ids::{SessionId, UserId};
use crate::model::role::Permission;
use crate::model::time::{DAY, Moment};
use crate::model::user::{Session, User};
use crate::model::version::DataVersion;
use crate::store;

/// Ends when it was not used for this long.
pub const IDLE: Duration = DAY.saturating_mul(30);
/// *Last seen* is written no oftener than this.
const TOUCH: Duration = Duration::from_secs(60);
/// That it can't be written is logged no oftener than this.
const WARN_EVERY: Duration = Duration::from_secs(60);

/// What every page says beside its own matter.
#[derive(Clone, Copy)]
pub struct Counts {
    pub attention: Attention,
    /// Told as none to who may not answer them.
    pub open_requests: i64,
}

/// What was read from the present state of the database. A page of somebody who was here before waits for nothing.
pub struct Known {
    counts: Memo<(), Counts>,
    people: Memo<SessionId, (Session, User)>,
    /// When *last seen* of a session was last written, or tried to be: uptimes.
    touched: Mutex<HashMap<SessionId, Duration>>,
    touch_warning: Throttle,
}

impl Known {
    /// Notes that *last seen* is about to be written. False if that was tried a moment ago.
    fn begin_touch(&self, id: &SessionId, uptime: Duration) -> bool {
        let mut touched = self.touched.lock().unwrap_or_else(PoisonError::into_inner);
        let is_recent = |at: &Duration| uptime.saturating_sub(*at) < TOUCH;
        if touched.get(id).is_some_and(is_recent) {
            return false;
        }
        if touched.len() >= PEOPLE {
            touched.retain(|_, at| is_recent(at));
        }
        touched.insert(id.clone(), uptime);
        true
    }
}

/// So many who are here at once.
const PEOPLE: usize = 256;

impl Default for Known {
    fn default() -> Self {
        Self {
            counts: Memo::new(1),
            people: Memo::new(PEOPLE),
            touched: Mutex::default(),
            touch_warning: Throttle::default(),
        }
    }
}

/// Who is signed in, and what every page says beside it.
pub struct Resumed {
    pub actor: Actor,
    pub counts: Counts,
    /// The state of the database that this was read from.
    pub version: DataVersion,
}

/// Who is signed in with this session, and what needs somebody, which every page says; `None` when the session has
/// ended, wherever it was ended. At most one visit to the database: it is made for every page.
pub async fn resume(ctx: &Ctx, id: &SessionId) -> Result<Option<Resumed>, Error> {
    let now = ctx.clock.now();
    let found = match at_once(ctx, id, now) {
        Some(found) => found,
        None => match look(ctx, id, now).await? {
            Some(found) => found,
            None => return Ok(None),
        },
    };
    let ((session, user), counts, version) = found;
    if now.since(session.last_seen_at) >= TOUCH
        && ctx.known.begin_touch(&session.id, ctx.clock.uptime())
    {
        tokio::spawn(touch(ctx.clone(), session.id.clone(), user.id.clone(), now));
    }
    let actor = Actor {
        user_id: user.id,
        session_id: session.id,
        name: user.name,
        email: user.email,
        role: user.role,
        theme: user.theme,
    };
    let open_requests =
        if actor.may(Permission::AnswerRequests) { counts.open_requests } else { 0 };
    Ok(Some(Resumed { actor, counts: Counts { open_requests, ..counts }, version }))
}

type Found = ((Session, User), Counts, DataVersion);

fn at_once(ctx: &Ctx, id: &SessionId, now: Moment) -> Option<Found> {
    let version = ctx.db.glance()?;
    let person = ctx.known.people.get(&version, now, id)?;
    let counts = ctx.known.counts.get(&version, now, &())?;
    Some((person, counts, version))
}

async fn look(ctx: &Ctx, id: &SessionId, now: Moment) -> Result<Option<Found>, Error> {
    let (id, known) = (id.clone(), Arc::clone(&ctx.known));
    ctx.db
        .read_version(move |c, version| {
            let Some(person) = store::sessions::find_living(c, &id, now.minus(IDLE))? else {
                return Ok(None);
            };
            known.people.put(&version, now, id, person.clone());
            let counts = match known.counts.get(&version, now, &()) {
                Some(counts) => counts,
                None => {
                    let counts = count(c, now)?;
                    known.counts.put(&version, now, (), counts);
                    counts
                }
            };
            Ok(Some((person, counts, version)))
        })
        .await
}

fn count(c: &mut store::AnyConnection, now: Moment) -> Result<Counts, Error> {
    let (broken, due_soon) = store::authorizers::count_attention(c, now)?;
    Ok(Counts {
        attention: Attention { broken, due_soon },
        open_requests: store::requests::count_open(c)?,
    })
}

/// Writes *last seen*. No page waits for it, and none fails with it: a database that can't be
/// written can still be read.
async fn touch(ctx: Ctx, id: SessionId, user: UserId, now: Moment) {
    let written = ctx
        .db
        .write(move |c| {
            store::sessions::update_last_seen(c, &id, now)?;
            store::users::update_last_seen(c, &user, now)
        })
        .await;
    if let Err(error) = written
        && ctx.known.touch_warning.is_due(ctx.clock.uptime(), WARN_EVERY)
    {
        tracing::warn!(%error, "could not write when a session was last seen");
    }
}
