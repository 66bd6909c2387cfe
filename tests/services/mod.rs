//! Real servers and programs that the app meets in tests, started when first asked for and shared by all tests of a run.
pub mod axe;
pub mod browser;
mod guards;
pub mod haproxy;
pub mod html;
pub mod mariadb;
pub mod oauth;
pub mod s3;
pub mod smtp;
pub mod sshd;
