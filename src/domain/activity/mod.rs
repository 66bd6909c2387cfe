//! What happened, one line for everything that changes or tests something.
pub mod list;

use crate::crypto::token;
use crate::domain::{Actor, Ctx};
use crate::model::activity::NewActivity;
use crate::model::ids::{ActivityId, ServiceId, UserId};
use crate::model::revocation::Requester;
use crate::model::time::{DAY, Moment};
use crate::store::activity::Fold;
use crate::store::{self, AnyConnection, StoreError};

/// A line made before the transaction, written inside it: what happened and its record stand or fall together.
pub struct Line {
    id: ActivityId,
    at: Moment,
    actor: Option<(UserId, String)>,
    new: NewActivity,
    service_id: Option<ServiceId>,
}

/// `None` as the actor is the app itself.
pub fn line(ctx: &Ctx, actor: Option<&Actor>, new: NewActivity) -> Line {
    let at = ctx.clock.now();
    let actor = actor.map(|actor| (actor.user_id.clone(), actor.name.clone()));
    Line { id: ActivityId::new(at, token::ten()), at, actor, new, service_id: None }
}

impl Line {
    /// Names who asked for it, though it was done later and without them.
    #[must_use]
    pub fn requested_by(mut self, requester: Option<&Requester>) -> Self {
        self.actor = requester.map(|requester| (requester.id.clone(), requester.name.clone()));
        self
    }

    /// Names the service that it is about.
    #[must_use]
    pub fn of_service(mut self, service_id: &ServiceId) -> Self {
        self.service_id = Some(service_id.clone());
        self
    }

    pub fn write(&self, c: &mut AnyConnection) -> Result<(), StoreError> {
        let actor = self.actor.as_ref().map(|(id, name)| (id, name.as_str()));
        store::activity::insert(c, self.at, &self.id, actor, &self.new, self.service_id.as_ref())
    }

    /// As one more of the line that says the same of the same on the same day (UTC), if there is one.
    pub fn fold_into_day(&self, c: &mut AnyConnection) -> Result<(), StoreError> {
        let day = i64::try_from(DAY.as_micros()).unwrap_or(i64::MAX);
        let midnight = Moment::from_micros(self.at.micros().div_euclid(day).saturating_mul(day));
        self.fold(c, Fold::Since(midnight))
    }

    /// As one more of the newest line about the same, if that says the same.
    pub fn fold_into_newest(&self, c: &mut AnyConnection) -> Result<(), StoreError> {
        self.fold(c, Fold::WhileNewest)
    }

    fn fold(&self, c: &mut AnyConnection, fold: Fold) -> Result<(), StoreError> {
        if store::activity::count_up(c, fold, &self.new, self.at)? { Ok(()) } else { self.write(c) }
    }
}
