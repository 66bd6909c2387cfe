//! Webhooks: where else notices go. Their secrets are sealed.
use diesel::prelude::*;

use crate::crypto::Sealed;
use crate::model::ids::{UserId, WebhookId};
use crate::model::notice::{Topic, Webhook};
use crate::model::time::Moment;

use super::StoreError;
use super::conn::AnyConnection;
use super::notice_settings::{read_topics, write_topics};
use super::schema::webhooks;

/// More than anybody has.
const MOST: i64 = 100;

#[derive(Queryable, Selectable)]
#[diesel(table_name = webhooks)]
struct Row {
    id: String,
    name: String,
    url: String,
    topics: String,
    is_active: bool,
    is_gone: bool,
    version: i64,
    created_at: i64,
    updated_at: i64,
}

impl TryFrom<Row> for Webhook {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.id.into(),
            name: row.name,
            url: row.url,
            topics: read_topics(&row.topics)?,
            is_active: row.is_active,
            is_gone: row.is_gone,
            version: row.version,
            created_at: Moment::from_micros(row.created_at),
            updated_at: Moment::from_micros(row.updated_at),
        })
    }
}

/// By name.
pub fn list(c: &mut AnyConnection) -> Result<Vec<Webhook>, StoreError> {
    let rows: Vec<Row> = webhooks::table
        .order((webhooks::name, webhooks::id))
        .limit(MOST)
        .select(Row::as_select())
        .load(c)?;
    rows.into_iter().map(Webhook::try_from).collect()
}

pub fn find(c: &mut AnyConnection, id: &WebhookId) -> Result<Option<Webhook>, StoreError> {
    let row = webhooks::table.find(id.as_str()).select(Row::as_select()).first(c).optional()?;
    row.map(Webhook::try_from).transpose()
}

pub fn sealed_secret(c: &mut AnyConnection, id: &WebhookId) -> Result<Option<Sealed>, StoreError> {
    let row: Option<(Vec<u8>, String)> = webhooks::table
        .find(id.as_str())
        .select((webhooks::secret, webhooks::secret_key))
        .first(c)
        .optional()?;
    Ok(row.map(|(bytes, key_id)| Sealed { bytes, key_id }))
}

pub fn insert(
    c: &mut AnyConnection,
    new: &Webhook,
    secret: &Sealed,
    created_by: &UserId,
) -> Result<(), StoreError> {
    diesel::insert_into(webhooks::table)
        .values((
            webhooks::id.eq(new.id.as_str()),
            webhooks::name.eq(&new.name),
            webhooks::url.eq(&new.url),
            webhooks::secret.eq(&secret.bytes),
            webhooks::secret_key.eq(&secret.key_id),
            webhooks::topics.eq(write_topics(&new.topics)?),
            webhooks::is_active.eq(new.is_active),
            webhooks::is_gone.eq(false),
            webhooks::version.eq(new.version),
            webhooks::created_by_id.eq(created_by.as_str()),
            webhooks::created_at.eq(new.created_at.micros()),
            webhooks::updated_at.eq(new.updated_at.micros()),
        ))
        .execute(c)?;
    Ok(())
}

/// What an edit may change.
pub struct Change {
    pub name: String,
    pub url: String,
    pub topics: Vec<Topic>,
    pub is_active: bool,
}

/// False if somebody else has edited it since `version` was read.
pub fn update(
    c: &mut AnyConnection,
    id: &WebhookId,
    version: i64,
    change: &Change,
    now: Moment,
) -> Result<bool, StoreError> {
    let unchanged = webhooks::id.eq(id.as_str()).and(webhooks::version.eq(version));
    let changed = diesel::update(webhooks::table.filter(unchanged))
        .set((
            webhooks::name.eq(&change.name),
            webhooks::url.eq(&change.url),
            webhooks::topics.eq(write_topics(&change.topics)?),
            webhooks::is_active.eq(change.is_active),
            webhooks::is_gone.eq(false),
            webhooks::version.eq(version + 1),
            webhooks::updated_at.eq(now.micros()),
        ))
        .execute(c)?;
    Ok(changed == 1)
}

pub fn update_secret(
    c: &mut AnyConnection,
    id: &WebhookId,
    secret: &Sealed,
    now: Moment,
) -> Result<bool, StoreError> {
    let changed = diesel::update(webhooks::table.find(id.as_str()))
        .set((
            webhooks::secret.eq(&secret.bytes),
            webhooks::secret_key.eq(&secret.key_id),
            webhooks::updated_at.eq(now.micros()),
        ))
        .execute(c)?;
    Ok(changed == 1)
}

/// Its endpoint said that it is gone for good. False if it was switched off already.
pub fn switch_off_gone(
    c: &mut AnyConnection,
    id: &WebhookId,
    now: Moment,
) -> Result<bool, StoreError> {
    let active = webhooks::id.eq(id.as_str()).and(webhooks::is_active);
    let changed = diesel::update(webhooks::table.filter(active))
        .set((
            webhooks::is_active.eq(false),
            webhooks::is_gone.eq(true),
            webhooks::version.eq(webhooks::version + 1),
            webhooks::updated_at.eq(now.micros()),
        ))
        .execute(c)?;
    Ok(changed == 1)
}

/// With its log. False: there is none.
pub fn delete(c: &mut AnyConnection, id: &WebhookId) -> Result<bool, StoreError> {
    Ok(diesel::delete(webhooks::table.find(id.as_str())).execute(c)? == 1)
}
