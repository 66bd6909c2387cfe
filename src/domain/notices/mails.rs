//! Mails what waits for people: each notice by itself, many at once in one mail. A claim makes it one process's matter, its
//! end another's; a mail that is tried again has the same Message-ID.
use std::time::Duration;

use futures_util::stream::{self, StreamExt};

use crate::crypto::token;
use crate::domain::{Ctx, Error};
use crate::model::delivery::{Delivery, DeliveryState, Ending, mail_wait};
use crate::model::ids::{DeliveryId, NoticeId, UserId};
use crate::model::notice::MailMode;
use crate::model::time::{DAY, Moment};
use crate::model::user::User;
use crate::outbound::mail::{Mail, MailFault, Mailer};
use crate::store::{self, AnyConnection, StoreError};

use super::letter::{self, Letter};

/// Mails under way at once.
const AT_ONCE: usize = 4;
/// Longer than a mail may take (`outbound::mail::MAIL_LIMIT`).
const CLAIM: Duration = Duration::from_secs(60);
/// So many mails to one person within [`A_WHILE`]; what comes on top waits and goes in one.
const SINGLE: usize = 5;
const A_WHILE: Duration = Duration::from_secs(300);
/// News this old is none: mailing was switched off meanwhile.
const STALE: Duration = DAY.saturating_mul(7);

/// A claimed mail.
struct Taken {
    letter: String,
    ids: Vec<DeliveryId>,
    notices: Vec<NoticeId>,
    tries: i32,
    user: User,
}

enum Choice {
    Nothing,
    Send(Taken),
}

/// How many mails were tried. One person's trouble keeps nobody else waiting.
pub async fn run(ctx: &Ctx, is_stopped: &(dyn Fn() -> bool + Sync)) -> Result<usize, Error> {
    let Some(mailer) = ctx.outbound.mail() else {
        return Ok(0);
    };
    let now = ctx.clock.now();
    let people = ctx.db.read(move |c| store::deliveries::people_due(c, now)).await?;
    let tried = stream::iter(people)
        .map(|user| all_of(ctx, mailer, user, is_stopped))
        .buffer_unordered(AT_ONCE);
    Ok(tried.collect::<Vec<usize>>().await.into_iter().sum())
}

async fn all_of(
    ctx: &Ctx,
    mailer: &Mailer,
    user: UserId,
    is_stopped: &(dyn Fn() -> bool + Sync),
) -> usize {
    let mut tried = 0;
    // As many as a person may get in a while; the rest is the next round's.
    while tried <= SINGLE && !is_stopped() {
        match one_of(ctx, mailer, &user).await {
            Ok(true) => tried += 1,
            Ok(false) => break,
            Err(error) => {
                tracing::error!(%error, user = %user, "a notice could not be mailed; it is tried again");
                break;
            }
        }
    }
    tried
}

/// False: nothing is left to do for this person now.
async fn one_of(ctx: &Ctx, mailer: &Mailer, user: &UserId) -> Result<bool, Error> {
    let (user, by, now) = (user.clone(), ctx.site.instance.clone(), ctx.clock.now());
    let choice = ctx.db.write(move |c| take(c, &user, &by, now)).await?;
    let Choice::Send(taken) = choice else {
        return Ok(false);
    };
    let ending = match word(ctx, &taken).await? {
        None => {
            Ending { state: DeliveryState::Dropped, next_try_at: None, status: None, said: None }
        }
        Some(mail) => {
            ending(mailer.send(mail.borrowed(&taken, now)).await, taken.tries, ctx.clock.now())
        }
    };
    if let Some(said) = &ending.said {
        tracing::warn!(user = %taken.user.id, letter = taken.letter, state = ending.state.code(), "a notice was not mailed: {said}");
    }
    let by = ctx.site.instance.clone();
    ctx.db.write(move |c| store::deliveries::finish(c, &taken.ids, &by, &ending)).await?;
    Ok(true)
}

