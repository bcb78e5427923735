//! `keys --out DIR`: one Ed25519 key pair per kind of process, and the list of public keys that all trust.

use std::{fs, os::unix::fs::OpenOptionsExt as _, path::PathBuf};

use anyhow::{Context as _, bail};
use kit::identity::{TrustedKeys, generate_key};

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let (Some("--out"), Some(dir), None) = (arguments.next().as_deref(), arguments.next(), arguments.next()) else {
        bail!("usage: keys --out DIR");
    };
    let dir = PathBuf::from(dir);
    fs::create_dir_all(&dir).with_context(|| format!("cannot make {}", dir.display()))?;
    let mut trusted = TrustedKeys::default();
    for kind in ["gateway", "membership", "catalogue", "tendering", "demand", "logistics"] {
        let (pem, public) = generate_key(kind)?;
        let path = dir.join(format!("{kind}.key.pem"));
        let mut options = fs::OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(0o600);
        std::io::Write::write_all(&mut options.open(&path)?, pem.as_bytes())
            .with_context(|| format!("cannot write {}", path.display()))?;
        trusted.keys.push(public);
    }
    fs::write(dir.join("trusted.json"), serde_json::to_string_pretty(&trusted)?)?;
    Ok(())
}
