//! Configuration, from the environment only; every fault is named at once.

use std::path::{Path, PathBuf};

use kit::{
    client::Peer,
    config::{ConfigError, Env},
    fail_at::FailAt,
    identity::{Caller, Scope, Signer, Verifier},
};

use crate::{mail::Post, pages::PageKey, reply::token::LinkKey, upstream::Peers};

/// What the gateway needs to run.
#[derive(Debug, Clone)]
pub struct Config {
    /// `CENTRALE_LISTEN`: address and port to listen on.
    pub listen: String,
    /// `CENTRALE_PUBLIC_URL`: where clients reach the gateway, without a slash at the end.
    pub public_url: String,
    /// `CENTRALE_REDIS_URL`: counts logins; may be away.
    pub redis: redis::Client,
    /// `CENTRALE_{MEMBERSHIP,CATALOGUE,TENDERING,DEMAND,LOGISTICS}_URL`, with `CENTRALE_SIGNING_KEY`.
    pub peers: Peers,
    /// `CENTRALE_ISSUER`: issuer of the tokens that membership signs; the public URL unless set.
    pub issuer: String,
    /// `CENTRALE_OIDC_ISSUERS`: further issuers, comma-separated.
    pub further_issuers: Vec<String>,
    /// `CENTRALE_OIDC_AUDIENCE`: the audience that every token must be for; `centrale` unless set.
    pub audience: String,
    /// `CENTRALE_PAGE_KEY`: at least 32 hexadecimal digits, the same in every replica.
    pub page_key: PageKey,
    /// `CENTRALE_SPOOL_DIR`: where uploads wait on disk; the system's temporary folder unless set.
    pub spool_dir: PathBuf,
    /// `CENTRALE_LINK_KEY`: signs reply links; at least 64 hexadecimal digits, the same in every replica; several, separated by
    /// commas, while keys change: the first signs.
    pub link_key: LinkKey,
    /// `CENTRALE_SMTP_URL` (`smtp://host:25`, `smtps://user:password@host`), with `CENTRALE_MAIL_FROM` (`Name <address>`) and
    /// `CENTRALE_MAIL_LEASE_S` (60 unless set: how long another sender waits for one that died). Unset: placed orders wait.
    pub post: Option<Post>,
}

impl Config {
    /// Reads the environment.
    ///
    /// # Errors
    /// With every variable that is missing or wrong.
    pub fn read() -> Result<Self, ConfigError> {
        let mut env = Env::new();
        let listen = env.required("CENTRALE_LISTEN");
        let public_url = env.required("CENTRALE_PUBLIC_URL").trim_end_matches('/').to_owned();
        let redis_url = env.required("CENTRALE_REDIS_URL");
        let redis = redis::Client::open(redis_url).map_err(|error| env.fault("CENTRALE_REDIS_URL", error)).ok();
        let signer = signer(&mut env);
        let peers = peers(&mut env, signer);
        let issuer = env.optional("CENTRALE_ISSUER").unwrap_or_else(|| public_url.clone());
        let further_issuers = list(env.optional("CENTRALE_OIDC_ISSUERS").as_deref().unwrap_or_default());
        let audience = env.optional("CENTRALE_OIDC_AUDIENCE").unwrap_or_else(|| "centrale".to_owned());
        let page_key = PageKey::from_hex(env.secret("CENTRALE_PAGE_KEY").reveal())
            .map_err(|error| env.fault("CENTRALE_PAGE_KEY", error))
            .ok();
        let spool_dir = env.optional("CENTRALE_SPOOL_DIR").map_or_else(std::env::temp_dir, PathBuf::from);
        if !spool_dir.is_dir() {
            env.fault("CENTRALE_SPOOL_DIR", format!("{} is not a folder", spool_dir.display()));
        }
        let link_key = LinkKey::from_hex(env.secret("CENTRALE_LINK_KEY").reveal())
            .map_err(|error| env.fault("CENTRALE_LINK_KEY", error))
            .ok();
        let post = post(&mut env, &public_url);
        env.finish()?;
        match (redis, peers, page_key, link_key) {
            (Some(redis), Some(peers), Some(page_key), Some(link_key)) => Ok(Self {
                listen,
                public_url,
                redis,
                peers,
                issuer,
                further_issuers,
                audience,
                page_key,
                spool_dir,
                link_key,
                post,
            }),
            _ => Err(ConfigError(vec!["a part could not be made".to_owned()])),
        }
    }
}

/// The gateway's key, after a look whether the services can check what it signs.
fn signer(env: &mut Env) -> Option<Signer> {
    let key = env.required("CENTRALE_SIGNING_KEY");
    let trusted = env.required("CENTRALE_TRUSTED_KEYS");
    let signer =
        Signer::read("gateway", Path::new(&key)).map_err(|error| env.fault("CENTRALE_SIGNING_KEY", error)).ok();
    let verifier =
        Verifier::read("gateway", Path::new(&trusted)).map_err(|error| env.fault("CENTRALE_TRUSTED_KEYS", error)).ok();
    let (signer, verifier) = (signer?, verifier?);
    let itself = Caller::service("gateway", Scope::Deployment);
    let checked = signer.state(&itself, "gateway").and_then(|statement| verifier.check(&statement));
    if let Err(error) = checked {
        env.fault("CENTRALE_SIGNING_KEY", format!("services would refuse what it signs: {error}"));
    }
    Some(signer)
}

fn peers(env: &mut Env, signer: Option<Signer>) -> Option<Peers> {
    let mut peer = |audience: &'static str, variable: &str| {
        let url = env.required(variable);
        let signer = signer.clone()?;
        if url.is_empty() {
            return None;
        }
        Peer::new(audience, &url, signer).map_err(|error| env.fault(variable, error)).ok()
    };
    let membership = peer("membership", "CENTRALE_MEMBERSHIP_URL");
    let catalogue = peer("catalogue", "CENTRALE_CATALOGUE_URL");
    let tendering = peer("tendering", "CENTRALE_TENDERING_URL");
    let demand = peer("demand", "CENTRALE_DEMAND_URL");
    let logistics = peer("logistics", "CENTRALE_LOGISTICS_URL");
    Some(Peers {
        membership: membership?,
        catalogue: catalogue?,
        tendering: tendering?,
        demand: demand?,
        logistics: logistics?,
    })
}

/// Where mails go; none when no server is named.
fn post(env: &mut Env, public_url: &str) -> Option<Post> {
    let url = env.optional("CENTRALE_SMTP_URL").filter(|url| !url.is_empty())?;
    let from = env.required("CENTRALE_MAIL_FROM");
    let lease_s = env.parsed("CENTRALE_MAIL_LEASE_S", 60);
    if !(1..=600).contains(&lease_s) {
        env.fault("CENTRALE_MAIL_LEASE_S", "must be 1 to 600");
    }
    let fail_at = FailAt::read("gateway", env);
    Post::new(&url, &from, public_url, lease_s, fail_at).map_err(|(variable, error)| env.fault(variable, error)).ok()
}

fn list(text: &str) -> Vec<String> {
    text.split(',').map(|item| item.trim().trim_end_matches('/').to_owned()).filter(|item| !item.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn issuers_are_a_list_without_blanks_or_final_slashes() {
        assert_eq!(list(" https://a.example/ , ,https://b.example"), ["https://a.example", "https://b.example"]);
        assert!(list("").is_empty());
    }
}
