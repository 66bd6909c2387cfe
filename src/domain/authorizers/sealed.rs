//! Sealing and opening what an authorizer, an attempt and an OAuth app keep; each bound to its own row.
use crate::crypto::cipher::{Place, Sealed};
use crate::domain::{Ctx, Error};
use crate::model::credentials::{Credentials, Secret};
use crate::model::ids::{AuthorizerId, OAuthAppId};

fn credentials_place(id: &AuthorizerId) -> Place<'_> {
    Place { table: "authorizers", column: "sealed", id: id.as_str() }
}

pub fn seal_credentials(
    ctx: &Ctx,
    id: &AuthorizerId,
    credentials: &Credentials,
) -> Result<Sealed, Error> {
    Ok(ctx.cipher.seal(credentials_place(id), &credentials.to_sealable())?)
}

/// `Locked`: its key is not in the ring, or the bytes were altered. Only this row is affected.
pub fn open_credentials(
    ctx: &Ctx,
    id: &AuthorizerId,
    sealed: &Sealed,
) -> Result<Credentials, Error> {
    let plain = ctx.cipher.open(credentials_place(id), sealed).map_err(|_| Error::Locked)?;
    Credentials::from_sealable(&plain).ok_or(Error::Locked)
}

fn secret_place(id: &OAuthAppId) -> Place<'_> {
    Place { table: "oauth_apps", column: "secret", id: id.as_str() }
}

pub fn seal_client_secret(ctx: &Ctx, id: &OAuthAppId, secret: &Secret) -> Result<Sealed, Error> {
    Ok(ctx.cipher.seal(secret_place(id), secret.expose().as_bytes())?)
}

pub fn open_client_secret(ctx: &Ctx, id: &OAuthAppId, sealed: &Sealed) -> Result<Secret, Error> {
    let plain = ctx.cipher.open(secret_place(id), sealed).map_err(|_| Error::Locked)?;
    let text = std::str::from_utf8(&plain).map_err(|_| Error::Locked)?;
    Ok(Secret::new(text))
}
