//! Random interleavings of callers, crashes and a misbehaving provider that rotates: whatever happens, no token is spent
//! twice unless its answer was lost, and then the cause says so.
use std::sync::{Arc, Mutex};
use std::time::Duration;

use authorizers::catalog::Catalog;
use authorizers::clock::Clock;
use authorizers::domain::Ctx;
use authorizers::domain::authorizers::account;
use authorizers::domain::tasks::Tasks;
use authorizers::model::cause::Cause;
use authorizers::model::ids::AuthorizerId;
use authorizers::outbound::Outbound;
use authorizers::outbound::policy::Policy;
use serde_json::json;
use tokio::runtime::{Builder, Runtime};

use super::dice::Dice;
use crate::services::oauth::Answer;
use crate::support::acme;
use crate::support::app::{TestApp, with_app};
use crate::support::line::{Answers, Said, serve};

/// A provider with one grant. An old refresh token ends it.
struct Provider {
    dice: Dice,
    current: String,
    rotations: u64,
    /// An answer with a new token may not have arrived.
    may_be_lost: bool,
    is_dead: bool,
    /// An old token came though no answer was lost.
    was_robbed: bool,
}

enum Fate {
    Answers(u64),
    Rotates,
    Down,
    Refuses,
}

impl Provider {
    fn call(&mut self, token: &str) -> Fate {
        if self.is_dead || token != self.current {
            self.was_robbed |= !self.is_dead && !self.may_be_lost;
            self.is_dead = true;
            return Fate::Refuses;
        }
        match self.dice.below(8) {
            0 => Fate::Down,
            1 => {
                self.rotate();
                self.may_be_lost = true;
                Fate::Rotates
            }
            _ => {
                self.rotate();
                Fate::Answers(self.dice.below(60))
            }
        }
    }

    fn rotate(&mut self) {
        self.rotations += 1;
        self.current = format!("refresh-{}", self.rotations);
    }
}

impl Answers for Provider {
    fn answer(&mut self, _: &str, body: &str) -> Said {
        let token = url::form_urlencoded::parse(body.as_bytes())
            .find(|(name, _)| name == "refresh_token")
            .unwrap()
            .1;
        match self.call(&token) {
            Fate::Rotates => Said::Raw(String::new()),
            Fate::Down => Said::Json(503, json!({})),
            Fate::Refuses => Said::Json(400, json!({ "error": "invalid_grant" })),
            Fate::Answers(wait) => {
                let next = &self.current;
                let answer = json!({ "access_token": format!("access for {next}"), "refresh_token": next,
                    "token_type": "Bearer", "expires_in": 3600 });
                Said::Late(Duration::from_millis(wait), answer)
            }
        }
    }
}

/// A process: what runs in it ends when it is killed, wherever that is.
struct Process {
    ctx: Ctx,
    runtime: Option<Runtime>,
}

impl Process {
    fn start(ctx: Ctx) -> Self {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let tasks = Arc::new(Tasks::new(runtime.handle().clone()));
        Self { ctx: Ctx { tasks, ..ctx }, runtime: Some(runtime) }
    }

