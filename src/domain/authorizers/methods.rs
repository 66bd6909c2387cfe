//! The methods by which a service is authorized, in the order in which they are offered.
use crate::catalog::Service;
use crate::catalog::auth::AuthSpec;
use crate::domain::{Ctx, Error, oauth_apps};

/// Returns the methods as the service file orders them; those whose OAuth app nobody has entered yet
/// come last.
pub async fn list<'a>(ctx: &Ctx, service: &'a Service) -> Result<Vec<&'a AuthSpec>, Error> {
    let mut methods: Vec<&AuthSpec> = service.auths.iter().collect();
    let is_choice = methods.iter().any(|method| needs_shared_app(method))
        && !methods.iter().all(|method| needs_shared_app(method));
    if is_choice && oauth_apps::find::shared(ctx, service.id()).await?.is_none() {
        methods.sort_by_key(|method| needs_shared_app(method));
    }
    Ok(methods)
}

fn needs_shared_app(method: &AuthSpec) -> bool {
    method.oauth2.as_ref().is_some_and(|oauth2| !oauth2.own_app)
}
