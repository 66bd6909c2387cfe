//! The outbox: each notice on its way to each person and webhook. Taken by a claim that ends by itself, so that a process
//! that stops in the middle holds nothing back, and several share the work without a leader.
use diesel::dsl::min;
use diesel::prelude::*;

use crate::model::delivery::{Carried, Delivery, DeliveryState, Ending};
use crate::model::ids::{DeliveryId, NoticeId, UserId, WebhookId};
use crate::model::time::Moment;

use super::StoreError;
use super::conn::AnyConnection;
use super::on_each::on_each;
use super::schema::{deliveries, notices, users};
use super::types::{micros, moment, unknown};

/// So many are begun in one round of the duty.
const ROUND: i64 = 200;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recipient {
    Person(UserId),
    Webhook(WebhookId),
}

pub struct NewDelivery {
    pub id: DeliveryId,
    pub notice_id: NoticeId,
    pub to: Recipient,
    pub next_try_at: Moment,
    pub created_at: Moment,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = deliveries)]
struct Row {
    id: String,
    notice_id: String,
    user_id: Option<String>,
    webhook_id: Option<String>,
    state: String,
    tries: i32,
    next_try_at: i64,
    letter: Option<String>,
    tried_at: Option<i64>,
    status: Option<i32>,
    said: Option<String>,
    created_at: i64,
}

impl TryFrom<Row> for Delivery {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.id.into(),
            notice_id: row.notice_id.into(),
            user_id: row.user_id.map(UserId::from),
            webhook_id: row.webhook_id.map(WebhookId::from),
            state: DeliveryState::from_code(&row.state)
                .ok_or_else(|| unknown("state of a delivery", &row.state))?,
            tries: row.tries,
            next_try_at: Moment::from_micros(row.next_try_at),
            letter: row.letter,
            tried_at: moment(row.tried_at),
            status: row.status,
            said: row.said,
            created_at: Moment::from_micros(row.created_at),
        })
    }
}

fn read(rows: Vec<Row>) -> Result<Vec<Delivery>, StoreError> {
    rows.into_iter().map(Delivery::try_from).collect()
}

/// Waiting, its time has come, and nobody is at it. A macro because the type has no name worth writing.
macro_rules! is_due {
    ($now:expr) => {
        deliveries::state
            .eq(DeliveryState::Waiting.code())
            .and(deliveries::next_try_at.le($now.micros()))
            .and(
                deliveries::claimed_until
                    .is_null()
                    .or(deliveries::claimed_until.assume_not_null().le($now.micros())),
            )
    };
}

/// Nothing happens if the notice already is on its way there.
pub fn insert(c: &mut AnyConnection, new: &NewDelivery) -> Result<(), StoreError> {
    let (user, webhook) = match &new.to {
        Recipient::Person(id) => (Some(id.as_str()), None),
        Recipient::Webhook(id) => (None, Some(id.as_str())),
    };
    let row = (
        deliveries::id.eq(new.id.as_str()),
        deliveries::notice_id.eq(new.notice_id.as_str()),
        deliveries::user_id.eq(user),
        deliveries::webhook_id.eq(webhook),
        deliveries::state.eq(DeliveryState::Waiting.code()),
        deliveries::tries.eq(0),
        deliveries::next_try_at.eq(new.next_try_at.micros()),
        deliveries::created_at.eq(new.created_at.micros()),
    );
    on_each!(c, |c| diesel::insert_into(deliveries::table)
        .values(row)
        .on_conflict_do_nothing()
        .execute(c))?;
    Ok(())
}

pub fn find(c: &mut AnyConnection, id: &DeliveryId) -> Result<Option<Delivery>, StoreError> {
    let row = deliveries::table.find(id.as_str()).select(Row::as_select()).first(c).optional()?;
    row.map(Delivery::try_from).transpose()
}

/// Whom something is to be mailed to now.
pub fn people_due(c: &mut AnyConnection, now: Moment) -> Result<Vec<UserId>, StoreError> {
    let due = deliveries::table.filter(is_due!(now)).filter(deliveries::user_id.is_not_null());
    let ids: Vec<Option<String>> =
        due.select(deliveries::user_id).distinct().limit(ROUND).load(c)?;
    Ok(ids.into_iter().flatten().map(UserId::from).collect())
}

