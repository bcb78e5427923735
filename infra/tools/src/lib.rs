//! What the scripts of `infra/` need.