/// Chooses what goes in the next mail to this person, and claims it.
fn take(c: &mut AnyConnection, user: &UserId, by: &str, now: Moment) -> Result<Choice, StoreError> {
    store::deliveries::lock_person(c, user)?;
    let due = store::deliveries::list_due_of(c, user, now)?;
    let settings = store::notice_settings::find(c, user)?;
    let found = store::users::find(c, user)?
        .filter(|user| user.is_active && settings.mode != MailMode::Never);
    let is_stale = |one: &Delivery| one.letter.is_none() && now.since(one.created_at) > STALE;
    let (old, due): (Vec<Delivery>, Vec<Delivery>) =
        due.into_iter().partition(|one| found.is_none() || is_stale(one));
    store::deliveries::drop_all(c, &ids(&old))?;
    let Some(user) = found else {
        return Ok(Choice::Nothing);
    };
    let chosen = match due.iter().find_map(|one| one.letter.clone()) {
        Some(begun) => due.into_iter().filter(|one| one.letter.as_ref() == Some(&begun)).collect(),
        None => gather(c, &user, settings.mode, due, now)?,
    };
    let Some(first) = chosen.first() else {
        return Ok(Choice::Nothing);
    };
    let letter =
        first.letter.clone().unwrap_or_else(|| DeliveryId::new(now, token::ten()).to_string());
    let (ids, tries) = (ids(&chosen), first.tries + 1);
    store::deliveries::claim(c, &ids, Some(&letter), (by, now.plus(CLAIM)), now)?;
    let notices = chosen.into_iter().map(|one| one.notice_id).collect();
    Ok(Choice::Send(Taken { letter, ids, notices, tries, user }))
}

/// Few are mailed one by one, many in one mail; when there were mails just now, the many wait for a while.
fn gather(
    c: &mut AnyConnection,
    user: &User,
    mode: MailMode,
    due: Vec<Delivery>,
    now: Moment,
) -> Result<Vec<Delivery>, StoreError> {
    if mode == MailMode::Daily {
        return Ok(due);
    }
    let (recent, last) = store::deliveries::letters_since(c, &user.id, now.minus(A_WHILE))?;
    if recent + due.len() <= SINGLE {
        return Ok(due.into_iter().take(1).collect());
    }
    match last {
        None => Ok(due),
        Some(last) => {
            store::deliveries::hold(c, &ids(&due), last.plus(A_WHILE))?;
            Ok(Vec::new())
        }
    }
}

fn ids(deliveries: &[Delivery]) -> Vec<DeliveryId> {
    deliveries.iter().map(|one| one.id.clone()).collect()
}

struct Worded {
    subject: String,
    text: String,
    html: String,
}

impl Worded {
    fn borrowed(self, taken: &Taken, now: Moment) -> Mail<'_> {
        Mail {
            id: &taken.letter,
            to_name: &taken.user.name,
            to_address: &taken.user.email,
            subject: self.subject,
            text: self.text,
            html: self.html,
            at: now,
        }
    }
}

/// `None`: all that it was to tell of is gone.
async fn word(ctx: &Ctx, taken: &Taken) -> Result<Option<Worded>, Error> {
    let wanted = taken.notices.clone();
    let found = ctx
        .db
        .read(move |c| {
            let notices = store::notices::find_all(c, &wanted)?;
            notices
                .into_iter()
                .map(|notice| letter::find(c, notice))
                .collect::<Result<Vec<_>, StoreError>>()
        })
        .await?;
    let items: Vec<_> = found
        .into_iter()
        .flatten()
        .filter_map(|found| letter::item(ctx, found, taken.user.role))
        .collect();
    if items.is_empty() {
        return Ok(None);
    }
    let letter = Letter { to_name: taken.user.name.clone(), items, now: ctx.clock.now() };
    let written =
        ctx.letters.write(&ctx.site, &letter).map_err(|error| letter::unwritten(&error))?;
    Ok(Some(Worded { subject: written.subject, text: written.text, html: written.html }))
}

fn ending(sent: Result<(), MailFault>, tries: i32, now: Moment) -> Ending {
    let Err(fault) = sent else {
        return Ending {
            state: DeliveryState::Sent,
            next_try_at: None,
            status: Some(250),
            said: None,
        };
    };
    let wait = mail_wait(tries).filter(|_| !fault.is_final);
    Ending {
        state: if wait.is_some() { DeliveryState::Waiting } else { DeliveryState::Failed },
        next_try_at: wait.map(|wait| now.plus(wait)),
        status: fault.code.map(i32::from),
        said: Some(fault.said),
    }
}
