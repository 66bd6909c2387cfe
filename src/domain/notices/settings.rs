//! One's own settings: what one is mailed, and how often; and what was mailed of late.
use crate::domain::{Actor, Ctx, Error};
use crate::model::delivery::Carried;
use crate::model::notice::{MailMode, NoticeSettings, Topic};
use crate::model::problems::{Complaint, Problems};
use crate::model::role::Permission;
use crate::store;

const SHOWN: i64 = 20;

pub struct Own {
    pub settings: NoticeSettings,
    pub recent: Vec<Carried>,
}

/// Nobody is asked about what never reaches them.
pub fn may_choose(actor: &Actor, topic: Topic) -> bool {
    topic != Topic::AppRejected || actor.may(Permission::ManageOAuthApps)
}

pub async fn own(ctx: &Ctx, actor: &Actor) -> Result<Own, Error> {
    let id = actor.user_id.clone();
    let (settings, recent) = ctx
        .db
        .read(move |c| {
            let recent = store::deliveries::list_of_person(c, &id, SHOWN)?;
            Ok::<_, store::StoreError>((store::notice_settings::find(c, &id)?, recent))
        })
        .await?;
    Ok(Own { settings, recent })
}

/// What may not be chosen stays as it was.
pub async fn change(
    ctx: &Ctx,
    actor: &Actor,
    mode: &str,
    mut topics: Vec<Topic>,
) -> Result<(), Error> {
    let mode =
        MailMode::from_code(mode).ok_or_else(|| Problems::field("mode", Complaint::NotAChoice))?;
    if mode != MailMode::Never && topics.is_empty() {
        let said = "Choose at least one, or no mail at all.".to_owned();
        return Err(Problems::general(Complaint::Say(said)).into());
    }
    if !may_choose(actor, Topic::AppRejected)
        && own(ctx, actor).await?.settings.topics.contains(&Topic::AppRejected)
    {
        topics.push(Topic::AppRejected);
    }
    let (id, settings, now) =
        (actor.user_id.clone(), NoticeSettings { mode, topics }, ctx.clock.now());
    ctx.db.write(move |c| store::notice_settings::put(c, &id, &settings, now)).await?;
    Ok(())
}
