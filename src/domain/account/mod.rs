//! One's own account: set-up of the first owner, one-time links, signing in and out, profile and sessions.
pub mod accept;
pub mod demo;
pub mod profile;
pub mod session;
pub mod sessions;
pub mod set_up;
pub mod sign_in;

use tokio::sync::Semaphore;

use crate::domain::{Ctx, Error};
use crate::model::credentials::Secret;
use crate::model::problems::{Complaint, Problems};
use crate::store;

pub use set_up::set_up;
pub(in crate::domain) use sign_in::account_line;
pub use sign_in::{is_known_from, sign_in, sign_out};

/// Where a request comes from, for the list of sessions.
#[derive(Clone, Debug, Default)]
pub struct Client {
    pub address: String,
    pub user_agent: String,
}

pub const PASSWORD_MIN: usize = 10;
pub const PASSWORD_MAX: usize = 200;

/// There is at least one person.
pub async fn is_set_up(ctx: &Ctx) -> Result<bool, Error> {
    Ok(ctx.db.read(store::users::any).await?)
}

/// Long rather than complicated (NIST SP 800-63B §5.1.1).
pub fn check_password(field: &str, password: &Secret, problems: &mut Problems) {
    let length = password.expose().chars().count();
    if length == 0 {
        problems.add(field, Complaint::Required);
    } else if length < PASSWORD_MIN {
        problems.add(field, Complaint::TooShort { min: PASSWORD_MIN });
    } else if length > PASSWORD_MAX {
        problems.add(field, Complaint::TooLong { max: PASSWORD_MAX });
    }
}

/// Off the async threads: it takes long on purpose.
pub async fn hash_password(password: &Secret) -> Result<String, Error> {
    let password = password.clone();
    let hash = in_turn(move || crate::crypto::password::hash(password.expose())).await;
    hash.flatten().ok_or(Error::WrongState("the password could not be hashed"))
}

/// Passwords are worked on one at a time: many who sign in at once cost time, not memory, and wait without a thread, which
/// pages need.
async fn in_turn<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    static TURN: Semaphore = Semaphore::const_new(1);
    let turn = TURN.acquire().await.ok()?;
    let done = move || {
        // Held until it is done, even when nobody waits for it any more.
        let _turn = turn;
        work()
    };
    tokio::task::spawn_blocking(done).await.ok()
}
