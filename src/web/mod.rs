//! Pages and forms.
pub mod forms;
