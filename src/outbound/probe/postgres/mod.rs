//! PostgreSQL, and what speaks its protocol.
mod errors;
mod limits;
mod needs;
mod read;
mod rights;
mod write;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::JoinHandle;
use tokio_postgres::config::SslMode;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Config, NoTls, Row, SimpleQueryStream};

use super::road::{self, Road, need};
use super::steps::{Found, Planned, Steps};
use crate::catalog::field::Load;
use crate::model::authorizer::Identity;
use crate::model::cause::Cause;
use crate::model::need::Need;
use crate::model::report::{Fault, Report, StepKind};
use crate::model::table::{LoadedChoice, Table};
use crate::model::values::Values;
use crate::outbound::dial::Wire;
use crate::outbound::framed::FramedWire;
use crate::outbound::tls::{Mode, Tls};
use crate::outbound::{Account, OnStep, Outbound};

use errors::About;
use limits::Limits;

/// Finds, connects, encrypts, signs in, looks at the rights.
pub async fn test(out: &Outbound, account: &Account<'_>, on_step: OnStep<'_>) -> Report {
    let mut steps = Steps::new(account, on_step);
    let result = async {
        let road = Road::of(account, 5432)?;
        steps.plan(plan(account, &road));
        steps.plan(vec![Planned::new(StepKind::Permissions, "Tables that can be read", 5, &[])]);
        let db = open(out, account, &road, &mut steps).await?;
        steps.run(StepKind::Permissions, rights::look(&db)).await?;
        Ok(db.identity)
    };
    let result = result.await;
    steps.end(result)
}

/// `schemas`, `tables` of a schema, `columns` of a table.
pub async fn choices(
    out: &Outbound,
    account: &Account<'_>,
    load: &Load,
    settings: &Values,
) -> Result<Vec<LoadedChoice>, Fault> {
    let db = open_silently(out, account).await?;
    read::choices(&db, load.list.as_deref().unwrap_or_default(), settings)
        .await
        .map_err(|fault| super::steps::clean(account, fault))
}

/// The first rows of a table or of a query, in a read-only transaction.
pub async fn preview(
    out: &Outbound,
    account: &Account<'_>,
    settings: &Values,
) -> Result<Table, Fault> {
    let db = open_silently(out, account).await?;
    read::preview(&db, settings).await.map_err(|fault| super::steps::clean(account, fault))
}

