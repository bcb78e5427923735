//! Services believe nobody but the keys they trust: every call of every service without a good statement is refused.

use e2e::{Stack, root};
use kit::{
    id::{GroupId, PartyId, PersonId},
    identity::{Caller, Role, STATEMENT_KEY, Scope, Signer, generate_key},
};
use tonic::{
    Code, Request,
    transport::{Channel, Endpoint},
};
use tonic_prost::ProstCodec;

use crate::shared::shared;

const SERVICES: [&str; 5] = ["membership", "catalogue", "tendering", "demand", "logistics"];

/// `/package.Service/Method` of all calls in a contract.
fn methods(contract: &str) -> Vec<String> {
    let text = std::fs::read_to_string(root().join("proto/centrale").join(contract)).unwrap();
    let after = |word: &str, line: &str| {
        line.trim().strip_prefix(word).map(|rest| rest.split([' ', '(', '{', ';']).next().unwrap().to_owned())
    };
    let package = text.lines().find_map(|line| after("package ", line)).unwrap();
    let service = text.lines().find_map(|line| after("service ", line)).unwrap();
    let methods: Vec<String> = text
        .lines()
        .filter_map(|line| after("rpc ", line))
        .map(|method| format!("/{package}.{service}/{method}"))
        .collect();
    assert!(!methods.is_empty(), "{contract}");
    methods
}

/// The answer to an empty message.
async fn answer(channel: &Channel, method: &str, statement: Option<&str>) -> Code {
    let mut client = tonic::client::Grpc::new(channel.clone());
    client.ready().await.unwrap();
    let mut request = Request::new(());
    if let Some(statement) = statement {
        request.metadata_mut().insert(STATEMENT_KEY, statement.parse().unwrap());
    }
    match client.unary::<(), (), _>(request, method.parse().unwrap(), ProstCodec::default()).await {
        Ok(_) => Code::Ok,
        Err(status) => status.code(),
    }
}

fn officer() -> Caller {
    Caller {
        subject: PersonId::new().to_string(),
        scope: Scope::Group(GroupId::new()),
        acts_for: Some(PartyId::new()),
        roles: vec![Role::PurchasingOfficer],
    }
}

/// Statements that a service must not believe, with what is wrong with each.
fn forgeries(stack: &Stack, service: &str) -> Vec<(&'static str, String)> {
    let gateway = Signer::read("gateway", &stack.key("gateway")).unwrap();
    let other = if service == "demand" { "logistics" } else { "demand" };
    let neighbour = Signer::read(other, &stack.key(other)).unwrap();
    let stranger = Signer::from_pem("gateway", &generate_key("gateway").unwrap().0).unwrap();
    let (one, two) = (gateway.state(&officer(), service).unwrap(), gateway.state(&officer(), service).unwrap());
    let (one, two): (Vec<&str>, Vec<&str>) = (one.split('.').collect(), two.split('.').collect());
    let everything = Caller { roles: Role::ALL.to_vec(), ..officer() };
    vec![
        ("no statement at all", "gibberish".to_owned()),
        ("signed by an unknown key", stranger.state(&officer(), service).unwrap()),
        ("signed for another audience", gateway.state(&officer(), other).unwrap()),
        ("another's claims under a good signature", [one[0], two[1], one[2]].join(".")),
        ("without its signature", format!("{}.{}.", one[0], one[1])),
        ("a service that speaks for a person", neighbour.state(&officer(), service).unwrap()),
        ("the gateway as a service among people's roles", gateway.state(&everything, service).unwrap()),
        (
            "a service that speaks for another",
            neighbour.state(&Caller::service("gateway", Scope::Deployment), service).unwrap(),
        ),
    ]
}

#[tokio::test]
async fn every_call_of_every_service_without_a_good_statement_is_refused() {
    let stack = &shared().await.stack;
    let mut wrong = Vec::new();
    for service in SERVICES {
        let url = stack.var(&format!("CENTRALE_{}_URL", service.to_uppercase()));
        let channel = Endpoint::from_shared(url.to_owned()).unwrap().connect().await.unwrap();
        let mut methods = [methods(&format!("{service}/v1/{service}.proto")), methods("events/v1/log.proto")].concat();
        methods.sort();
        let forgeries = forgeries(stack, service);
        for method in &methods {
            let code = answer(&channel, method, None).await;
            if code != Code::Unauthenticated {
                wrong.push(format!("{method} without a statement: {code:?}"));
            }
            for (what, statement) in &forgeries {
                let code = answer(&channel, method, Some(statement)).await;
                if code != Code::Unauthenticated {
                    wrong.push(format!("{method} with {what}: {code:?}"));
                }
            }
        }
        // The same call with a good one is believed.
        let good = Signer::read("gateway", &stack.key("gateway")).unwrap().state(&officer(), service).unwrap();
        let code = answer(&channel, &methods[0], Some(&good)).await;
        assert!(![Code::Unauthenticated, Code::Unimplemented].contains(&code), "{}: {code:?}", methods[0]);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
