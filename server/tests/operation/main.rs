//! The built binary as an operator meets it: options, signals, logs, pages, `stat` and `top`.

mod logs;
mod pages;
mod refusals;
mod settings;
mod signals;
mod support;
mod watching;
