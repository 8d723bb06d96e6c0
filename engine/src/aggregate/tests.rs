//! Pipelines and what a MongoDB 5.0.4 makes of them.
