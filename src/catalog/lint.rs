//! What a service file must keep to.
