//! The tendering service.