/// One person's mails are put together by one process at a time, for the length of a transaction.
pub fn lock_person(c: &mut AnyConnection, user: &UserId) -> Result<(), StoreError> {
    diesel::update(users::table.find(user.as_str()))
        .set(users::version.eq(users::version))
        .execute(c)?;
    Ok(())
}

/// What is to be mailed to a person now, the oldest first: parts of a mail that was tried before (all of them), or new.
pub fn list_due_of(
    c: &mut AnyConnection,
    user: &UserId,
    now: Moment,
) -> Result<Vec<Delivery>, StoreError> {
    let own = deliveries::user_id.eq(user.as_str());
    let order = (deliveries::created_at, deliveries::id);
    let due = deliveries::table.filter(is_due!(now)).filter(own).order(order).limit(ROUND);
    read(due.select(Row::as_select()).load(c)?)
}

/// How many mails were begun since then, and when the last one was.
pub fn letters_since(
    c: &mut AnyConnection,
    user: &UserId,
    since: Moment,
) -> Result<(usize, Option<Moment>), StoreError> {
    let begun: Vec<(Option<String>, Option<i64>)> = deliveries::table
        .filter(deliveries::user_id.eq(user.as_str()))
        .filter(deliveries::letter.is_not_null().and(deliveries::tried_at.gt(since.micros())))
        .select((deliveries::letter, deliveries::tried_at))
        .distinct()
        .limit(ROUND)
        .load(c)?;
    Ok((begun.len(), moment(begun.iter().filter_map(|(_, at)| *at).max())))
}

/// Takes those that are still free and due. `letter` stays that of the first time.
pub fn claim(
    c: &mut AnyConnection,
    ids: &[DeliveryId],
    letter: Option<&str>,
    (by, until): (&str, Moment),
    now: Moment,
) -> Result<usize, StoreError> {
    let ids: Vec<&str> = ids.iter().map(DeliveryId::as_str).collect();
    Ok(diesel::update(deliveries::table.filter(deliveries::id.eq_any(ids)).filter(is_due!(now)))
        .set((
            deliveries::claimed_by.eq(by),
            deliveries::claimed_until.eq(until.micros()),
            deliveries::letter.eq(letter),
            deliveries::tried_at.eq(now.micros()),
            deliveries::tries.eq(deliveries::tries + 1),
        ))
        .execute(c)?)
}

/// Puts off what has not been begun.
pub fn hold(c: &mut AnyConnection, ids: &[DeliveryId], until: Moment) -> Result<(), StoreError> {
    let ids: Vec<&str> = ids.iter().map(DeliveryId::as_str).collect();
    diesel::update(deliveries::table.filter(deliveries::id.eq_any(ids)))
        .set(deliveries::next_try_at.eq(until.micros()))
        .execute(c)?;
    Ok(())
}

/// Gives the claim back. Nothing is written if it was taken over meanwhile: whoever has it now knows better.
pub fn finish(
    c: &mut AnyConnection,
    ids: &[DeliveryId],
    by: &str,
    ending: &Ending,
) -> Result<usize, StoreError> {
    let ids: Vec<&str> = ids.iter().map(DeliveryId::as_str).collect();
    let ours = deliveries::id.eq_any(ids.clone()).and(deliveries::claimed_by.eq(by));
    if let Some(at) = ending.next_try_at {
        diesel::update(deliveries::table.filter(ours.clone()))
            .set(deliveries::next_try_at.eq(at.micros()))
            .execute(c)?;
    }
    Ok(diesel::update(deliveries::table.filter(ours))
        .set((
            deliveries::state.eq(ending.state.code()),
            deliveries::status.eq(ending.status),
            deliveries::said.eq(ending.said.as_deref()),
            deliveries::claimed_by.eq(None::<&str>),
            deliveries::claimed_until.eq(None::<i64>),
        ))
        .execute(c)?)
}

