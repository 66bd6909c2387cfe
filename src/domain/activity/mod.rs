//! What happened, one line for everything that changes or tests something.
pub mod list;

use crate::crypto::token;
use crate::domain::{Actor, Ctx};
use crate::model::activity::NewActivity;
use crate::model::ids::{ActivityId, UserId};
use crate::model::time::Moment;
use crate::store::{self, AnyConnection, StoreError};

/// A line made before the transaction, written inside it: what happened and its record stand or fall together.
pub struct Line {
    id: ActivityId,
    at: Moment,
    actor: Option<(UserId, String)>,
    new: NewActivity,
}

/// `None` as the actor is the app itself.
pub fn line(ctx: &Ctx, actor: Option<&Actor>, new: NewActivity) -> Line {
    let at = ctx.clock.now();
    let actor = actor.map(|actor| (actor.user_id.clone(), actor.name.clone()));
    Line { id: ActivityId::new(at, token::ten()), at, actor, new }
}

impl Line {
    pub fn write(&self, c: &mut AnyConnection) -> Result<(), StoreError> {
        let actor = self.actor.as_ref().map(|(id, name)| (id, name.as_str()));
        store::activity::insert(c, self.at, &self.id, actor, &self.new)
    }
}
