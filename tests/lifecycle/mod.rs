//! An authorizer stays alive, or says in time why not.
mod gate;
mod retests;
