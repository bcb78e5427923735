use std::collections::HashSet;

use kit::{ErrorKind, Failure, Role, Scope, id::GroupId};
use proto::{catalogue::v1::*, common::v1::Page};

use crate::support::*;

const CIP: &str = "3400949497294";

fn kind_of(failure: &Failure) -> ErrorKind {
    match failure {
        Failure::Domain(error) => error.kind(),
        Failure::Remote(_) | Failure::Database(_) => panic!("{failure}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registered_article_is_found_by_every_reference() {
    let world = world().await;
    let stored = world.register(vec![tablets("PARA", "Paracétamol 500 mg", vec![cip13(CIP)])]).await.unwrap().remove(0);
    assert_eq!((stored.version, stored.packagings[0].base_units, stored.packagings[1].base_units), (1, 30, 1));
    let by_code =
        [CIP.to_owned(), format!("0{CIP}"), format!("cip13:{CIP}"), format!("gtin:0{CIP}"), format!("gtin:{CIP}")];
    let by_name = [stored.id.clone(), "key:PARA".to_owned()];
    for reference in by_code.iter().chain(&by_name) {
        assert_eq!(world.get(reference).await.unwrap(), stored, "{reference}");
    }
    for unknown in ["key:NONE", "3400933208639", "doliprane", ""] {
        assert_eq!(world.get(unknown).await.unwrap_err().reason(), "NOT_FOUND");
    }
    let mut refs: Vec<String> = by_code.iter().chain(&by_name).cloned().collect();
    refs.extend(["key:NONE".to_owned(), "not a code".to_owned(), CIP.to_owned()]);
    let reply = world.app.batch_get_articles(&administrator(), BatchGetArticlesRequest { refs }).await.unwrap();
    let found: Vec<(&str, &str)> =
        reply.found.iter().map(|found| (found.r#ref.as_str(), found.packaging_code.as_str())).collect();
    let expected =
        by_code.iter().map(|text| (text.as_str(), "BOX")).chain(by_name.iter().map(|text| (text.as_str(), "")));
    assert_eq!(found, expected.collect::<Vec<_>>(), "in the order asked, once, unknown ones left out");
    assert!(reply.found.iter().all(|found| found.article.as_ref() == Some(&stored)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_rises_only_when_something_changed() {
    let world = world().await;
    let article = tablets("PARA", "Paracétamol", vec![cip13(CIP), gtin(CIP)]);
    let first = world.register(vec![article.clone()]).await.unwrap();
    assert_eq!(world.register(vec![article.clone()]).await.unwrap(), first);
    assert_eq!(world.events("catalogue.articles_registered.v1").await, 1, "nothing changed, nothing told");
    let changed = Article { vat_rate: "5.5".into(), ..article.clone() };
    let other = tablets("IBU", "Ibuprofène", vec![]);
    let second = world.register(vec![other, changed]).await.unwrap();
    assert_eq!(
        second.iter().map(|article| (article.key.as_str(), article.version)).collect::<Vec<_>>(),
        [("IBU", 1), ("PARA", 2)]
    );
    assert_eq!(second[1].id, first[0].id);
    assert_eq!(world.get("key:PARA").await.unwrap(), second[1]);
    assert_eq!(world.events("catalogue.articles_registered.v1").await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_duplicates_have_one_effect() {
    let world = world().await;
    let caller = administrator();
    let request = RegisterArticlesRequest {
        request_id: request_id(),
        articles: vec![tablets("PARA", "Paracétamol", vec![cip13(CIP)])],
    };
    let calls = (0..20).map(|_| {
        let (app, caller, request) = (world.app.clone(), caller.clone(), request.clone());
        tokio::spawn(async move { app.register_articles(&caller, request).await.unwrap() })
    });
    let mut replies = Vec::new();
    for call in calls.collect::<Vec<_>>() {
        replies.push(call.await.unwrap());
    }
    assert!(replies.iter().all(|reply| *reply == replies[0]));
    assert_eq!(world.events("catalogue.articles_registered.v1").await, 1);
    let another = RegisterArticlesRequest { articles: vec![tablets("IBU", "Ibuprofène", vec![])], ..request };
    assert_eq!(world.app.register_articles(&caller, another).await.unwrap_err().reason(), "REQUEST_ID_REUSED");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_registrars_of_one_new_article_make_one() {
    let world = world().await;
    let calls = (0..10).map(|number| {
        let app = world.app.clone();
        let articles = vec![tablets("PARA", &format!("Paracétamol {number}"), vec![cip13(CIP)])];
        let request = RegisterArticlesRequest { request_id: request_id(), articles };
        tokio::spawn(async move { app.register_articles(&administrator(), request).await.unwrap().articles.remove(0) })
    });
    let (mut ids, mut versions) = (HashSet::new(), HashSet::new());
    for call in calls.collect::<Vec<_>>() {
        let article = call.await.unwrap();
        ids.insert(article.id);
        versions.insert(article.version);
    }
    assert_eq!((ids.len(), versions), (1, (1..=10).collect()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_of_another_article_is_refused_with_both_names() {
    let world = world().await;
    world.register(vec![tablets("PARA", "Paracétamol", vec![cip13(CIP)])]).await.unwrap();
    let failure = world
        .register(vec![tablets("IBU", "Ibuprofène", vec![]), tablets("AUTRE", "x", vec![gtin(&format!("0{CIP}"))])])
        .await
        .unwrap_err();
    assert_eq!((failure.reason().as_str(), kind_of(&failure)), ("IDENTIFIER_TAKEN", ErrorKind::AlreadyExists));
    let metadata = failure.metadata();
    assert_eq!(
        (metadata["code"].as_str(), metadata["article"].as_str(), metadata["other"].as_str()),
        ("03400949497294", "AUTRE", "PARA")
    );
    assert_eq!(world.get("key:IBU").await.unwrap_err().reason(), "NOT_FOUND", "nothing of the batch was registered");
    // In one batch an article may give its code to another.
    let moved = vec![tablets("PARA", "Paracétamol", vec![]), tablets("AUTRE", "x", vec![cip13(CIP)])];
    world.register(moved).await.unwrap();
    assert_eq!(world.get(CIP).await.unwrap().key, "AUTRE");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_published_conversion_never_changes_but_levels_are_added() {
    let world = world().await;
    let article = tablets("PARA", "Paracétamol", vec![cip13(CIP)]);
    world.register(vec![article.clone()]).await.unwrap();
    let mut twenty = article.clone();
    twenty.packagings[0].contains_count = 20;
    let failure = world.register(vec![twenty]).await.unwrap_err();
    assert_eq!((failure.reason().as_str(), kind_of(&failure)), ("PACKAGING_CHANGED", ErrorKind::NotNow));
    assert_eq!((failure.metadata()["was"].as_str(), failure.metadata()["wanted"].as_str()), ("30 UNIT", "20 UNIT"));
    let mut moved = article.clone();
    moved.packagings[1].identifiers = std::mem::take(&mut moved.packagings[0].identifiers);
    assert_eq!(world.register(vec![moved]).await.unwrap_err().reason(), "IDENTIFIER_MOVED");
    let mut more = article.clone();
    let carton = Packaging {
        code: "CARTON".into(),
        label: "carton".into(),
        contains_code: "BOX".into(),
        contains_count: 48,
        orderable: true,
        ..Default::default()
    };
    more.packagings.insert(0, carton);
    let stored = world.register(vec![more]).await.unwrap().remove(0);
    assert_eq!((stored.version, stored.packagings[0].base_units), (2, 1440));
    assert_eq!(world.get(CIP).await.unwrap(), stored, "levels keep the order sent");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_administrator_of_the_deployment_registers() {
    let world = world().await;
    let request = || RegisterArticlesRequest {
        request_id: request_id(),
        articles: vec![tablets("PARA", "Paracétamol", vec![])],
    };
    for role in Role::ALL.into_iter().filter(|role| *role != Role::Administrator) {
        let failure = world.app.register_articles(&person(Scope::Deployment, role), request()).await.unwrap_err();
        assert_eq!(failure.reason(), "ROLE_NOT_ALLOWED");
    }
    let in_a_group = person(Scope::Group(GroupId::new()), Role::Administrator);
    assert_eq!(world.app.register_articles(&in_a_group, request()).await.unwrap_err().reason(), "WRONG_SESSION");
    use proto::catalogue::v1::catalogue_service_server::CatalogueService;
    let stranger = tonic::Request::new(GetArticleRequest { r#ref: "key:PARA".into() });
    let status = CatalogueService::get_article(&world.app, stranger).await.unwrap_err();
    assert_eq!(status.code(), tonic::Code::Unauthenticated);
}

async fn search(world: &World, query: &str) -> Vec<String> {
    let mut keys = Vec::new();
    let mut after = String::new();
    loop {
        let request = ListArticlesRequest { query: query.into(), page: Some(Page { size: 2, after }) };
        let reply = world.app.list_articles(&administrator(), request).await.unwrap();
        assert!(reply.articles.len() <= 2);
        keys.extend(reply.articles.into_iter().map(|article| article.key));
        if reply.next_after.is_empty() {
            return keys;
        }
        after = reply.next_after;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn articles_are_found_by_words_without_accents_and_by_the_start_of_a_code() {
    let world = world().await;
    let articles = vec![
        tablets("A", "PARACÉTAMOL Exemple 500 mg, comprimé", vec![cip13(CIP)]),
        tablets("B", "Paracetamol 1 g (effervescent)", vec![gtin("96385074")]),
        tablets("C", "Cœur d'œillet 0,5 mg/ml", vec![]),
        tablets("D", "Gants d'examen T8-9", vec![]),
        tablets("E", "Seringue 963 ml", vec![]),
    ];
    world.register(articles).await.unwrap();
    for (query, expected) in [
        ("", "ABCDE"),
        ("paracétamol", "AB"),
        ("  Parac 500 ", "A"),
        ("EFFERVESCENT paracetamol", "B"),
        ("oeillet coeur", "C"),
        ("0,5", "C"),
        ("d'examen", "D"),
        ("t8", "D"),
        ("cetamol", ""),
        ("34009494", "A"),
        (CIP, "A"),
        ("03400949497294", "A"),
        ("963", "BE"),
        ("0963", "B"),
        ("000", ""),
        ("96385074", "B"),
        ("96385075", ""),
        ("' | & !:* \\", ""),
        ("%_", ""),
    ] {
        assert_eq!(search(&world, query).await.concat(), expected, "{query:?}");
    }
    let page = |size, after: &str| ListArticlesRequest {
        query: String::new(),
        page: Some(Page { size, after: after.into() }),
    };
    for bad in
        [page(501, ""), page(-1, ""), page(1, "prc_1"), ListArticlesRequest { query: "x".repeat(201), page: None }]
    {
        assert_eq!(world.app.list_articles(&administrator(), bad).await.unwrap_err().reason(), "INVALID_INPUT");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_thousand_references_are_answered_at_once() {
    let world = world().await;
    let mut refs = Vec::new();
    for batch in 0..10_u64 {
        let articles = (0..1_000).map(|number| {
            let number = batch * 1_000 + number;
            tablets(&format!("K{number}"), &format!("Article {number}"), vec![gtin(&code13(200_000_000_000 + number))])
        });
        let started = std::time::Instant::now();
        let stored = world.register(articles.collect()).await.unwrap();
        println!("1,000 articles registered in {:?}", started.elapsed());
        assert_eq!(stored.len(), 1_000);
        refs.extend(stored.iter().map(|article| article.id.clone()));
        refs.extend(stored.iter().map(|article| article.packagings[0].identifiers[0].value.clone()));
    }
    let started = std::time::Instant::now();
    let reply =
        world.app.batch_get_articles(&administrator(), BatchGetArticlesRequest { refs: refs.clone() }).await.unwrap();
    let size = prost::Message::encoded_len(&reply);
    println!("20,000 references answered in {:?}, {size} bytes", started.elapsed());
    assert_eq!(reply.found.len(), 20_000);
    assert!(size < catalogue::MESSAGE_LIMIT / 2);
    refs.push("key:K1".into());
    let too_many = BatchGetArticlesRequest { refs };
    assert_eq!(world.app.batch_get_articles(&administrator(), too_many).await.unwrap_err().reason(), "INVALID_INPUT");
}
