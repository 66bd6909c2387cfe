//! Real servers that the app meets in tests, started when first asked for and shared by all tests of a run.
pub mod browser;
pub mod oauth;
