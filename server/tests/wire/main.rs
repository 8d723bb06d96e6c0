//! Does the server answer as mongod 5.0.4 does, whatever is sent?

mod commands;
mod compression;
mod figures;
mod golden;
mod hostile;
mod hostile_frames;
mod idle;
mod limits;
mod listening;
mod maintenance;
mod process;
mod support;
mod talk;
mod tls;
mod writes;
