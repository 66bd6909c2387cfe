//! People: who may do what, getting in and out, and the last owner.
mod account;
mod invitations;
mod owners;
mod permissions;
mod requests;
