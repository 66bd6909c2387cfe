//! Who asks. `Visitor` is somebody signed in; everybody else is led to the sign-in page and back.
use std::future::Future;
use std::pin::Pin;

use actix_session::{Session, SessionExt};
use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest, web};

use crate::domain::authorizers::list::Attention;
use crate::domain::{Actor, Ctx, Error, account};
use crate::model::role::Permission;

use super::error::PageError;
use super::flash::{self, Flash};
use super::session;

pub struct Visitor {
    pub actor: Actor,
    pub csrf: String,
    pub flash: Option<Flash>,
    /// Numbers in the menu.
    pub attention: Attention,
    pub open_requests: i64,
    pub is_demo: bool,
}

impl Visitor {
    pub fn must(&self, permission: Permission) -> Result<(), PageError> {
        if self.actor.may(permission) { Ok(()) } else { Err(PageError::Forbidden) }
    }
}

impl FromRequest for Visitor {
    type Error = PageError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, PageError>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let session = request.get_session();
        let ctx = request.app_data::<web::Data<Ctx>>().cloned();
        // A POST cannot be repeated after signing in: then the way leads back to where it came from, at best.
        let back = if request.method() == actix_web::http::Method::GET { request.uri().to_string() } else { String::new() };
        Box::pin(async move {
            let ctx = ctx.ok_or(PageError::internal("the context is not there"))?;
            match find(&ctx, &session).await? {
                Some(visitor) => Ok(visitor),
                None if account::is_set_up(&ctx).await? => Err(PageError::SignIn { back }),
                None => Err(PageError::SetUp),
            }
        })
    }
}

/// The visitor if somebody is signed in: for pages that also serve strangers.
pub async fn find(ctx: &Ctx, session: &Session) -> Result<Option<Visitor>, Error> {
    let Some(id) = session::id(session) else { return Ok(None) };
    let Some((actor, attention)) = account::session::resume(ctx, &id).await? else { return Ok(None) };
    Ok(Some(Visitor {
        actor,
        csrf: session::csrf(session),
        flash: flash::take(session),
        attention,
        open_requests: 0,
        is_demo: ctx.site.is_demo,
    }))
}
