//! The GIE of radiologists, end to end: its scenario, and what only a whole stack can show of charter, label and members files.

use e2e::Stack;
use serde_json::Value;
use tools::demo::api::Api;

const GROUP: &str = "serenice";
const OFFICER: &str = "acheteur.serenice";
const WORKBOOK: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";

fn workbook(rows: &[[&str; 7]]) -> Vec<u8> {
    let mut workbook = rust_xlsxwriter::Workbook::new();
    let sheet = workbook.add_worksheet().set_name("Membres").unwrap();
    let header = ["RPPS", "Nom", "Adhésion", "Charte signée le", "Lieu d'exercice", "Établissement", "SIRET"];
    for (place, title) in (0_u16..).zip(header) {
        sheet.write(0, place, title).unwrap();
    }
    for (number, row) in (1_u32..).zip(rows) {
        for (place, cell) in (0_u16..).zip(row) {
            sheet.write(number, place, *cell).unwrap();
        }
    }
    workbook.save_to_buffer().unwrap()
}

/// What a scenario said under a heading.
fn said<'a>(shown: &'a [Value], what: &str) -> &'a str {
    let line =
        shown.iter().find(|line| line["what"] == what).unwrap_or_else(|| panic!("nothing about {what}: {shown:?}"));
    line["said"].as_str().unwrap()
}

#[tokio::test]
async fn a_gie_of_radiologists_grows_to_a_thousand_members_and_buys_services_and_is_labelled() {
    let stack = Stack::start("serenice", &[]).await;
    let ended = stack.scenario(GROUP).await;
    assert!(ended.status.success(), "{}", ended.output);
    let shown = ended.figures["scenarios"][GROUP].as_array().unwrap().clone();
    assert!(said(&shown, "Adhésion").starts_with("80 radiologues, 62 en cabinet et 18 à l'hôpital"));
    assert!(said(&shown, "De 80 à 1 000 par fichier").contains("920 lignes inchangées"));
    // An attachment to a hospital makes it no beneficiary: the answer stays no, with the article.
    let hospital = said(&shown, "Hôpital de radiologues membres");
    assert!(hospital.contains("8 radiologues") && hospital.contains("BENEFICIARY_NOT_NAMED"), "{hospital}");
    assert!(said(&shown, "Cabinet arrivé après").contains("pas nommé"), "{}", said(&shown, "Cabinet arrivé après"));
    assert!(said(&shown, "Achats groupés").contains("3 commandes"), "{}", said(&shown, "Achats groupés"));

    let api = Api::new(stack.var("CENTRALE_URL")).unwrap();
    for login in [OFFICER, "demandeur.serenice.ser-cab-01", "receveur.serenice.ser-cab-01", "auditeur.serenice"] {
        api.know(login, Stack::PASSWORD);
    }
    let me = api.get(OFFICER, "/v1/me").await.unwrap();
    let group = uuid_of(&me.to_string()).unwrap();
    members_files(&stack, &api, &group).await;
    posters_and_pages(&stack, &api, &group).await;
    who_sees_what(&api, &group).await;
    let (clean, said) = stack.audit().await;
    assert!(clean, "{said}");
}

fn uuid_of(text: &str) -> Option<String> {
    let (_, rest) = text.split_once("\"grp_")?;
    Some(format!("grp_{}", rest.split('"').next()?))
}

/// A workbook of members comes back with its faults, and is taken once they are mended.
async fn members_files(stack: &Stack, api: &Api, group: &str) {
    let good = ["00000009001", "Dr Alix Fictif 9001", "20/11/2026", "20/11/2026", "CABINET", "ser-cab-01", ""];
    let bad = ["123", "Dr Noa Fictif 9002", "20/11/2026", "", "CABINET", "", "12345678901234"];
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let send = async |rows: &[[&str; 7]], query: &str| {
        let url = format!("{}/v1/groups/{group}/members/file{query}", stack.var("CENTRALE_URL"));
        let token = api.token(OFFICER).await.unwrap();
        let request = http.post(url).bearer_auth(token).header("content-type", WORKBOOK).body(workbook(rows));
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.bytes().await.unwrap())
    };
    let (status, body) = send(&[good, bad], "").await;
    let problem: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!((status, problem["code"].as_str()), (422, Some("MEMBERS_FILE_INVALID")), "{problem}");
    let columns: Vec<&str> =
        problem["errors"].as_array().unwrap().iter().map(|fault| fault["column"].as_str().unwrap()).collect();
    assert_eq!(columns, ["RPPS", "SIRET"], "as the file calls them: {problem}");
    let (status, body) = send(&[good, bad], "?errors=workbook").await;
    assert!(status == 422 && body.starts_with(b"PK"), "{status}");
    for (added, unchanged) in [(1, 0), (0, 1)] {
        let (status, body) = send(&[good], "").await;
        let report: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!((status, report["practitioners_added"].as_i64()), (200, Some(added)), "{report}");
        assert_eq!(report["unchanged"].as_i64(), Some(unchanged));
    }
}

