//! Configuration from the environment: every error at once, each naming its variable.

use std::{fmt, str::FromStr};

/// Reads variables and collects what is wrong with them.
#[derive(Debug, Default)]
pub struct Env {
    faults: Vec<String>,
}

/// Everything that is wrong with the environment.
#[derive(Debug, thiserror::Error)]
#[error("configuration: {}", .0.join("; "))]
pub struct ConfigError(pub Vec<String>);

/// A value that does not show itself.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// The value.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl From<String> for Secret {
    fn from(value: String) -> Self {
        Self(value)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl Env {
    /// An empty reader.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A variable that must be there and not empty; an empty text stands in for a missing one until [`Env::finish`].
    pub fn required(&mut self, name: &str) -> String {
        match std::env::var(name) {
            Ok(value) if !value.trim().is_empty() => value,
            Ok(_) => {
                self.faults.push(format!("{name} is empty"));
                String::new()
            }
            Err(_) => {
                self.faults.push(format!("{name} is not set"));
                String::new()
            }
        }
    }

    /// A variable that may be missing.
    #[must_use]
    pub fn optional(&self, name: &str) -> Option<String> {
        std::env::var(name).ok().filter(|value| !value.trim().is_empty())
    }

    /// A secret that must be there.
    pub fn secret(&mut self, name: &str) -> Secret {
        Secret(self.required(name))
    }

    /// A variable that parses, or its default.
    pub fn parsed<T>(&mut self, name: &str, default: T) -> T
    where
        T: FromStr,
        T::Err: fmt::Display,
    {
        match self.optional(name) {
            None => default,
            Some(text) => text.trim().parse().unwrap_or_else(|error| {
                self.faults.push(format!("{name} is {text:?}: {error}"));
                default
            }),
        }
    }

    /// A variable that must be there and parse; the default stands in until [`Env::finish`].
    pub fn required_parsed<T>(&mut self, name: &str, stand_in: T) -> T
    where
        T: FromStr,
        T::Err: fmt::Display,
    {
        if self.optional(name).is_none() {
            self.faults.push(format!("{name} is not set"));
            return stand_in;
        }
        self.parsed(name, stand_in)
    }

    /// A fault found while using a value.
    pub fn fault(&mut self, name: &str, what: impl fmt::Display) {
        self.faults.push(format!("{name}: {what}"));
    }

    /// Ends reading.
    ///
    /// # Errors
    /// With every fault found.
    pub fn finish(self) -> Result<(), ConfigError> {
        if self.faults.is_empty() { Ok(()) } else { Err(ConfigError(self.faults)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_is_named_at_once() {
        let mut env = Env::new();
        env.required("CENTRALE_TEST_NOT_THERE");
        env.fault("CENTRALE_TEST_PORT", "not a port");
        let text = env.finish().unwrap_err().to_string();
        assert!(text.contains("CENTRALE_TEST_NOT_THERE is not set"), "{text}");
        assert!(text.contains("CENTRALE_TEST_PORT: not a port"), "{text}");
        assert_eq!(format!("{:?}", Secret::from("x".to_owned())), "Secret(…)");
    }
}
