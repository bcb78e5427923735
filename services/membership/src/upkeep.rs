//! Work in the background: the first administrator, and forgetting old failures. Any replica may do it, at any time.

use std::time::Duration;

use kit::{
    Caller, Failure, Scope,
    config::{Env, Secret},
    db::Db,
    id::{NO_GROUP, PersonId},
};
use proto::membership::v1::PeopleRegistered;
use tokio_util::sync::CancellationToken;

use crate::{
    convert::{parse_login, parse_password},
    domain::{Grant, GrantRole, Person},
    password::Passwords,
    store,
};

/// How often old failures are forgotten.
const SWEEP_EVERY: Duration = Duration::from_secs(600);

/// The administrator that a new deployment begins with.
#[derive(Debug, Clone)]
pub struct FirstAdministrator {
    login: String,
    password: Secret,
}

impl FirstAdministrator {
    /// From `CENTRALE_BOOTSTRAP_ADMIN_LOGIN` and `CENTRALE_BOOTSTRAP_ADMIN_PASSWORD`: both, or none.
    pub fn read(env: &mut Env) -> Option<Self> {
        const LOGIN: &str = "CENTRALE_BOOTSTRAP_ADMIN_LOGIN";
        const PASSWORD: &str = "CENTRALE_BOOTSTRAP_ADMIN_PASSWORD";
        match (env.optional(LOGIN), env.optional(PASSWORD)) {
            (None, None) => None,
            (Some(login), Some(password)) => {
                let login = parse_login(&login).map_err(|fault| env.fault(LOGIN, fault)).ok();
                let password = parse_password(&password).map_err(|fault| env.fault(PASSWORD, fault)).ok();
                Some(Self { login: login?, password: password? })
            }
            (Some(_), None) => {
                env.fault(PASSWORD, "is needed with the login");
                None
            }
            (None, Some(_)) => {
                env.fault(LOGIN, "is needed with the password");
                None
            }
        }
    }

    /// With this login and password.
    ///
    /// # Errors
    /// Says which is not fit.
    pub fn new(login: &str, password: &str) -> Result<Self, &'static str> {
        Ok(Self { login: parse_login(login)?, password: parse_password(password)? })
    }
}

/// Creates the first administrator, trying until the database answers.
pub async fn create_administrator(db: Db, passwords: Passwords, first: FirstAdministrator, stop: CancellationToken) {
    let mut pause = Duration::from_millis(200);
    loop {
        match try_create_administrator(&db, &passwords, &first).await {
            Ok(true) => return tracing::info!("the first administrator was created"),
            Ok(false) => return,
            Err(error) => tracing::warn!(%error, "the first administrator could not be created, trying again"),
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
        pause = (pause * 2).min(Duration::from_secs(10));
    }
}

/// Creates the first administrator unless somebody has its login; gives whether it did. An existing account is left as it is: its
/// password may have been changed since.
///
/// # Errors
/// When the database is away.
pub async fn try_create_administrator(
    db: &Db,
    passwords: &Passwords,
    first: &FirstAdministrator,
) -> Result<bool, Failure> {
    let service = Caller::service("membership", Scope::Deployment);
    let mut tx = db.begin(&service).await?;
    let there = !store::person::find_ids(tx.conn(), &[&first.login]).await?.is_empty();
    tx.rollback().await?;
    if there {
        return Ok(false);
    }
    let hashes = passwords.hash_all(vec![first.password.clone()]).await?;
    let person = Person {
        id: PersonId::new(),
        login: first.login.clone(),
        name: "Administration".to_owned(),
        email: String::new(),
    };
    let mut tx = db.begin(&service).await?;
    tx.enter(NO_GROUP).await?;
    store::person::lock_registry(tx.conn()).await?;
    if !store::person::find_ids(tx.conn(), &[&first.login]).await?.is_empty() {
        // Another replica was faster.
        tx.rollback().await?;
        return Ok(false);
    }
    store::person::save_all(tx.conn(), std::slice::from_ref(&person)).await?;
    let grant = Grant { role: GrantRole::Administrator, group_id: None, party_id: None };
    store::person::replace_grants(tx.conn(), &[person.id], &[(person.id, grant)]).await?;
    store::account::save_passwords(tx.conn(), &[person.id], &hashes).await?;
    let event = PeopleRegistered { person_ids: vec![person.id.to_string()] };
    tx.append(person.id.uuid(), "membership.people_registered.v1", &event).await?;
    tx.commit().await?;
    Ok(true)
}

/// Forgets old failures now and then, until stopped.
pub async fn sweep_failures(db: Db, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(SWEEP_EVERY) => {}
        }
        if let Err(error) = sweep_failures_once(&db).await {
            tracing::warn!(%error, "old failed logins could not be forgotten, trying again later");
        }
    }
}

/// Forgets the failures that no longer count; gives how many.
///
/// # Errors
/// When the database is away.
pub async fn sweep_failures_once(db: &Db) -> Result<u64, Failure> {
    let mut tx = db.begin(&Caller::service("membership", Scope::Deployment)).await?;
    let forgotten = store::account::delete_old_failures(tx.conn()).await?;
    tx.commit().await?;
    Ok(forgotten)
}
