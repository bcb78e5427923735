//! Services of a few lines: each answers the calls a test names, over real gRPC, and checks the caller's statement.

use std::{collections::HashMap, future::Future, net::SocketAddr};

use axum::{Router, extract::Request as HttpRequest, routing::post};
use kit::{
    client::Peer,
    clock::technical_now,
    identity::{Caller, Signer, TrustedKey, TrustedKeys, Verifier, generate_key},
};
use serde_json::json;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Request, Response, Status, Streaming, server};

use crate::{Config, LinkKey, PageKey, Peers};

/// Where the stubs listen.
pub struct Addresses(HashMap<&'static str, SocketAddr>);

impl Addresses {
    /// Nobody listens.
    pub fn nowhere() -> Self {
        Self(HashMap::new())
    }

    fn url(&self, name: &'static str) -> String {
        self.0.get(name).map_or_else(|| "http://127.0.0.1:1".to_owned(), |address| format!("http://{address}"))
    }
}

/// The address of the issuer in tests.
pub const ISSUER: &str = "https://centrale.example";

/// The keys of a test: the gateway's, and the embedded issuer's.
pub struct Keys {
    gateway: (String, TrustedKey),
    issuer: (String, TrustedKey),
}

impl Keys {
    pub fn new() -> Self {
        Self { gateway: generate_key("gateway").unwrap(), issuer: generate_key("membership").unwrap() }
    }

    /// What membership publishes.
    pub fn jwks(&self) -> String {
        let key = &self.issuer.1;
        json!({"keys": [{"kty": "OKP", "crv": "Ed25519", "x": key.x, "kid": key.kid, "alg": "EdDSA"}]}).to_string()
    }

    /// A token of the embedded issuer.
    pub fn token(&self, subject: &str) -> String {
        let claims =
            json!({"iss": ISSUER, "sub": subject, "aud": "centrale", "exp": technical_now().timestamp() + 600});
        Signer::from_pem("membership", &self.issuer.0).unwrap().sign(&claims).unwrap()
    }

    /// Checks statements as a service does.
    pub fn verifier(&self, audience: &str) -> Verifier {
        Verifier::new(audience, &TrustedKeys { keys: vec![self.gateway.1.clone()] }).unwrap()
    }

    fn config(&self, addresses: &Addresses) -> Config {
        let peer = |name: &'static str| {
            let signer = Signer::from_pem("gateway", &self.gateway.0).unwrap();
            Peer::new(name, &addresses.url(name), signer).unwrap()
        };
        Config {
            listen: String::new(),
            public_url: ISSUER.to_owned(),
            redis: redis::Client::open("redis://127.0.0.1:1").unwrap(),
            peers: Peers {
                membership: peer("membership"),
                catalogue: peer("catalogue"),
                tendering: peer("tendering"),
                demand: peer("demand"),
                logistics: peer("logistics"),
            },
            issuer: ISSUER.to_owned(),
            further_issuers: Vec::new(),
            audience: "centrale".to_owned(),
            page_key: PageKey::from_hex(&"ab".repeat(32)).unwrap(),
            spool_dir: std::env::temp_dir(),
            link_key: LinkKey::from_hex(&"cd".repeat(32)).unwrap(),
            post: None,
        }
    }

    /// The gateway in front of stubs.
    pub fn gateway(&self, addresses: &Addresses) -> Router {
        crate::router(self.config(addresses)).unwrap().0
    }
}

/// A configuration with keys that nobody else has. Needs a runtime.
pub fn config(addresses: &Addresses) -> Config {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let _inside = runtime.enter();
    Keys::new().config(addresses)
}

/// A service under construction.
pub struct Stub {
    name: &'static str,
    verifier: Verifier,
    router: Router,
}

struct Unary<F>(F, Verifier);

impl<Q, A, F> server::UnaryService<Q> for Unary<F>
where
    Q: Send + 'static,
    A: Send + 'static,
    F: Fn(Caller, Q) -> Result<A, Status> + Clone + Send + 'static,
{
    type Response = A;
    type Future = futures::future::BoxFuture<'static, Result<Response<A>, Status>>;
    fn call(&mut self, request: Request<Q>) -> Self::Future {
        let (answer, verifier) = (self.0.clone(), self.1.clone());
        Box::pin(async move {
            let caller = verifier.caller(&request)?;
            answer(caller, request.into_inner()).map(Response::new)
        })
    }
}

struct ClientStream<F>(F, Verifier);

impl<Q, A, F, W> server::ClientStreamingService<Q> for ClientStream<F>
where
    Q: Send + 'static,
    A: Send + 'static,
    F: Fn(Caller, Streaming<Q>) -> W + Clone + Send + 'static,
    W: Future<Output = Result<A, Status>> + Send,
{
    type Response = A;
    type Future = futures::future::BoxFuture<'static, Result<Response<A>, Status>>;
    fn call(&mut self, request: Request<Streaming<Q>>) -> Self::Future {
        let (answer, verifier) = (self.0.clone(), self.1.clone());
        Box::pin(async move {
            let caller = verifier.caller(&request)?;
            answer(caller, request.into_inner()).await.map(Response::new)
        })
    }
}

impl Stub {
    pub fn new(name: &'static str, keys: &Keys) -> Self {
        Self { name, verifier: keys.verifier(name), router: Router::new() }
    }

    /// Answers a unary method, e.g. `centrale.demand.v1.DemandService/GetNeed`.
    pub fn unary<Q, A, F>(mut self, method: &str, answer: F) -> Self
    where
        Q: prost::Message + Default + Send + Sync + 'static,
        A: prost::Message + Default + Send + Sync + 'static,
        F: Fn(Caller, Q) -> Result<A, Status> + Clone + Send + Sync + 'static,
    {
        let verifier = self.verifier.clone();
        let handler = move |request: HttpRequest| {
            let service = Unary(answer.clone(), verifier.clone());
            async move { server::Grpc::new(tonic_prost::ProstCodec::<A, Q>::default()).unary(service, request).await }
        };
        self.router = self.router.route(&format!("/{method}"), post(handler));
        self
    }

    /// Answers a method with a stream of requests.
    pub fn client_stream<Q, A, F, W>(mut self, method: &str, answer: F) -> Self
    where
        Q: prost::Message + Default + Send + Sync + 'static,
        A: prost::Message + Default + Send + Sync + 'static,
        F: Fn(Caller, Streaming<Q>) -> W + Clone + Send + Sync + 'static,
        W: Future<Output = Result<A, Status>> + Send + 'static,
    {
        let verifier = self.verifier.clone();
        let handler = move |request: HttpRequest| {
            let service = ClientStream(answer.clone(), verifier.clone());
            async move {
                server::Grpc::new(tonic_prost::ProstCodec::<A, Q>::default()).client_streaming(service, request).await
            }
        };
        self.router = self.router.route(&format!("/{method}"), post(handler));
        self
    }

    /// Listens until the test ends.
    pub async fn start(self, addresses: &mut Addresses) {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        addresses.0.insert(self.name, listener.local_addr().unwrap());
        let routes = tonic::service::Routes::from(self.router);
        tokio::spawn(
            tonic::transport::Server::builder()
                .add_routes(routes)
                .serve_with_incoming(TcpListenerStream::new(listener)),
        );
    }
}
