//! The files that come with the program. A test compares these lists with the folders.

macro_rules! files {
    ($folder:literal: $($name:literal),+ $(,)?) => {
        &[$(($name, include_str!(concat!($folder, "/", $name, ".toml")))),+]
    };
}

/// Services by id, with the text of their files.
pub const SERVICES: &[(&str, &str)] = files!(
    "services":
    "airtable",
    "bigquery",
    "custom-http",
    "custom-oauth2",
    "github",
    "google-ads",
    "google-analytics-4",
    "google-sheets",
    "hubspot",
    "klaviyo",
    "linkedin-ads",
    "mailchimp",
    "mariadb",
    "meta-ads",
    "microsoft-ads",
    "mysql",
    "notion",
    "postgresql",
    "quickbooks",
    "s3",
    "salesforce",
    "sendgrid",
    "sftp",
    "shopify",
    "slack",
    "stripe",
    "x-ads",
    "xero",
    "zendesk",
);

/// Shared field sets by name.
pub const SETS: &[(&str, &str)] =
    files!("sets": "file_read", "file_write", "request", "ssh", "table_read", "table_write", "tls");
