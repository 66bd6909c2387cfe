//! MySQL and MariaDB.
mod answer;
mod connection;
mod errors;
mod guard;
mod needs;
mod packet;
mod read;
mod write;

use super::road::{self, Road, need};
use super::sql::Dialect;
use super::steps::{Found, Planned, Steps, clean};
use crate::catalog::field::Load;
use crate::model::authorizer::Identity;
use crate::model::cause::Cause;
use crate::model::need::Need;
use crate::model::report::{Fault, Report, StepKind};
use crate::model::table::{LoadedChoice, Table};
use crate::model::values::Values;
use crate::outbound::tls::Mode;
use crate::outbound::{Account, OnStep, Outbound};

use answer::Rows;
use connection::Connection;
use errors::About;

const PORT: u16 = 3306;

/// Finds, connects, encrypts, signs in, looks at the rights.
pub async fn test(out: &Outbound, account: &Account<'_>, on_step: OnStep<'_>) -> Report {
    let mut steps = Steps::new(account, on_step);
    let result = async {
        let road = Road::of(account, PORT)?;
        steps.plan(plan(account, &road));
        steps.plan(vec![Planned::new(StepKind::Permissions, "Tables that can be read", 5, &[])]);
        let mut db = open(out, account, &road, &mut steps).await?;
        steps.run(StepKind::Permissions, read::look(&mut db)).await?;
        Ok(db.identity)
    };
    let result = result.await;
    steps.end(result)
}

/// `schemas` (databases), `tables` of one, `columns` of a table.
pub async fn choices(
    out: &Outbound,
    account: &Account<'_>,
    load: &Load,
    settings: &Values,
) -> Result<Vec<LoadedChoice>, Fault> {
    let mut db = open_silently(out, account).await?;
    let list = load.list.as_deref().unwrap_or_default();
    read::choices(&mut db, list, settings).await.map_err(|fault| clean(account, fault))
}

/// The first rows of a table or of a query, in a read-only transaction.
pub async fn preview(
    out: &Outbound,
    account: &Account<'_>,
    settings: &Values,
) -> Result<Table, Fault> {
    let mut db = open_silently(out, account).await?;
    read::preview(&mut db, settings).await.map_err(|fault| clean(account, fault))
}

/// Proves the right to write, and makes nothing.
pub async fn test_write(
    out: &Outbound,
    account: &Account<'_>,
    settings: &Values,
    on_step: OnStep<'_>,
) -> Report {
    let mut steps = Steps::new(account, on_step);
    let result = async {
        let road = Road::of(account, PORT)?;
        steps.plan(plan(account, &road));
        steps.plan(vec![Planned::new(
            StepKind::Write,
            write::what(settings, account.value("database")),
            8,
            &["table"],
        )]);
        let mut db = open(out, account, &road, &mut steps).await?;
        steps.run(StepKind::Write, write::check(&mut db, settings)).await?;
        Ok(db.identity)
    };
    let result = result.await;
    steps.end(result)
}

/// The rights that each of these needs; `None` is the service itself.
pub async fn needs(
    out: &Outbound,
    account: &Account<'_>,
    asked: &[super::NeededBy],
) -> Result<Vec<Vec<Need>>, Fault> {
    let mut db = open_silently(out, account).await?;
    let mut found = Vec::new();
    for by in asked {
        found.push(match by {
            None => needs::of_service(&db),
            Some((kind, settings)) => needs::of_flow(&mut db, *kind, settings)
                .await
                .map_err(|fault| clean(account, fault))?,
        });
    }
    Ok(found)
}

/// A signed-in connection. Dropping it closes it.
pub(super) struct Db {
    connection: Connection,
    about: About,
    identity: Identity,
    dialect: Dialect,
}

impl Db {
    async fn query(&mut self, sql: &str, most: usize) -> Result<Rows, Fault> {
        self.connection.query(sql, most).await.map_err(|trouble| self.about.fault(&trouble))
    }

    fn is_mariadb(&self) -> bool {
        self.connection.version.contains("MariaDB")
    }
}

