//! *Done* or *Decline*, with a word for who asked.
use crate::domain::{Actor, Ctx, Error};
use crate::model::ids::AccountRequestId;
use crate::model::problems::{Complaint, Problems};
use crate::model::request::RequestState;
use crate::model::role::Permission;
use crate::store;
use crate::store::requests::Answer;

use super::ask::check_text;

/// A refusal needs its reason; `Stale` if somebody else has answered.
pub async fn answer(
    ctx: &Ctx,
    actor: &Actor,
    id: &AccountRequestId,
    (is_done, text): (bool, &str),
) -> Result<(), Error> {
    actor.must(Permission::AnswerRequests)?;
    let mut problems = Problems::new();
    let text = check_text("answer", text, &mut problems);
    if !is_done && text.is_empty() {
        problems.add("answer", Complaint::Say("Say why, so that they know what to do.".to_owned()));
    }
    problems.or(())?;
    let found = super::list::find(ctx, actor, id).await?;
    let verb = if is_done { "request_done" } else { "request_declined" };
    let line = super::line(ctx, actor, verb, (id, super::service_name(ctx, &found.service_id)));
    let answer = Answer {
        state: if is_done { RequestState::Done } else { RequestState::Declined },
        text,
        answered_by: actor.user_id.clone(),
        at: ctx.clock.now(),
    };
    let id = id.clone();
    ctx.db
        .write(move |c| {
            if !store::requests::answer(c, &id, &answer)? {
                return Err(Error::Stale);
            }
            line.write(c)?;
            Ok(())
        })
        .await
}