/// What is public loads nothing and says nothing more; a member prints the charter.
async fn posters_and_pages(stack: &Stack, api: &Api, group: &str) {
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let url = stack.var("CENTRALE_URL");
    let page = http.get(format!("{url}/label/{GROUP}")).send().await.unwrap();
    let policy = page.headers()["content-security-policy"].to_str().unwrap().to_owned();
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-") && !policy.contains("unsafe"), "{policy}");
    assert_eq!(page.headers()["cache-control"], "public, max-age=300");
    let page = page.text().await.unwrap();
    for word in ["<script", "http://", "https://", "javascript:", "src=", "@example.org", "pra_"] {
        assert!(!page.contains(word), "the page has {word}");
    }
    let data: Value = http
        .get(format!("{url}/v1/public/groups/{GROUP}/label?page_size=5"))
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(data["holders"].as_array().unwrap().len(), 5);
    let next = data["next_page_token"].as_str().unwrap();
    let more =
        http.get(format!("{url}/v1/public/groups/{GROUP}/label?page_size=5&page_token={next}")).send().await.unwrap();
    let more: Value = more.json().await.unwrap();
    assert_ne!(more["holders"][0], data["holders"][0]);
    for (path, status) in [
        ("/v1/public/groups/nobody/label".to_owned(), 404),
        ("/label/nobody".to_owned(), 404),
        (format!("/v1/public/groups/{GROUP}/label?page_token=x"), 400),
        (format!("/v1/public/groups/{GROUP}/label?page_size=0"), 400),
    ] {
        assert_eq!(http.get(format!("{url}{path}")).send().await.unwrap().status().as_u16(), status, "{path}");
    }
    // A page token of everybody's list opens no list of a group.
    let path = format!("/v1/groups/{group}/practitioners?page_token={next}");
    assert_eq!(api.try_get(OFFICER, &path).await.unwrap().unwrap_err().status, 400);
    let token = api.token("demandeur.serenice.ser-cab-01").await.unwrap();
    let poster = http.get(format!("{url}/v1/groups/{group}/charters/poster")).bearer_auth(token).send().await.unwrap();
    assert_eq!(poster.headers()["content-type"], "application/pdf");
    let pdf = poster.bytes().await.unwrap();
    assert!(pdf.starts_with(b"%PDF") && pdf.len() > 5_000, "{} bytes", pdf.len());
}

/// Who acts for a practice sees its own radiologists, their subscriptions and audits; an auditor all, and changes nothing.
async fn who_sees_what(api: &Api, group: &str) {
    let base = format!("/v1/groups/{group}");
    for login in ["demandeur.serenice.ser-cab-01", "receveur.serenice.ser-cab-01"] {
        let own = api.list(login, &format!("{base}/practitioners"), "practitioners").await.unwrap();
        assert!(!own.is_empty() && own.len() < 10, "{login} sees {}", own.len());
        let ids: Vec<&str> = own.iter().map(|one| one["id"].as_str().unwrap()).collect();
        for (path, field) in [("subscriptions", "subscriptions"), ("label-audits", "audits")] {
            let rows = api.list(login, &format!("{base}/{path}"), field).await.unwrap();
            assert!(rows.iter().all(|row| ids.contains(&row["practitioner_id"].as_str().unwrap())), "{login}: {path}");
        }
        let refused = api.try_get(login, &format!("{base}/label-audits/due")).await.unwrap().unwrap_err();
        assert_eq!(refused.status, 403, "{refused}");
    }
    let auditor = "auditeur.serenice";
    assert_eq!(api.list(auditor, &format!("{base}/practitioners"), "practitioners").await.unwrap().len(), 1_001);
    let body = serde_json::json!({ "title": "x", "text": "x", "valid_from": "2027-01-01" });
    let refused = api.try_post(auditor, &format!("{base}/charters"), "x", &body).await.unwrap().unwrap_err();
    assert_eq!(refused.status, 403);
}
