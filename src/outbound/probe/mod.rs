//! One file per protocol: what a test, a load and a preview mean there.
