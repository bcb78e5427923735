//! The audit (written below).
