//! The running app, with a database of its own, and the people who use it.
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;

use authorizers::clock::Clock;
use authorizers::config::{Config, DatabaseUrl, Keys};
use authorizers::domain::{Ctx, Site};
use authorizers::model::mail::SmtpTls;
use authorizers::model::role::Role;
use authorizers::model::time::Moment;
use authorizers::startup::App;
use authorizers::store::Db;
use tempfile::TempDir;

use super::client::Client;
use super::database::{Database, Kind};
use super::logs;
use super::scripted::{SCRIPTED, Scripted};
use crate::services::oauth::OAuthServer;
use crate::services::smtp::SmtpServer;

/// The password of everybody.
pub const PASSWORD: &str = "correct horse battery staple";

/// What an app is started with.
#[derive(Default)]
struct Setup {
    clock: Clock,
    own_acme: Option<OAuthServer>,
    own_smtp: Option<SmtpServer>,
    /// The file of `acme-reports`; `None`: as its server writes it.
    acme_file: Option<String>,
    /// More service files, by the id of the service.
    files: Vec<(String, String)>,
    /// How browsers reach the app; `None`: at the address that it listens on.
    public_url: Option<String>,
    trusted_proxies: Vec<ipnet::IpNet>,
}

pub struct TestApp {
    /// `http://127.0.0.1:12345`
    pub base: String,
    pub ctx: Ctx,
    pub database: Database,
    /// An OAuth server for this app alone, if it has one.
    own_acme: Option<OAuthServer>,
    /// A mail server for this app alone, if it has one.
    own_smtp: Option<SmtpServer>,
    /// A provider that misbehaves as a test says, if it has one.
    scripted: Option<Scripted>,
    /// Data and service files of this app.
    folder: TempDir,
    config: Config,
    handle: actix_web::dev::ServerHandle,
    thread: Option<JoinHandle<()>>,
}

/// An app that runs on a thread of its own.
struct Running {
    /// Where it listens.
    base: String,
    ctx: Ctx,
    handle: actix_web::dev::ServerHandle,
    thread: JoinHandle<()>,
}

fn run(config: Config, clock: Clock) -> Running {
    let (tell, told) = mpsc::channel();
    let thread = std::thread::spawn(move || {
        actix_web::rt::System::new().block_on(async move {
            let app = App::build(config, clock).await.expect("the app is put together");
            let base = format!("http://{}", app.address());
            tell.send((base, app.ctx().clone(), app.handle())).expect("the test waits");
            app.run().await.expect("the app runs");
        });
    });
    let (base, ctx, handle) = told.recv().expect("the app starts");
    Running { base, ctx, handle, thread }
}

impl TestApp {
    /// On a fresh database, with the service of the shared OAuth server in its catalogue and loopback opened.
    pub async fn start(kind: Kind) -> Self {
        Self::launch(kind, Setup::default()).await
    }

    /// With an OAuth server of its own, that may be made to fail.
    pub async fn start_apart(kind: Kind) -> Self {
        Self::launch(kind, Setup { own_acme: Some(OAuthServer::own()), ..Setup::default() }).await
    }

    /// On a clock that stands still in January 2027 until the test moves it (`app.ctx.clock.advance`).
    pub async fn start_fixed(kind: Kind) -> Self {
        Self::start_at(kind, Clock::fixed(Moment::from_micros(1_800_000_000_000_000))).await
    }

    /// On a clock that the test moves.
    pub async fn start_at(kind: Kind, clock: Clock) -> Self {
        Self::launch(kind, Setup { clock, ..Setup::default() }).await
    }

    /// Behind proxies at 127.0.0.1 to 127.0.0.3.
    pub async fn start_proxied(kind: Kind) -> Self {
        let trusted_proxies = vec!["127.0.0.0/30".parse().expect("a network")];
        Self::launch(kind, Setup { trusted_proxies, ..Setup::default() }).await
    }

    /// Behind a proxy that speaks https, as browsers know it.
    pub async fn start_https(kind: Kind) -> Self {
        let public_url = Some("https://authorizers.example.com".to_owned());
        Self::launch(kind, Setup { public_url, ..Setup::default() }).await
    }

    /// With a mail server of its own, on a clock that the test moves.
    pub async fn start_mailing(kind: Kind) -> Self {
        let clock = Clock::fixed(Clock::System.now());
        let own_smtp = Some(SmtpServer::start(&[]));
        Self::launch(kind, Setup { clock, own_smtp, ..Setup::default() }).await
    }

