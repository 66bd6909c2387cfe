//! Everything that the app logs in this process, down to the finest level, for tests that look for what must not be there.
use std::io;
use std::sync::{Mutex, Once, PoisonError};

static LINES: Mutex<Vec<u8>> = Mutex::new(Vec::new());

struct Sink;

impl io::Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        LINES.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// From now on the logs of all apps of this process are kept.
pub fn keep() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let levels = "debug,authorizers=trace,html5ever=off,selectors=off,thirtyfour=off";
        let all =
            tracing_subscriber::fmt().with_env_filter(levels).with_ansi(false).with_writer(|| Sink);
        all.try_init().expect("nobody else takes the logs");
    });
}

pub fn all() -> String {
    String::from_utf8_lossy(&LINES.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
}

/// The last warnings and errors of this process.
pub fn warnings() -> String {
    let all = all();
    let lines: Vec<&str> =
        all.lines().filter(|line| line.contains(" WARN ") || line.contains("ERROR ")).collect();
    lines[lines.len().saturating_sub(5)..].join("\n")
}
