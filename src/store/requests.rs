//! *Ask for it*: accounts that somebody needs and may not add.
use diesel::prelude::*;

use crate::model::ids::{AccountRequestId, ServiceId, UserId};
use crate::model::page::{Cursor, Page};
use crate::model::request::{AccountRequest, RequestState};
use crate::model::time::Moment;

use super::StoreError;
use super::conn::AnyConnection;
use super::keyset::{LIMIT, before, decode, encode};
use super::schema::{account_requests, users};
use super::types::{moment, unknown};

diesel::alias!(users as answerers: Answerers);

/// A request about to be stored.
pub struct NewRequest {
    pub id: AccountRequestId,
    pub service_id: ServiceId,
    pub note: String,
    pub requested_by: UserId,
    pub created_at: Moment,
}

/// What is done with one.
pub struct Answer {
    pub state: RequestState,
    pub text: String,
    pub answered_by: UserId,
    pub at: Moment,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = account_requests)]
struct Row {
    id: String,
    service: String,
    note: String,
    state: String,
    requested_by_id: String,
    answer: String,
    created_at: i64,
    answered_at: Option<i64>,
}

type Named = (Row, String, Option<String>);

fn request((row, asker, answerer): Named) -> Result<AccountRequest, StoreError> {
    Ok(AccountRequest {
        id: row.id.into(),
        service_id: ServiceId(row.service),
        note: row.note,
        state: RequestState::from_code(&row.state)
            .ok_or_else(|| unknown("state of a request", &row.state))?,
        requested_by: row.requested_by_id.into(),
        requested_by_name: asker,
        answered_by_name: answerer,
        answer: row.answer,
        created_at: Moment::from_micros(row.created_at),
        answered_at: moment(row.answered_at),
    })
}

/// Joined with both people; a macro because the type has no name worth writing.
macro_rules! named {
    () => {
        account_requests::table
            .inner_join(users::table.on(account_requests::requested_by_id.eq(users::id)))
            .left_join(
                answerers
                    .on(account_requests::answered_by_id.eq(answerers.field(users::id).nullable())),
            )
            .select((Row::as_select(), users::name, answerers.field(users::name).nullable()))
    };
}

pub fn insert(c: &mut AnyConnection, new: &NewRequest) -> Result<(), StoreError> {
    diesel::insert_into(account_requests::table)
        .values((
            account_requests::id.eq(new.id.as_str()),
            account_requests::service.eq(new.service_id.as_str()),
            account_requests::note.eq(&new.note),
            account_requests::state.eq(RequestState::Open.code()),
            account_requests::requested_by_id.eq(new.requested_by.as_str()),
            account_requests::answer.eq(""),
            account_requests::created_at.eq(new.created_at.micros()),
        ))
        .execute(c)?;
    Ok(())
}

pub fn find(
    c: &mut AnyConnection,
    id: &AccountRequestId,
) -> Result<Option<AccountRequest>, StoreError> {
    let row: Option<Named> =
        named!().filter(account_requests::id.eq(id.as_str())).first(c).optional()?;
    row.map(request).transpose()
}

/// Of one state, the newest first; of one person alone, if `of` names one.
pub fn list(
    c: &mut AnyConnection,
    is_open: bool,
    of: Option<&UserId>,
    cursor: &Cursor,
) -> Result<Page<AccountRequest>, StoreError> {
    let mut query = named!().into_boxed();
    query = if is_open {
        query.filter(account_requests::state.eq(RequestState::Open.code()))
    } else {
        query.filter(account_requests::state.ne(RequestState::Open.code()))
    };
    if let Some(user) = of {
        query = query.filter(account_requests::requested_by_id.eq(user.as_str().to_owned()));
    }
    if let Some((at, id)) = decode::<(i64, String)>(cursor) {
        use diesel::sql_types::{BigInt, Text};
        let last = (at.into_sql::<BigInt>(), id.into_sql::<Text>());
        query = query.filter(before((account_requests::created_at, account_requests::id), last));
    }
    let newest = (account_requests::created_at.desc(), account_requests::id.desc());
    let rows: Vec<Named> = query.order(newest).limit(LIMIT).load(c)?;
    let page = Page::cut(rows, |(row, ..)| encode(&(row.created_at, &row.id)));
    Ok(Page {
        rows: page.rows.into_iter().map(request).collect::<Result<_, _>>()?,
        next: page.next,
    })
}

/// How many wait for an answer.
pub fn count_open(c: &mut AnyConnection) -> Result<i64, StoreError> {
    Ok(account_requests::table
        .filter(account_requests::state.eq(RequestState::Open.code()))
        .count()
        .get_result(c)?)
}

/// False if it was answered in between.
pub fn answer(
    c: &mut AnyConnection,
    id: &AccountRequestId,
    answer: &Answer,
) -> Result<bool, StoreError> {
    let open = account_requests::id
        .eq(id.as_str())
        .and(account_requests::state.eq(RequestState::Open.code()));
    let changed = diesel::update(account_requests::table.filter(open))
        .set((
            account_requests::state.eq(answer.state.code()),
            account_requests::answer.eq(&answer.text),
            account_requests::answered_by_id.eq(answer.answered_by.as_str()),
            account_requests::answered_at.eq(answer.at.micros()),
        ))
        .execute(c)?;
    Ok(changed == 1)
}
