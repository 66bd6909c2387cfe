//! Settings from the environment: one prefix, one struct per concern.
