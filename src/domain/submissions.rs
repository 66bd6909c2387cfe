//! Pressing twice is pressing once: the first of several that send the same form is carried out, the others get its answer,
//! whichever process they reach.
use std::time::Duration;

use zeroize::Zeroizing;

use crate::crypto::cipher::Place;
use crate::domain::{Ctx, Error};
use crate::store;
use crate::store::submissions::{Claimable, Progress};

/// An answer is repeated for this long after it was given. What is sent later is meant.
const REPEAT: Duration = Duration::from_secs(5);
/// The second press waits no longer for the first one.
const WAIT: Duration = Duration::from_secs(60);
/// A process that has not answered after this long was stopped.
const DEAD_AFTER: Duration = Duration::from_secs(120);
const POLL: Duration = Duration::from_millis(100);

/// Names what was sent: by whom, where to, and all of it.
#[derive(Clone)]
pub struct Submission {
    /// A hash.
    pub id: String,
    /// The form was drawn for one press: what is sent again is that press. Otherwise only what is sent while the first is
    /// still being answered counts as the same.
    pub is_marked: bool,
}

/// What the sender of a form is to do.
pub enum Turn {
    /// Carry it out, then call [`finish`].
    First,
    /// Answer with what the first one was answered.
    Repeat(Zeroizing<Vec<u8>>),
    /// It is still being carried out.
    Busy,
}

fn place(id: &str) -> Place<'_> {
    Place { table: "submissions", column: "sealed", id }
}

/// Waits for its turn.
pub async fn begin(ctx: &Ctx, submission: &Submission) -> Result<Turn, Error> {
    let mut polls = WAIT.as_millis() / POLL.as_millis();
    // What was under way when this one came is the same press, marked or not.
    let mut has_met_another = false;
    while polls > 0 {
        let id = submission.id.clone();
        let progress = ctx.db.read(move |c| store::submissions::find(c, &id)).await?;
        let now = ctx.clock.now();
        match progress {
            Progress::Waiting { since } if now.since(since) < DEAD_AFTER => {
                has_met_another = true;
                polls -= 1;
                tokio::time::sleep(POLL).await;
                continue;
            }
            Progress::Answered { at, sealed: Some(sealed) }
                if has_met_another || (submission.is_marked && now.since(at) < REPEAT) =>
            {
                let answer = ctx.cipher.open(place(&submission.id), &sealed);
                return answer.map(Turn::Repeat).map_err(|_| Error::Locked);
            }
            Progress::Waiting { .. } | Progress::Answered { .. } | Progress::Unknown => {}
        }
        if claim(ctx, submission).await? {
            return Ok(Turn::First);
        }
        has_met_another = true;
    }
    Ok(Turn::Busy)
}

async fn claim(ctx: &Ctx, submission: &Submission) -> Result<bool, Error> {
    let now = ctx.clock.now();
    let repeat = if submission.is_marked { REPEAT } else { Duration::ZERO };
    let when =
        Claimable { now, began_before: now.minus(DEAD_AFTER), answered_until: now.minus(repeat) };
    let id = submission.id.clone();
    Ok(ctx.db.write(move |c| store::submissions::claim(c, &id, when)).await?)
}

/// The first one is done. `None`: its answer is not to be repeated.
pub async fn finish(
    ctx: &Ctx,
    submission: &Submission,
    answer: Option<&[u8]>,
) -> Result<(), Error> {
    let id = submission.id.clone();
    let sealed = answer.map(|answer| ctx.cipher.seal(place(&id), answer)).transpose()?;
    let now = ctx.clock.now();
    ctx.db.write(move |c| store::submissions::answer(c, &id, sealed.as_ref(), now)).await?;
    Ok(())
}
