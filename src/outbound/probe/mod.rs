//! One file per protocol.
mod files;
pub mod http;
mod http_rows;
pub mod mysql;
pub mod postgres;
mod road;
mod rows;
pub mod s3;
pub mod sftp;
mod sql;
mod steps;

use crate::model::flow::FlowKind;
use crate::model::values::Values;

/// What services said goes to pages, without the account's secrets.
pub fn scrub(account: &crate::outbound::Account<'_>, needs: &mut [crate::model::need::Need]) {
    for need in needs {
        need.why = need.why.as_deref().map(|why| steps::scrub(account, why));
    }
}

/// A source or a destination with its settings; `None` is the service itself.
pub type NeededBy = Option<(FlowKind, Values)>;