    /// With a service that revokes one grant alone, and adds what it grants to what it granted before.
    pub async fn start_generous(kind: Kind) -> Self {
        let acme = OAuthServer::own();
        let file = acme.service_file().replacen(
            "scopes = [",
            "incremental_scopes = true\noptional_scopes = [\"reports.write\"]\nscopes = [",
            1,
        );
        let file = file.replace("[auth.oauth2.revoke]", "[auth.oauth2.revoke]\nalone = true");
        let setup = Setup { own_acme: Some(acme), acme_file: Some(file), ..Setup::default() };
        Self::launch(kind, setup).await
    }

    /// With a provider that misbehaves as the test says, and its services in the catalogue.
    pub async fn start_scripted(kind: Kind) -> Self {
        let scripted = Scripted::start().await;
        let files = scripted.files().into_iter().map(|(id, text)| (id.to_owned(), text)).collect();
        let mut app = Self::launch(kind, Setup { files, ..Setup::default() }).await;
        app.scripted = Some(scripted);
        let owner = app.set_up().await;
        app.scripted().enter_app(&owner, SCRIPTED).await;
        app
    }

    async fn launch(kind: Kind, setup: Setup) -> Self {
        let Setup { clock, own_acme, own_smtp, acme_file, files, public_url, trusted_proxies } =
            setup;
        let acme = own_acme.as_ref().unwrap_or_else(|| OAuthServer::shared());
        let acme_file = acme_file.unwrap_or_else(|| acme.service_file());
        logs::keep();
        let folder = tempfile::Builder::new()
            .prefix("authorizers-app-")
            .tempdir()
            .expect("a temporary folder");
        let services = folder.path().join("services");
        std::fs::create_dir(&services).expect("a folder");
        std::fs::write(services.join("acme-reports.toml"), acme_file).expect("a service's file");
        for (id, text) in files {
            std::fs::write(services.join(format!("{id}.toml")), text).expect("a service's file");
        }
        let database = Database::fresh(kind);
        let config = Config {
            bind: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            public_url,
            data_dir: folder.path().join("data"),
            database_url: Some(DatabaseUrl(database.url.clone())),
            keys: Keys::File { path: folder.path().join("data/keys"), is_default: true },
            services_dir: Some(services),
            allow_addresses: vec!["127.0.0.0/8".parse().expect("a network")],
            trusted_proxies,
            mail: own_smtp.as_ref().map(|smtp| smtp.settings(SmtpTls::None, None)),
            log: String::new(),
            retest_every: Some(std::time::Duration::from_secs(24 * 3600)),
            log_json: false,
            keep_activity_days: 730,
            is_demo: false,
        };
        let Running { base, ctx, handle, thread } = run(config.clone(), clock);
        Self {
            base,
            ctx,
            database,
            own_acme,
            own_smtp,
            scripted: None,
            folder,
            config,
            handle,
            thread: Some(thread),
        }
    }

    /// Starts the program again, at the same address, on the same database, with the service files as they are now.
    pub fn restart(&mut self) {
        drop(self.handle.stop(false));
        self.thread.take().expect("it runs").join().expect("it ended well");
        self.config.bind = self.base.trim_start_matches("http://").parse().expect("an address");
        let Running { ctx, handle, thread, .. } = run(self.config.clone(), self.ctx.clock.clone());
        (self.ctx, self.handle, self.thread) = (ctx, handle, Some(thread));
    }

    /// A second process of the same installation, as a balancer would reach it: the address that it listens on.
    pub fn twin(&self) -> Twin {
        let mut config = self.config.clone();
        config.bind = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        config.public_url = Some(self.base.clone());
        let Running { base, handle, thread, .. } = run(config, self.ctx.clock.clone());
        Twin { base, handle, thread: Some(thread) }
    }

    /// Where its own service files are.
    pub fn services(&self) -> std::path::PathBuf {
        self.folder.path().join("services")
    }

    /// What the worker does before each round.
    pub async fn look(&self) -> Option<authorizers::domain::standing::Doubt> {
        authorizers::domain::standing::look(&self.ctx).await.expect("the database answers")
    }

    /// Where its `data` and its `services` are.
    pub fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// A second process as far as the database can tell: its own connections, its own name in leases.
    pub async fn replica(&self) -> Ctx {
        let url = self.database.url.clone();
        let db = tokio::task::spawn_blocking(move || Db::open(&url, 4))
            .await
            .expect("a thread")
            .expect("a database");
        let site = Site { instance: "another".to_owned(), ..(*self.ctx.site).clone() };
        Ctx { db, site: Arc::new(site), ..self.ctx.clone() }
    }

    /// The OAuth server behind the service `acme-reports`.
    pub fn acme(&self) -> &OAuthServer {
        self.own_acme.as_ref().unwrap_or_else(|| OAuthServer::shared())
    }

    /// The provider of an app that was started with one.
    pub fn scripted(&self) -> &Scripted {
        self.scripted.as_ref().expect("an app with a scripted provider")
    }

