//! Does the server answer as mongod 5.0.4 does, whatever is sent?

mod access;
mod awaiting;
mod commands;
mod compression;
mod figures;
mod golden;
mod hello;
mod hostile;
mod hostile_frames;
mod idle;
mod limits;
mod listening;
mod login;
mod maintenance;
mod old_reads;
mod old_writes;
mod process;
mod roles;
mod scram;
mod support;
mod talk;
mod tls;
mod writes;