fn plan(account: &Account<'_>, road: &Road<'_>) -> Vec<Planned> {
    let mut plan = road.plan();
    if road::mode(account) != Mode::Disable {
        plan.push(Planned::new(
            StepKind::Tls,
            "Encrypt the connection",
            5,
            &["host", "port", "tls"],
        ));
    }
    let user = account.value("user").unwrap_or_default();
    let database =
        account.value("database").map(|name| format!(", database {name}")).unwrap_or_default();
    plan.push(Planned::new(StepKind::SignIn, format!("{user}{database}"), 5, &["host", "port"]));
    plan
}

async fn open_silently(out: &Outbound, account: &Account<'_>) -> Result<Db, Fault> {
    let mut ignore = |_| {};
    let mut steps = Steps::new(account, &mut ignore);
    let road = Road::of(account, PORT)?;
    steps.plan(plan(account, &road));
    open(out, account, &road, &mut steps).await
}

async fn open(
    out: &Outbound,
    account: &Account<'_>,
    road: &Road<'_>,
    steps: &mut Steps<'_>,
) -> Result<Db, Fault> {
    let user = need(account, "user")?;
    let wire = road.open(out, steps).await?;
    let is_encrypted = road::mode(account) != Mode::Disable;
    let about = About {
        user: user.to_owned(),
        database: account.value("database").map(str::to_owned),
        is_encrypted,
        grantee: String::new(),
    };
    let password = account.value("password").unwrap_or_default();
    if !is_encrypted {
        let signed_in = async {
            let connection =
                Connection::greet(wire).await.map_err(|trouble| about.fault(&trouble))?;
            sign_in(connection, password, about, road).await
        };
        return steps.run(StepKind::SignIn, signed_in).await;
    }
    // The greeting comes before the encryption: a server that lets nobody in says so here.
    let encrypted = steps.run(StepKind::Tls, async {
        let connection = Connection::greet(wire).await.map_err(|trouble| about.fault(&trouble))?;
        let Some(tls) = road.tls(account)? else {
            return Ok(Found::new(connection));
        };
        let (connection, told) = connection.encrypt(&tls, about.database.is_some()).await?;
        Ok(Found::new(connection).told(told))
    });
    let connection = encrypted.await?;
    steps.run(StepKind::SignIn, sign_in(connection, password, about, road)).await
}

async fn sign_in(
    mut connection: Connection,
    password: &str,
    mut about: About,
    road: &Road<'_>,
) -> Result<Found<Db>, Fault> {
    connection
        .sign_in(&about.user, password, about.database.as_deref())
        .await
        .map_err(|trouble| about.fault(&trouble))?;
    let rows = connection
        .query("SELECT CURRENT_USER(), DATABASE(), VERSION(), @@SESSION.sql_mode", 2)
        .await
        .map_err(|trouble| about.fault(&trouble))?;
    let [Some(grantee), database, version, sql_mode] = rows
        .rows
        .into_iter()
        .next()
        .and_then(|row| <[_; 4]>::try_from(row).ok())
        .unwrap_or_default()
    else {
        return Err(
            Fault::new(Cause::MalformedAnswer).detail("The server does not say who we are.")
        );
    };
    if let Some((user, host)) = grantee.rsplit_once('@') {
        about.grantee = format!("'{}'@'{}'", user.replace('\'', "''"), host.replace('\'', "''"));
    }
    let identity = road.identity(&about.user, database.as_deref());
    let how = if about.is_encrypted { "encrypted" } else { "not encrypted" };
    let version = version.unwrap_or_default();
    let product = if version.contains("MariaDB") { "" } else { "MySQL " };
    let place = database.map(|name| format!(", database {name}")).unwrap_or_default();
    let told = format!("{grantee}{place}, {product}{version}, {how}");
    let modes = sql_mode.unwrap_or_default();
    let has_mode = |name: &str| modes.split(',').any(|mode| mode == name);
    let dialect = Dialect::MySql {
        has_escapes: !has_mode("NO_BACKSLASH_ESCAPES"),
        has_ansi_quotes: has_mode("ANSI_QUOTES"),
    };
    Ok(Found::new(Db { connection, about, identity, dialect }).told(told))
}
