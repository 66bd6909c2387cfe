//! Puts the app together: the only room that reads config.
pub mod key_check;
pub mod keys;

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use actix_web::HttpServer;
use actix_web::dev::{Server, ServerHandle};
use anyhow::{Context, Result, anyhow};

use crate::catalog::Catalog;
use crate::clock::Clock;
use crate::config::Config;
use crate::crypto::{Cipher, KeyRing, token};
use crate::domain::authorizers::locked;
use crate::domain::standing::{self, Standing};
use crate::domain::tasks::Tasks;
use crate::domain::{Ctx, Site, readiness};
use crate::model::outage::Outage;
use crate::model::time::DAY;
use crate::outbound::{Outbound, TOKEN_LIMIT, mail::Mailer, policy::Policy};
use crate::store::standing::Marker;
use crate::store::{AnyConnection, Db, StoreError, migrate};
use crate::web;
use crate::worker;

const CONNECTIONS: u32 = 8;
/// Proxies use a connection again for 60 seconds; one that we close first costs a visitor an error.
const KEEP_ALIVE: Duration = Duration::from_secs(75);

/// How long a stopping process waits for token calls that are under way.
const CALLS_GRACE: Duration = Duration::from_secs(30);
const _: () = assert!(CALLS_GRACE.as_secs() > TOKEN_LIMIT.as_secs());

/// The app, bound and ready to run.
pub struct App {
    ctx: Ctx,
    server: Server,
    address: SocketAddr,
    worker: worker::Handle,
}

impl App {
    /// Binds, opens and migrates the database, reads keys and services. Nothing is served before `run`.
    pub async fn build(config: Config, clock: Clock) -> Result<Self> {
        let listener = TcpListener::bind(config.bind)
            .with_context(|| format!("cannot listen on {}", config.bind))?;
        let address = listener.local_addr()?;
        let ctx = context(&config, clock, address).await?;
        standing::look(&ctx).await?;
        locked::retry_all(&ctx).await?;
        let server = serve(listener, &ctx, &config)?;
        let worker = worker::start(ctx.clone());
        Ok(Self { ctx, server, address, worker })
    }

    pub fn ctx(&self) -> &Ctx {
        &self.ctx
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Stops the app from elsewhere; requests under way are answered.
    pub fn handle(&self) -> ServerHandle {
        self.server.handle()
    }

    /// Serves until it is told to stop (SIGTERM, SIGINT or the handle).
    pub async fn run(self) -> Result<()> {
        let done = self.server.await;
        self.worker.stop().await;
        // What is on the wire may bring the only token that works from then on.
        self.ctx.tasks.finish(CALLS_GRACE).await;
        Ok(done?)
    }
}

/// Opens the database with the keys that belong to it, and only then brings it up to date.
async fn open(config: &Config) -> Result<(Db, KeyRing)> {
    let (url, keys) = (config.database(), config.keys.clone());
    let prepare = move |c: &mut AnyConnection| {
        let ring = match keys::admit(c, &keys)? {
            Ok(ring) => ring,
            Err(refused) => return Ok(Err(refused)),
        };
        for name in migrate::run(c)? {
            tracing::info!(migration = name, "brought the database up to date");
        }
        Ok(Ok(ring))
    };
    let opened =
        tokio::task::spawn_blocking(move || Db::open_with(&url, CONNECTIONS, prepare)).await?;
    let (db, ring) = opened.map_err(explain_outage).context("the database cannot be opened")?;
    Ok((db, ring?))
}

/// At the start, a database that takes no writes is a wrong setting more often than a passing fault.
fn explain_outage(error: StoreError) -> anyhow::Error {
    match error {
        StoreError::Unavailable(Outage::ReadOnly) => anyhow!(
            "it is read-only, and Authorizers has to write. If this is a standby of PostgreSQL, \
             set AUTHORIZERS_DATABASE_URL to the primary; otherwise look at \
             default_transaction_read_only, or at the permissions of the SQLite file"
        ),
        other => other.into(),
    }
}

/// The context alone, for commands that serve nothing.
pub async fn context(config: &Config, clock: Clock, address: SocketAddr) -> Result<Ctx> {
    // One TLS provider for the whole process; a second call finds it there.
    rustls::crypto::ring::default_provider().install_default().ok();
    keys::prepare_dir(&config.data_dir)?;
    let (db, ring) = open(config).await?;
    let cipher = Cipher::new(ring);
    keys::prove(&db, &cipher, &config.keys, clock.now()).await?;
    let site = Site {
        public_url: config.public_url.clone().unwrap_or_else(|| format!("http://{address}")),
        instance: format!(
            "{}-{}",
            std::process::id(),
            token::sha256_hex(token::random(8).expose()).get(..8).unwrap_or_default()
        ),
        is_http_allowed: !config.allow_addresses.is_empty(),
        retest_every: config.retest_every,
        keep_activity: DAY.saturating_mul(config.keep_activity_days),
        is_demo: config.is_demo,
    };
    let mailer = config
        .mail
        .as_ref()
        .map(Mailer::new)
        .transpose()
        .map_err(anyhow::Error::msg)
        .context("AUTHORIZERS_SMTP_URL")?;
    let policy = Policy { allow: config.allow_addresses.clone() };
    let ctx = Ctx {
        db,
        outbound: Outbound::with_clock(policy, clock.clone()).with_mail(mailer),
        catalog: Arc::new(Catalog::load(config.services_dir.as_deref(), config.is_demo)),
        clock,
        cipher,
        site: Arc::new(site),
        standing: Arc::new(Standing::new(Marker::new(&config.data_dir), config.public_url.clone())),
        readiness: readiness::Readiness::default(),
        known: Arc::default(),
        tasks: Arc::new(Tasks::new(tokio::runtime::Handle::current())),
        letters: Arc::new(web::letters::Post),
    };
    for broken in ctx.catalog.broken() {
        tracing::error!(file = broken.file, "a service file is not taken in: {broken}");
    }
    Ok(ctx)
}

fn serve(listener: TcpListener, ctx: &Ctx, config: &Config) -> Result<Server> {
    let frame = web::Frame::new(ctx, config.trusted_proxies.clone());
    let ctx = ctx.clone();
    let server = HttpServer::new(move || web::app(&ctx, &frame))
        // Without it compressed pages wait 40 ms for an acknowledgement.
        .tcp_nodelay(true)
        .keep_alive(KEEP_ALIVE)
        .shutdown_timeout(20)
        .listen(listener)?
        .run();
    Ok(server)
}
