//! Large files as members send them: a stack with a round open to them, and nothing else in it.

mod large;
mod opening;

use e2e::{Stack, small_season};
use serde_json::{Value, json};
use tokio::sync::OnceCell;
use tools::demo::{
    api::Api,
    data::Data,
    opening as first_day,
    setup::{self, ADMIN, Ids, People},
};

/// A stack with the small season's registry, agreements and opening data, and an open round of its GHT.
pub struct Files {
    pub stack: Stack,
    pub api: Api,
    pub ids: Ids,
    /// `/v1/groups/grp_…`.
    pub base: String,
    /// `rnd_…`.
    pub round: String,
}

static FILES: OnceCell<Files> = OnceCell::const_new();

/// The stack, started by whoever asks first.
pub async fn files() -> &'static Files {
    FILES.get_or_init(start).await
}

/// The officer of the GHT.
pub const OFFICER: &str = "acheteur.ght";

async fn start() -> Files {
    let stack = Stack::start("files", &[]).await.shared();
    let data = Data::read(&small_season()).unwrap();
    let people = People::read(&data);
    let api = Api::new(stack.var("CENTRALE_URL")).unwrap();
    api.know(ADMIN, stack.var("CENTRALE_BOOTSTRAP_ADMIN_PASSWORD"));
    let mut ids = Ids::default();
    setup::registry(&api, &data, &mut ids, Stack::PASSWORD).await.unwrap();
    setup::reference_prices(&api, &data, &ids, &people, "ght").await.unwrap();
    setup::agreements(&api, &data, &mut ids, &people, "ght").await.unwrap();
    first_day::lots(&api, &data, &ids, &people, "ght").await.unwrap();
    first_day::consumption(&api, &data, &ids, &people, "ght").await.unwrap();
    first_day::orders(&api, &data, &ids, &people, "ght").await.unwrap();
    let base = format!("/v1/groups/{}", ids.groups["ght"]);
    let agreements: Vec<&String> =
        ids.agreements.iter().filter(|(key, _)| key.starts_with("ght-")).map(|(_, id)| id).collect();
    let round = json!({ "title": "Campagne FICTIVE de grands fichiers", "opens_at": "2026-11-01T00:00:00Z",
        "closes_at": "2026-12-31T16:00:00Z", "agreement_ids": agreements });
    let round = api.post(OFFICER, &format!("{base}/rounds"), "round", &round).await.unwrap();
    let round = round["id"].as_str().unwrap().to_owned();
    Files { stack, api, ids, base, round }
}

impl Files {
    /// Opens another round.
    pub async fn another_round(&self, title: &str) -> String {
        let round = self.api.get(OFFICER, &format!("{}/rounds/{}", self.base, self.round)).await.unwrap();
        let body = json!({ "title": title, "opens_at": round["opens_at"], "closes_at": round["closes_at"],
            "agreement_ids": round["agreement_ids"] });
        let round = self.api.post(OFFICER, &format!("{}/rounds", self.base), title, &body).await.unwrap();
        round["id"].as_str().unwrap().to_owned()
    }

    /// Sends a file as a member: the status and the answer as bytes.
    pub async fn send(&self, login: &str, path: &str, kind: &str, file: Vec<u8>) -> (u16, Vec<u8>) {
        let token = self.token(login).await;
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let request = http.post(format!("{}{path}", self.stack.var("CENTRALE_URL"))).bearer_auth(token);
        let answer = request.header("content-type", kind).body(file).send().await.unwrap();
        (answer.status().as_u16(), answer.bytes().await.unwrap().to_vec())
    }

    /// Reads bytes as a member.
    pub async fn read(&self, login: &str, path: &str) -> Vec<u8> {
        let token = self.token(login).await;
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let answer =
            http.get(format!("{}{path}", self.stack.var("CENTRALE_URL"))).bearer_auth(token).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), 200, "{path}");
        answer.bytes().await.unwrap().to_vec()
    }

    async fn token(&self, login: &str) -> String {
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let answer = http
            .post(format!("{}/oauth2/token", self.stack.var("CENTRALE_URL")))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(format!("grant_type=password&username={login}&password={}", Stack::PASSWORD))
            .send()
            .await
            .unwrap();
        let answer: Value = answer.json().await.unwrap();
        answer["access_token"].as_str().unwrap_or_else(|| panic!("{login}: {answer}")).to_owned()
    }
}

/// The media type of a workbook.
pub const WORKBOOK: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";

/// A JSON answer.
pub fn json_of(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(bytes)))
}
