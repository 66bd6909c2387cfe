//! Names of authorizers: unique, proposed from the service and the account.
use crate::catalog::Service;
use crate::domain::{Ctx, Error};
use crate::model::authorizer::Identity;
use crate::model::ids::AuthorizerId;
use crate::model::name::{NAME_MAX, Name};
use crate::model::problems::{Complaint, Problems};
use crate::store;

/// Told before a slow test rather than after it; the unique index decides all the same.
pub async fn must_be_free(
    ctx: &Ctx,
    name: &Name,
    except: Option<&AuthorizerId>,
) -> Result<(), Error> {
    let wanted = name.clone();
    let owner = ctx.db.read(move |c| store::authorizers::find_by_name(c, &wanted)).await?;
    match owner {
        Some(owner) if Some(&owner.id) != except => {
            Err(Problems::field("name", Complaint::Taken).into())
        }
        _ => Ok(()),
    }
}

/// So often a proposed name is given again to somebody faster before it is given up.
pub const NAME_TRIES: usize = 20;

/// `HubSpot – Hub 1448821`; with a number behind it if that is taken.
pub async fn propose(ctx: &Ctx, service: &Service, identity: &Identity) -> Result<Name, Error> {
    let base = if identity.label.is_empty() {
        service.head.name.clone()
    } else {
        format!("{} – {}", service.head.name, identity.label)
    };
    let base: String = base.chars().filter(|c| !c.is_control()).take(NAME_MAX - 8).collect();
    for number in 1..1000 {
        let text = if number == 1 { base.clone() } else { format!("{base} {number}") };
        let Ok(name) = Name::parse(&text) else { break };
        let wanted = name.clone();
        if ctx.db.read(move |c| store::authorizers::find_by_name(c, &wanted)).await?.is_none() {
            return Ok(name);
        }
    }
    Name::parse(&format!("{} {}", service.head.name, ctx.clock.now().micros()))
        .map_err(|c| Problems::field("name", c).into())
}