/// Proves the right to write: in a transaction that is rolled back.
pub async fn test_write(
    out: &Outbound,
    account: &Account<'_>,
    settings: &Values,
    on_step: OnStep<'_>,
) -> Report {
    let mut steps = Steps::new(account, on_step);
    let result = async {
        let road = Road::of(account, 5432)?;
        steps.plan(plan(account, &road));
        steps.plan(vec![Planned::new(StepKind::Write, write::what(settings), 8, &["table"])]);
        let db = open(out, account, &road, &mut steps).await?;
        steps.run(StepKind::Write, write::check(&db, settings)).await?;
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
    let db = open_silently(out, account).await?;
    let mut found = Vec::new();
    for by in asked {
        found.push(match by {
            None => needs::of_service(&db),
            Some((kind, settings)) => needs::of_flow(&db, *kind, settings)
                .await
                .map_err(|fault| super::steps::clean(account, fault))?,
        });
    }
    Ok(found)
}

/// A signed-in connection. Dropping it closes it.
pub(super) struct Db {
    client: Client,
    about: About,
    identity: Identity,
    _pump: Pump,
}

impl Db {
    /// The rows of a statement of ours, with parameters of these types.
    async fn query(
        &self,
        sql: &str,
        values: &[(&(dyn ToSql + Sync), Type)],
    ) -> Result<Vec<Row>, tokio_postgres::Error> {
        self.about.limits.renew();
        self.client.query_typed(sql, values).await
    }

    /// Statements of ours without rows, in one go.
    async fn batch(&self, sql: &str) -> Result<(), tokio_postgres::Error> {
        self.about.limits.renew();
        self.client.batch_execute(sql).await
    }

    /// A single statement: the server refuses a second one behind it.
    async fn execute(&self, sql: &str) -> Result<(), tokio_postgres::Error> {
        self.about.limits.renew();
        self.client.execute_typed(sql, &[]).await.map(|_| ())
    }

    /// Rows as text, one by one.
    async fn stream(&self, sql: &str) -> Result<SimpleQueryStream, tokio_postgres::Error> {
        self.about.limits.renew();
        self.client.simple_query_raw(sql).await
    }
}

/// The task that moves a connection's bytes; it ends with its owner.
struct Pump(JoinHandle<()>);

impl Drop for Pump {
    fn drop(&mut self) {
        self.0.abort();
    }
}

fn plan(account: &Account<'_>, road: &Road<'_>) -> Vec<Planned> {
    let mut plan = road.plan();
    if road::mode(account) != Mode::Disable {
        plan.push(Planned::new(
            StepKind::Tls,
            "Encrypt the connection",
            4,
            &["host", "port", "tls"],
        ));
    }
    let user = account.value("user").unwrap_or_default();
    plan.push(Planned::new(
        StepKind::SignIn,
        format!("{user}, database {}", account.value("database").unwrap_or(user)),
        5,
        &["host", "port"],
    ));
    plan
}

async fn open_silently(out: &Outbound, account: &Account<'_>) -> Result<Db, Fault> {
    let mut ignore = |_| {};
    let mut steps = Steps::new(account, &mut ignore);
    let road = Road::of(account, 5432)?;
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
    let mut wire = road.open(out, steps).await?;
    let is_encrypted = road::mode(account) != Mode::Disable;
    if is_encrypted {
        let encrypted = steps.run(StepKind::Tls, async {
            let tls = road.tls(account)?;
            let (wire, told) = encrypt(wire, tls).await?;
            Ok(Found::new(wire).told(told))
        });
        wire = encrypted.await?;
    }
    let about = About {
        user: user.to_owned(),
        database: account.value("database").unwrap_or(user).to_owned(),
        is_encrypted,
        limits: Limits::default(),
    };
    steps
        .run(
            StepKind::SignIn,
            sign_in(wire, account.value("password").unwrap_or_default(), about, road),
        )
        .await
}

/// Asks for TLS in the words of the protocol (SSLRequest), then makes the handshake.
async fn encrypt(mut wire: Wire, tls: Option<Tls>) -> Result<(Wire, String), Fault> {
    let Some(tls) = tls else {
        return Ok((wire, "not encrypted".to_owned()));
    };
    wire.write_all(&[0, 0, 0, 8, 4, 210, 22, 47]).await.map_err(|error| hung_up(&error))?;
    match wire.read_u8().await.map_err(|error| hung_up(&error))? {
        b'S' => tls.wrap(wire).await,
        b'N' => Err(Fault::new(Cause::TlsUnsupported)
            .marks(&["tls"])
            .detail("The server answers that it does not encrypt.")),
        other => {
            let said = format!(
                "This is no PostgreSQL server: it answers {:?} to the request to encrypt.",
                char::from(other)
            );
            Err(Fault::new(Cause::MalformedAnswer).marks(&["host", "port"]).detail(said))
        }
    }
}

fn hung_up(error: &std::io::Error) -> Fault {
    Fault::new(Cause::Unreachable)
        .marks(&["host", "port"])
        .detail(format!("The server hung up: {error}"))
}

async fn sign_in(
    wire: Wire,
    password: &str,
    about: About,
    road: &Road<'_>,
) -> Result<Found<Db>, Fault> {
    let mut config = Config::new();
    config
        .user(&about.user)
        .password(password)
        .dbname(&about.database)
        .application_name("Authorizers")
        .ssl_mode(SslMode::Disable);
    about.limits.renew();
    let wire = FramedWire::new(wire, about.limits.clone());
    let (client, connection) =
        config.connect_raw(wire, NoTls).await.map_err(|error| about.fault(&error))?;
    let version = connection.parameter("server_version").unwrap_or("?").to_owned();
    let pump = Pump(tokio::spawn(async move {
        connection.await.ok();
    }));
    let identity = Identity::default();
    let mut db = Db { client, about, identity, _pump: pump };
    let rows = db.query("SELECT current_user::text, current_database()::text", &[]).await;
    let rows = rows.map_err(|error| db.about.fault(&error))?;
    let text = |at: usize| rows.first().and_then(|row| row.try_get::<_, String>(at).ok());
    let (Some(user), Some(database)) = (text(0), text(1)) else {
        return Err(
            Fault::new(Cause::MalformedAnswer).detail("The server does not say who we are.")
        );
    };
    db.identity = road.identity(&user, Some(&database));
    let how = if db.about.is_encrypted { "encrypted" } else { "not encrypted" };
    let told = format!("{user}, database {database}, PostgreSQL {version}, {how}");
    Ok(Found::new(db).told(told))
}
