//! Adds, changes, renews and deletes webhooks. A secret is told once, when it is made.
use url::{Host, Url};

use crate::crypto::token;
use crate::domain::{Actor, Ctx, Error};
use crate::model::credentials::Secret;
use crate::model::ids::WebhookId;
use crate::model::name::Name;
use crate::model::notice::{Topic, Webhook};
use crate::model::problems::{Complaint, Problems};
use crate::model::role::Permission;
use crate::outbound::{policy, webhook};
use crate::store::{self, StoreError, webhooks::Change};

use super::{line, seal};

const URL_MAX: usize = 2000;

/// What was typed.
pub struct WebhookForm {
    pub name: String,
    pub url: String,
    pub topics: Vec<Topic>,
    pub is_active: bool,
}

/// The secret is for the next page, once.
pub async fn create(
    ctx: &Ctx,
    actor: &Actor,
    form: WebhookForm,
) -> Result<(WebhookId, Secret), Error> {
    actor.must(Permission::ManageWebhooks)?;
    let change = check(ctx, form)?;
    let now = ctx.clock.now();
    let id = WebhookId::new(now, token::ten());
    let secret = new_secret();
    let sealed = seal(ctx, &id, &secret)?;
    let new = Webhook {
        id: id.clone(),
        name: change.name,
        url: change.url,
        topics: change.topics,
        is_active: change.is_active,
        is_gone: false,
        version: 1,
        created_at: now,
        updated_at: now,
    };
    let line = line(ctx, Some(actor), "created", (&id, &new.name, String::new()));
    let creator = actor.user_id.clone();
    ctx.db
        .write(move |c| {
            store::webhooks::insert(c, &new, &sealed, &creator)?;
            line.write(c)
        })
        .await?;
    Ok((id, secret))
}

/// `Stale` if somebody else changed it after `version` was read.
pub async fn change(
    ctx: &Ctx,
    actor: &Actor,
    id: &WebhookId,
    (version, form): (i64, WebhookForm),
) -> Result<(), Error> {
    let before = super::find::one(ctx, actor, id).await?;
    let change = check(ctx, form)?;
    let changes = [
        (before.name != change.name, "name"),
        (before.url != change.url, "address"),
        (before.topics != change.topics, "what it is told of"),
        (
            before.is_active != change.is_active,
            if change.is_active { "switched on" } else { "switched off" },
        ),
    ];
    let changed: Vec<&str> =
        changes.iter().filter(|(is_changed, _)| *is_changed).map(|(_, what)| *what).collect();
    if changed.is_empty() {
        return Ok(());
    }
    let line = line(ctx, Some(actor), "edited", (id, &change.name, changed.join(", ")));
    let (id, now) = (id.clone(), ctx.clock.now());
    let is_saved = ctx
        .db
        .write(move |c| {
            let is_saved = store::webhooks::update(c, &id, version, &change, now)?;
            if is_saved {
                line.write(c)?;
            }
            Ok::<_, StoreError>(is_saved)
        })
        .await?;
    if is_saved { Ok(()) } else { Err(Error::Stale) }
}

/// The old secret signs nothing more from here on.
pub async fn renew_secret(ctx: &Ctx, actor: &Actor, id: &WebhookId) -> Result<Secret, Error> {
    let webhook = super::find::one(ctx, actor, id).await?;
    let secret = new_secret();
    let sealed = seal(ctx, id, &secret)?;
    let line = line(ctx, Some(actor), "secret_renewed", (id, &webhook.name, String::new()));
    let (id, now) = (id.clone(), ctx.clock.now());
    ctx.db
        .write(move |c| {
            store::webhooks::update_secret(c, &id, &sealed, now)?;
            line.write(c)
        })
        .await?;
    Ok(secret)
}

/// With its log, and with what still waits for it.
pub async fn delete(ctx: &Ctx, actor: &Actor, id: &WebhookId) -> Result<(), Error> {
    let webhook = super::find::one(ctx, actor, id).await?;
    let line = line(ctx, Some(actor), "deleted", (id, &webhook.name, String::new()));
    let id = id.clone();
    ctx.db
        .write(move |c| {
            if store::webhooks::delete(c, &id)? {
                line.write(c)?;
            }
            Ok::<_, StoreError>(())
        })
        .await?;
    Ok(())
}

fn new_secret() -> Secret {
    webhook::secret(&token::bytes::<32>())
}

fn check(ctx: &Ctx, form: WebhookForm) -> Result<Change, Problems> {
    let mut problems = Problems::new();
    let name = Name::parse(&form.name)
        .map(|name| name.as_str().to_owned())
        .map_err(|complaint| problems.add("name", complaint));
    let url = check_url(ctx, form.url.trim()).map_err(|complaint| problems.add("url", complaint));
    if form.topics.is_empty() {
        problems.add_general(Complaint::Say(
            "Choose at least one thing that it is told of.".to_owned(),
        ));
    }
    match (name, url) {
        (Ok(name), Ok(url)) if problems.is_empty() => {
            Ok(Change { name, url, topics: form.topics, is_active: form.is_active })
        }
        _ => Err(problems),
    }
}

/// Addresses in numbers are looked at here; where a name leads is seen when it is called.
fn check_url(ctx: &Ctx, text: &str) -> Result<String, Complaint> {
    if text.is_empty() {
        return Err(Complaint::Required);
    }
    if text.len() > URL_MAX {
        return Err(Complaint::TooLong { max: URL_MAX });
    }
    let url = Url::parse(text).map_err(|_| Complaint::NotAUrl)?;
    match url.scheme() {
        "https" => {}
        "http" if ctx.site.is_http_allowed => {}
        "http" => return Err(Complaint::NotHttps),
        _ => return Err(Complaint::NotAUrl),
    }
    if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
        return Err(Complaint::Say(
            "Leave out user, password and what stands behind a #.".to_owned(),
        ));
    }
    let ip = match url.host() {
        Some(Host::Ipv4(ip)) => Some(ip.into()),
        Some(Host::Ipv6(ip)) => Some(ip.into()),
        Some(Host::Domain(_)) => None,
        None => return Err(Complaint::NotAUrl),
    };
    if ip.is_some_and(|ip| !ctx.outbound.policy().allows(ip, policy::Kind::Http)) {
        let said = "This address lies in a network that is closed to this installation.";
        return Err(Complaint::Say(format!(
            "{said} The operator can open it with AUTHORIZERS_ALLOW_ADDRESSES."
        )));
    }
    Ok(url.to_string())
}
