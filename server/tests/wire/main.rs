//! Does the server answer as mongod 5.0.4 does, whatever is sent?

mod commands;
mod figures;
mod golden;
mod hostile;
mod process;
mod support;
mod talk;