    /// Nothing is tidied up; another one takes its place.
    fn kill(&mut self) {
        let ctx = self.ctx.clone();
        self.runtime.take().unwrap().shutdown_background();
        *self = Self::start(ctx);
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// Two processes on one clock, whose token endpoint is the provider.
async fn processes(app: &TestApp, url: &str) -> [Process; 2] {
    let text = app
        .acme()
        .service_file()
        .replace("hosts = [\"127.0.0.2\"]", "hosts = [\"127.0.0.1\", \"127.0.0.2\"]");
    let text = text.replace(
        &format!("token = \"{}/token\"", app.acme().base()),
        &format!("token = \"{url}\""),
    );
    let catalog = Arc::new(Catalog::of(&[("acme-reports.toml", &text)], false));
    let clock = Clock::fixed(app.ctx.clock.now());
    let policy = Policy { allow: vec!["127.0.0.0/8".parse().unwrap()] };
    let outbound = Outbound::with_patience(policy, clock.clone(), Duration::from_millis(2000));
    let of = |ctx: Ctx| {
        Process::start(Ctx {
            catalog: Arc::clone(&catalog),
            outbound: outbound.clone(),
            clock: clock.clone(),
            ..ctx
        })
    };
    [of(app.ctx.clone()), of(app.replica().await)]
}

async fn stored(ctx: &Ctx, id: &AuthorizerId) -> (String, Option<Cause>) {
    let open = account::open_as_is(ctx, id).await.unwrap_or_else(|error| panic!("{error}"));
    (
        open.credentials.tokens.as_ref().unwrap().refresh.as_ref().unwrap().expose().to_owned(),
        open.authorizer.cause,
    )
}

/// One life: rounds of callers, some of which end with both processes killed.
async fn live(app: &TestApp, id: &AuthorizerId, seed: u64) {
    let (first, _) = stored(&app.ctx, id).await;
    let provider = Provider {
        dice: Dice(seed),
        current: first,
        rotations: 0,
        may_be_lost: false,
        is_dead: false,
        was_robbed: false,
    };
    let provider = Arc::new(Mutex::new(provider));
    let url = format!("{}/token", serve(Arc::clone(&provider)).await);
    let mut processes = processes(app, &url).await;
    let mut dice = Dice(seed ^ 0xFFFF);
    for round in 0..10 {
        processes[0].ctx.clock.advance(Duration::from_secs(2 * 3600));
        let before = provider.lock().unwrap().rotations;
        let callers: Vec<_> = (0..=dice.below(6))
            .map(|number| {
                let (ctx, id) = (processes[usize::from(number % 2 == 1)].ctx.clone(), id.clone());
                let wait = Duration::from_millis(dice.below(40));
                tokio::spawn(async move {
                    tokio::time::sleep(wait).await;
                    account::open(&ctx, &id).await.map(|_| ()).ok()
                })
            })
            .collect();
        let is_killed = dice.below(3) == 0;
        if is_killed {
            tokio::time::sleep(Duration::from_millis(dice.below(90))).await;
            callers.iter().for_each(tokio::task::JoinHandle::abort);
            processes.iter_mut().for_each(Process::kill);
        }
        for caller in callers {
            caller.await.ok();
        }
        // What was written when it was killed comes to its end.
        tokio::time::sleep(Duration::from_millis(if is_killed { 80 } else { 0 })).await;
        if is_killed && provider.lock().unwrap().is_dead {
            // Nobody was left to write down why.
            processes[0].ctx.clock.advance(Duration::from_secs(60));
            account::open(&processes[0].ctx, id).await.ok();
        }
        let (token, cause) = stored(&app.ctx, id).await;
        let mut provider = provider.lock().unwrap();
        let about = format!(
            "seed {seed}, round {round}, killed {is_killed}, stored {token}, current {}, {cause:?}",
            provider.current
        );
        if token != provider.current {
            assert!(is_killed || provider.may_be_lost, "an answer got lost on our side: {about}");
            provider.may_be_lost = true;
        }
        assert!(!provider.was_robbed, "a token was spent twice: {about}");
        assert_ne!(cause, Some(Cause::GrantRevoked), "nobody revoked it: {about}");
        if provider.is_dead {
            assert_eq!(cause, Some(Cause::RotationLost), "{about}");
            return;
        }
        if !is_killed && !provider.may_be_lost {
            assert!(provider.rotations - before <= 1, "more than one renewal: {about}");
        }
    }
}

with_app! {
    async fn no_token_is_spent_twice_and_a_lost_one_is_told(app: TestApp) {
        let owner = app.set_up().await;
        acme::enter_app(&app, &owner).await;
        for seed in 0..12 {
            let email = format!("seed-{seed}@example.com");
            let path = acme::authorize(&app, &owner, &email, &email, Answer::Allow).await.expect(200).path();
            live(&app, &path.rsplit('/').next().unwrap().into(), seed).await;
        }
    }
}
