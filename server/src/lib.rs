//! Everything behind the `tallymap` command: reading logs, making traffic, drawing charts.
//!
//! The engine is the `tallymap` crate; this one only uses its public face.

#![forbid(unsafe_code)]

pub mod auth;
pub mod chart;
pub mod cli;
pub mod client;
pub mod command;
pub mod config;
pub mod cost;
pub mod counter_sum;
pub mod counting;
pub mod dispatch;
pub mod error;
pub mod extjson;
pub mod heap_map;
pub mod http;
pub mod log;
pub mod logging;
pub mod numbers;
pub mod output;
pub mod progress;
pub mod recorded_hits;
pub mod shell;
pub mod systemd;
pub mod table;
pub mod terminal;
pub mod traffic;
pub mod user_agent;
pub mod wire;
