//! Who may use what `serve` serves.

use clap::Args;
use clap::builder::BoolishValueParser;

/// Options of users.
#[derive(Debug, Args)]
#[command(next_help_heading = "Security")]
pub struct Security {
    /// Everybody has to log in; until there is a user, one can be made from this machine
    #[arg(long, value_parser = BoolishValueParser::new())]
    pub auth: bool,
    /// Nobody has to log in (the default)
    #[arg(long, value_parser = BoolishValueParser::new())]
    pub noauth: bool,
}