/// Nobody is told of these any more.
pub fn drop_all(c: &mut AnyConnection, ids: &[DeliveryId]) -> Result<(), StoreError> {
    let ids: Vec<&str> = ids.iter().map(DeliveryId::as_str).collect();
    diesel::update(deliveries::table.filter(deliveries::id.eq_any(ids)))
        .set(deliveries::state.eq(DeliveryState::Dropped.code()))
        .execute(c)?;
    Ok(())
}

/// What is to be posted to webhooks now, the longest waiting first.
pub fn list_due_for_webhooks(
    c: &mut AnyConnection,
    now: Moment,
) -> Result<Vec<Delivery>, StoreError> {
    let due = deliveries::table.filter(is_due!(now)).filter(deliveries::webhook_id.is_not_null());
    read(
        due.order((deliveries::next_try_at, deliveries::id))
            .limit(ROUND)
            .select(Row::as_select())
            .load(c)?,
    )
}

/// When the next one is due, if one waits.
pub fn next_due(c: &mut AnyConnection) -> Result<Option<Moment>, StoreError> {
    let waiting = deliveries::table.filter(deliveries::state.eq(DeliveryState::Waiting.code()));
    Ok(moment(waiting.select(min(deliveries::next_try_at)).first(c)?))
}

/// Once more, from the beginning. False while it still is on its way.
pub fn send_again(c: &mut AnyConnection, id: &DeliveryId, now: Moment) -> Result<bool, StoreError> {
    let over =
        deliveries::id.eq(id.as_str()).and(deliveries::state.ne(DeliveryState::Waiting.code()));
    let changed = diesel::update(deliveries::table.filter(over))
        .set((
            deliveries::state.eq(DeliveryState::Waiting.code()),
            deliveries::tries.eq(0),
            deliveries::next_try_at.eq(now.micros()),
        ))
        .execute(c)?;
    Ok(changed == 1)
}

fn carried(rows: Vec<(Row, super::notices::Row)>) -> Result<Vec<Carried>, StoreError> {
    rows.into_iter().map(|(row, notice)| Ok((row.try_into()?, notice.try_into()?))).collect()
}

/// The log of a webhook, the newest first.
pub fn list_of_webhook(
    c: &mut AnyConnection,
    id: &WebhookId,
    most: i64,
) -> Result<Vec<Carried>, StoreError> {
    let own =
        deliveries::table.inner_join(notices::table).filter(deliveries::webhook_id.eq(id.as_str()));
    let newest = own.order((deliveries::created_at.desc(), deliveries::id.desc())).limit(most);
    carried(newest.select((Row::as_select(), super::notices::Row::as_select())).load(c)?)
}

/// What was mailed to a person, the newest first.
pub fn list_of_person(
    c: &mut AnyConnection,
    id: &UserId,
    most: i64,
) -> Result<Vec<Carried>, StoreError> {
    let own =
        deliveries::table.inner_join(notices::table).filter(deliveries::user_id.eq(id.as_str()));
    let newest = own.order((deliveries::created_at.desc(), deliveries::id.desc())).limit(most);
    carried(newest.select((Row::as_select(), super::notices::Row::as_select())).load(c)?)
}

/// Mails that a server refused for good, and those that it keeps refusing for now: the person's name, and the delivery.
pub fn list_troubled_mails(
    c: &mut AnyConnection,
    since: Moment,
    most: i64,
) -> Result<Vec<(String, Delivery)>, StoreError> {
    let troubled =
        deliveries::said.is_not_null().and(deliveries::state.eq_any(["waiting", "failed"]));
    let rows: Vec<(String, Row)> = deliveries::table
        .inner_join(users::table)
        .filter(troubled.and(deliveries::tried_at.gt(micros(Some(since)))))
        .order((deliveries::tried_at.desc(), deliveries::id.desc()))
        .limit(most)
        .select((users::name, Row::as_select()))
        .load(c)?;
    rows.into_iter().map(|(name, row)| Ok((name, row.try_into()?))).collect()
}
