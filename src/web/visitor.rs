//! Who asks. `Visitor` is somebody signed in; everybody else is led to the sign-in page and back.
use std::future::Future;
use std::pin::Pin;

use actix_session::{Session, SessionExt};
use actix_web::dev::Payload;
use actix_web::http::Method;
use actix_web::{FromRequest, HttpMessage, HttpRequest, web};

use crate::domain::authorizers::list::Attention;
use crate::domain::{Actor, Ctx, Error, account};
use crate::model::role::Permission;
use crate::model::version::DataVersion;

use super::error::PageError;
use super::flash::{self, Flash};
use super::{layout, paths, session};

pub struct Visitor {
    pub actor: Actor,
    pub csrf: String,
    pub flash: Option<Flash>,
    /// Numbers in the menu.
    pub attention: Attention,
    /// Those that this person may answer.
    pub open_requests: i64,
    /// The state of the database that this was read from.
    pub version: DataVersion,
    pub is_demo: bool,
    /// It looks like a restored copy: nothing is renewed.
    pub is_paused: bool,
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
        let request = request.clone();
        Box::pin(async move {
            let session = request.get_session();
            let ctx = request
                .app_data::<web::Data<Ctx>>()
                .ok_or(PageError::internal("the context is not there"))?;
            layout::learn(request.resource_map());
            match find(ctx, &session).await? {
                Some(mut visitor) => {
                    request.extensions_mut().insert(visitor.actor.user_id.clone());
                    // A POST leads to the page that shows it.
                    visitor.flash =
                        if request.method() == Method::GET { flash::take(&session) } else { None };
                    Ok(visitor)
                }
                None if ctx.site.is_demo => {
                    let id = account::demo::enter(ctx, account::Client::default()).await?;
                    session::begin(&session, &id);
                    find(ctx, &session)
                        .await?
                        .ok_or(PageError::internal("the demonstration has no owner"))
                }
                None if request.method() == Method::POST => Err(PageError::SignedOut),
                None if account::is_set_up(ctx).await? => {
                    Err(PageError::SignIn { back: back(&request, &session) })
                }
                None => Err(PageError::SetUp),
            }
        })
    }
}

/// Where somebody goes on after signing in.
fn back(request: &HttpRequest, session: &Session) -> String {
    if request.path() != paths::oauth_callback() {
        return request.uri().to_string();
    }
    session::keep_arrival(session, request.query_string());
    paths::oauth_callback().to_owned()
}

/// The visitor if somebody is signed in: for pages that also serve strangers.
pub async fn find(ctx: &Ctx, session: &Session) -> Result<Option<Visitor>, Error> {
    let Some(id) = session::id(session) else {
        return Ok(None);
    };
    let Some(found) = account::session::resume(ctx, &id).await? else {
        return Ok(None);
    };
    Ok(Some(Visitor {
        actor: found.actor,
        csrf: session::csrf(session),
        flash: None,
        attention: found.counts.attention,
        open_requests: found.counts.open_requests,
        version: found.version,
        is_demo: ctx.site.is_demo,
        is_paused: ctx.standing.doubt().is_some(),
    }))
}
