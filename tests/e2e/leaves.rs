//! Orders leave by e-mail and come back answered: nothing is lost, nothing is done twice, a link shows its order only.

use std::{path::PathBuf, time::Duration};

use e2e::{Stack, root, small_season};
use serde_json::Value;
use tools::catcher::{Mail, mails, serve};

use crate::shared::shared;

async fn eventually<T, F: Future<Output = Option<T>>>(what: &str, mut look: impl FnMut() -> F) -> T {
    for _ in 0..600 {
        if let Some(found) = look().await {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    panic!("{what}: not within two minutes")
}

async fn count(stack: &Stack, sql: &'static str) -> i64 {
    let mut superuser = stack.superuser().await;
    sqlx::query_scalar(sql).fetch_one(&mut superuser).await.unwrap()
}

async fn open(address: &str) -> (u16, String) {
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let answer = http.get(address).send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

async fn login(stack: &Stack, login: &str) -> String {
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let answer = http
        .post(format!("{}/oauth2/token", stack.var("CENTRALE_URL")))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(format!("grant_type=password&username={login}&password={}", Stack::PASSWORD))
        .send()
        .await
        .unwrap();
    let answer: Value = answer.json().await.unwrap();
    answer["access_token"].as_str().unwrap().to_owned()
}

fn caught(stack: &Stack) -> Vec<Mail> {
    mails(&PathBuf::from(stack.var("CENTRALE_MAILS_DIR"))).unwrap()
}

#[tokio::test]
async fn every_mail_has_its_files_and_a_link_that_shows_its_order_and_nothing_when_altered() {
    let stack = &shared().await.stack;
    let mails = caught(stack);
    assert!(mails.len() > 5, "only {} mails", mails.len());
    for mail in mails.iter().take(3) {
        let names: Vec<&str> = mail.files.iter().map(|(name, _)| name.as_str()).collect();
        assert!(names[0].ends_with(".pdf") && names[1].ends_with(".xlsx"), "{names:?}");
        assert!(mail.files[0].1.starts_with(b"%PDF") && mail.files[1].1.starts_with(b"PK"));
        assert!(mail.to.ends_with("@example.org"));
    }
    let [mail, other] = [&mails[0], mails.iter().find(|other| other.to != mails[0].to).unwrap()];
    let (status, page) = open(mail.link().unwrap()).await;
    let number = mail.subject.split(' ').find(|word| word.starts_with("CG-")).unwrap();
    assert!(status == 200 && page.contains(number) && page.contains("Votre réponse est enregistrée"), "{page}");
    let (base, token) = mail.link().unwrap().rsplit_once('/').unwrap();
    let (_, foreign) = other.link().unwrap().rsplit_once('/').unwrap();
    // Altered, cut, nonsense, and one order's body under another's signature: the same page, to the byte.
    let (end, start) = (token.len() - 43, &token[..1]);
    let altered = if start == "A" { "B" } else { "A" };
    let forged = [
        format!("{altered}{}", &token[1..]),
        token[..token.len() - 1].to_owned(),
        "x".to_owned(),
        format!("{}{}", &token[..end], &foreign[end..]),
    ];
    let mut pages = Vec::new();
    for forged in forged {
        let (status, page) = open(&format!("{base}/{forged}")).await;
        assert_eq!(status, 404, "{forged}");
        pages.push(page);
    }
    assert!(pages.windows(2).all(|pair| pair[0] == pair[1]));
    assert!(!pages[0].contains("CG-") && pages[0].contains("pas valable"));
}

#[tokio::test]
async fn a_reply_page_says_what_it_may_load_and_is_kept_by_nobody() {
    let stack = &shared().await.stack;
    let link = caught(stack)[0].link().unwrap().to_owned();
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let answer = http.get(&link).send().await.unwrap();
    let header = |name: &str| answer.headers()[name].to_str().unwrap().to_owned();
    let policy = header("content-security-policy");
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
    assert!(!policy.contains("script") && !policy.contains("unsafe"), "{policy}");
    assert_eq!((header("referrer-policy").as_str(), header("cache-control").as_str()), ("no-referrer", "no-store"));
    let page = answer.text().await.unwrap();
    for word in ["<script", "http://", "https://", "javascript:", "src="] {
        assert!(!page.contains(word), "the page has {word}");
    }
    assert!(!stack.log("gateway").contains(link.rsplit_once('/').unwrap().1), "a link is not for the log");
}

#[tokio::test]
async fn a_mail_server_that_is_away_loses_nothing_and_a_refusal_is_told_and_sent_again_on_demand() {
    // Nobody listens there yet.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let url = format!("smtp://{address}");
    let stack = Stack::start("mailless", &[("CENTRALE_SMTP_URL", &url)]).await;
    let mails_dir = root().join(".run").join(format!("mails-{}", std::process::id()));
    let season = stack.season_without_mails(&small_season()).await;
    assert!(season.status.success(), "{}", season.output);
    let waiting = "SELECT count(*) FROM demand.dispatch WHERE state = 'WAITING' AND last_error <> ''";
    eventually("every order with an address waits and says why", || async {
        let placed = count(&stack, "SELECT count(*) FROM demand.dispatch WHERE state <> 'NO_ADDRESS'").await;
        (placed > 0 && count(&stack, waiting).await == placed).then_some(())
    })
    .await;
    let (clean, said) = stack.audit().await;
    assert!(clean && said.contains("en attente d'un serveur de courriel"), "{said}");

    // One supplier's address is refused for good.
    let mut superuser = stack.superuser().await;
    sqlx::query("UPDATE membership.party SET contact_email = 'refuse@example.org' WHERE key = 'ponant'")
        .execute(&mut superuser)
        .await
        .unwrap();
    let listener = tokio::net::TcpListener::bind(address).await.unwrap();
    let server = tokio::spawn(serve(listener, mails_dir.clone()));
    // No need to wait for the next try.
    sqlx::query("UPDATE demand.dispatch SET next_try_at = clock_timestamp() WHERE state = 'WAITING'")
        .execute(&mut superuser)
        .await
        .unwrap();
    eventually("all have left", || async {
        (count(&stack, "SELECT count(*) FROM demand.dispatch WHERE state = 'WAITING'").await == 0).then_some(())
    })
    .await;
    let sent = count(&stack, "SELECT count(*) FROM demand.dispatch WHERE state = 'SENT'").await;
    let failed =
        count(&stack, "SELECT count(*) FROM demand.dispatch WHERE state = 'FAILED' AND last_error LIKE '%550%'").await;
    assert!(sent > 0 && failed > 0, "{sent} sent, {failed} refused");
    assert_eq!(i64::try_from(mails(&mails_dir).unwrap().len()).unwrap(), sent);

    // The officer sees it, mends the address and sends again.
    sqlx::query("UPDATE membership.party SET contact_email = 'ponant@example.org' WHERE key = 'ponant'")
        .execute(&mut superuser)
        .await
        .unwrap();
    let token = login(&stack, "acheteur.ght").await;
    let group: String = sqlx::query_scalar(
        "SELECT 'grp_' || replace(group_id::text, '-', '') FROM membership.buying_group WHERE key = 'ght'",
    )
    .fetch_one(&mut superuser)
    .await
    .unwrap();
    let base = format!("{}/v1/groups/{group}", stack.var("CENTRALE_URL"));
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let seen: Value = http
        .get(format!("{base}/dispatches?page_size=500"))
        .bearer_auth(&token)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(seen["mail_configured"], true);
    let refused = seen["dispatches"].as_array().unwrap().iter().find(|dispatch| dispatch["state"] == "FAILED").unwrap();
    let order = refused["pooled_order_id"].as_str().unwrap();
    let again = http
        .post(format!("{base}/pooled-orders/{order}/resend"))
        .bearer_auth(&token)
        .header("idempotency-key", "resend-1")
        .send()
        .await
        .unwrap();
    assert_eq!(again.status(), 200);
    eventually("the mended one has left", || async {
        let mails = mails(&mails_dir).unwrap();
        mails.iter().any(|mail| mail.to == "ponant@example.org").then_some(())
    })
    .await;
    server.abort();
    std::fs::remove_dir_all(&mails_dir).unwrap();
}

#[tokio::test]
async fn a_sender_killed_between_the_mail_servers_yes_and_its_record_sends_the_same_mail_again_and_records_it_once() {
    let reached = root().join(".run").join(format!("mail-died-{}", std::process::id()));
    std::fs::create_dir_all(&reached).unwrap();
    let once = reached.display().to_string();
    let given = [
        ("CENTRALE_FAIL_AT", "gateway:mail:sent"),
        ("CENTRALE_FAIL_ONCE", once.as_str()),
        ("CENTRALE_MAIL_LEASE_S", "2"),
    ];
    let stack = Stack::start("mailkill", &given).await;
    let season = stack.season(&small_season()).await;
    assert!(season.status.success(), "{}", season.output);
    assert!(reached.join("gateway-mail-sent").exists(), "the sender must have died there");
    std::fs::remove_dir_all(&reached).unwrap();
    let mails = caught(&stack);
    let mut by_id: std::collections::BTreeMap<&str, usize> = std::collections::BTreeMap::new();
    for mail in &mails {
        *by_id.entry(mail.message_id.as_str()).or_default() += 1;
    }
    assert_eq!(
        by_id.values().filter(|times| **times == 2).count(),
        1,
        "one mail twice, under one Message-ID: {by_id:?}"
    );
    assert!(by_id.values().all(|times| *times <= 2));
    let sent = count(&stack, "SELECT count(*) FROM demand.dispatch WHERE state = 'SENT'").await;
    assert_eq!(usize::try_from(sent).unwrap(), by_id.len());
    let recorded = count(&stack, "SELECT count(*) FROM demand.event WHERE kind = 'demand.order_sent.v1'").await;
    assert_eq!(recorded, sent, "each mail is recorded once");
    let (clean, said) = stack.audit().await;
    assert!(clean, "{said}");
}
