//! The logistics service.
