//! The `logscan503` program.

fn main() {}
