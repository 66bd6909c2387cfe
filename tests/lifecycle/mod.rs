//! An authorizer stays alive, or says in time why not.
mod again;
mod copies;
mod dice;
mod doctor;
mod gate;
mod interleavings;
mod line;
mod process;
pub mod processes;
mod provider;
mod queue;
mod retests;
mod soak;
mod swap;
mod year;

/// Takes the database so that nobody else can write, for so long.
fn hold(url: &str, is_sqlite: bool, time: std::time::Duration) {
    use diesel::connection::SimpleConnection;
    let mut conn = authorizers::store::Place::parse(url).unwrap().connect().unwrap();
    let taken = if is_sqlite {
        "BEGIN EXCLUSIVE"
    } else {
        "BEGIN; LOCK TABLE authorizers IN ACCESS EXCLUSIVE MODE"
    };
    conn.batch_execute(taken).unwrap();
    std::thread::sleep(time);
    conn.batch_execute("COMMIT").unwrap();
}
