//! Forms: what a page draws and what a body brings, for service files and for hand-written forms alike.
pub mod blocks;
pub mod read;
pub mod spec;
pub mod state;
pub mod wording;

pub use spec::Fill;
pub use state::{FieldState, FormState, InputKind};

/// The sheet of icons, as the templates of forms link it.
pub(crate) fn sprite() -> &'static str {
    super::assets::icons()
}
