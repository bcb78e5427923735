//! The demand service.