    /// The mail server of an app that was started with one.
    pub fn smtp(&self) -> &SmtpServer {
        self.own_smtp.as_ref().expect("an app that mails")
    }

    /// A visitor who has not signed in.
    pub fn anonymous(&self) -> Client {
        Client::new(&self.base)
    }

    /// What the house knows, to be compared: without the answers that it would repeat for a moment.
    pub fn contents(&self) -> BTreeMap<String, Vec<String>> {
        let mut contents = self.database.contents();
        contents.remove("submissions");
        contents
    }

    /// The rows that are there now and were not, and those that were there and are not.
    pub fn changes_since(&self, before: &BTreeMap<String, Vec<String>>) -> Vec<String> {
        let (after, mut changes) = (self.contents(), Vec::new());
        for (table, rows) in before {
            let now = &after[table];
            changes.extend(
                now.iter().filter(|row| !rows.contains(row)).map(|row| format!("{table} + {row}")),
            );
            changes.extend(
                rows.iter().filter(|row| !now.contains(row)).map(|row| format!("{table} - {row}")),
            );
        }
        changes
    }
}

/// Who is in the house: `owner@example.com` and so on, all with the same password.
impl TestApp {
    /// Sets the app up through its own page: the owner, signed in.
    pub async fn set_up(&self) -> Client {
        let client = self.anonymous();
        let page = client.get("/").await.expect(200);
        assert_eq!(page.path(), "/set-up");
        let fields =
            [("name", "Olga Owner"), ("email", "owner@example.com"), ("password", PASSWORD)];
        client.submit("form#set-up", &fields).await.expect(200);
        client
    }

    /// Somebody with this role, signed in. The first call sets the app up.
    pub async fn person(&self, role: Role) -> Client {
        let is_set_up = self.database.count("users") > 0;
        if !is_set_up {
            let owner = self.set_up().await;
            if role == Role::Owner {
                return owner;
            }
        }
        self.add_person(role);
        self.sign_in(&format!("{}@example.com", role.code())).await
    }

    pub async fn sign_in(&self, email: &str) -> Client {
        let client = self.anonymous();
        client.get("/sign-in").await.expect(200);
        let page = client.submit("form#sign-in", &[("email", email), ("password", PASSWORD)]).await;
        assert!(!page.path().starts_with("/sign-in"), "{email} was not let in: {}", page.shown());
        client
    }

    /// Too many wrong passwords: the right one has to wait.
    pub async fn sign_in_is_refused(&self, email: &str) -> bool {
        let client = self.anonymous();
        client.get("/sign-in").await.expect(200);
        let page = client.submit("form#sign-in", &[("email", email), ("password", PASSWORD)]).await;
        page.status == 429
    }

    /// The owner's row again, as somebody else: hashing a password once is enough.
    pub fn add_person(&self, role: Role) {
        let code = role.code();
        self.database.execute(&format!(
            "INSERT INTO users (id, email, email_folded, name, name_folded, role, password_hash, is_active, session_epoch, theme, version,
                                created_at, updated_at)
             SELECT 'user-{code}', '{code}@example.com', '{code}@example.com', 'Uma {code}', 'uma {code}', '{code}', password_hash,
                    is_active, session_epoch, theme, version, created_at, updated_at
             FROM users WHERE role = 'owner' AND NOT EXISTS (SELECT 1 FROM users WHERE email_folded = '{code}@example.com')"
        ));
    }
}

/// A second process beside the app; ends when it is dropped.
pub struct Twin {
    pub base: String,
    handle: actix_web::dev::ServerHandle,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Twin {
    fn drop(&mut self) {
        drop(self.handle.stop(false));
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}

impl Drop for TestApp {
    fn drop(&mut self) {
        // Sends the order; the thread then ends by itself.
        drop(self.handle.stop(false));
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}

/// `with_app! { async fn a_sentence(app: TestApp) { … } }` runs the test on SQLite and on PostgreSQL.
/// `with_app! { start_apart; … }` starts it the other way.
macro_rules! with_app {
    ($(#[$meta:meta])* async fn $($rest:tt)+) => { with_app! { start; $(#[$meta])* async fn $($rest)+ } };
    ($start:ident; $($(#[$meta:meta])* async fn $name:ident($app:ident: TestApp) $body:block)+) => {$(
        mod $name {
            use super::*;

            async fn run($app: TestApp) $body

            fn on(kind: $crate::support::database::Kind) {
                let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
                runtime.block_on(async { run(TestApp::$start(kind).await).await });
            }

            $(#[$meta])*
            #[test]
            fn on_sqlite() {
                on($crate::support::database::Kind::Sqlite);
            }

            $(#[$meta])*
            #[test]
            fn on_postgres() {
                on($crate::support::database::Kind::Postgres);
            }
        }
    )+};
}
pub(crate) use with_app;
