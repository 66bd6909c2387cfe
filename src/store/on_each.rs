//! Runs one expression on the concrete connection, for the few statements that two databases at once do not know.

/// `on_each!(conn, |c| expression)`: upserts, batch inserts and unions compile on a concrete connection only.
macro_rules! on_each {
    ($conn:expr, |$c:ident| $body:expr) => {
        match $conn {
            $crate::store::conn::AnyConnection::Sqlite($c) => $body,
            $crate::store::conn::AnyConnection::Pg($c) => $body,
        }
    };
}
pub(crate) use on_each;
