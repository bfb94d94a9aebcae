//! SDKs of upstreams, unmodified, through a relay.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use strongroom_e2e::CREDENTIALS;

use super::scene::{Scene, always, answering};

const OPENAI: &str = "api.openai.com";
const STRIPE: &str = "api.stripe.com";
const SHOP: &str = "acme.myshopify.com";

/// The secrets of the three credentials.
const SECRETS: [&str; 3] = ["sk-openai-canary", "sk_live_canary", "shpat_canary"];

/// Answers as the three would, if the request carries their credential.
fn upstream(head: &str, body: &[u8]) -> Vec<u8> {
    let json = |status, body: Value| answer(status, "application/json", &body.to_string());
    let has = |line: &str| head.contains(&format!("\r\n{line}\r\n"));
    if has("authorization: Bearer sk-openai-canary") && head.contains("host: api.openai.com") {
        return chat(body);
    }
    if has("authorization: Bearer sk_live_canary") && head.contains("host: api.stripe.com") {
        let error = json!({ "type": "invalid_request_error", "code": "resource_missing" });
        return match head.starts_with("GET /v1/customers/missing") {
            true => json(404, json!({ "error": error })),
            false => json(
                200,
                json!({ "id": "cus_1", "object": "customer", "name": "Ada" }),
            ),
        };
    }
    if has("x-shopify-access-token: shpat_canary") && head.contains("host: acme.myshopify.com") {
        return json(200, json!({ "shop": { "id": 1, "name": "Acme" } }));
    }
    json(401, json!({ "error": { "message": "no credential" } }))
}

fn answer(status: u16, kind: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    let head = format!("HTTP/1.1 {status} X\r\ncontent-type: {kind}\r\n");
    format!("{head}content-length: {length}\r\n\r\n{body}").into_bytes()
}

fn chat(body: &[u8]) -> Vec<u8> {
    let asked: Value = serde_json::from_slice(body).unwrap();
    if asked["stream"] != true {
        let message = json!({ "role": "assistant", "content": "fine" });
        let choice = json!({ "index": 0, "finish_reason": "stop", "message": message });
        let completion = json!({
            "id": "c", "object": "chat.completion", "created": 1, "model": "m",
            "choices": [choice],
        });
        return answer(200, "application/json", &completion.to_string());
    }
    let chunk = |text: &str| {
        let choice = json!({ "index": 0, "delta": { "content": text }, "finish_reason": null });
        let chunk = json!({
            "id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m",
            "choices": [choice],
        });
        format!("data: {chunk}\n\n")
    };
    let body = chunk("fine") + &chunk(", thanks") + "data: [DONE]\n\n";
    answer(200, "text/event-stream", &body)
}

/// What the driver prints, and what it complains about.
async fn drive(bases: String, key: String) -> (String, String) {
    let folder = strongroom_e2e::clients();
    let driver = Path::new(env!("CARGO_MANIFEST_DIR")).join("clients/relay_sdks.py");
    let mut command = Command::new(folder.join("relay-sdks-1/venv/bin/python"));
    command.arg(driver).args([bases, key]);
    // On a thread of its own, since the upstream is served on this one.
    let driven = tokio::task::spawn_blocking(move || command.output());
    let driven = driven.await.unwrap().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let (printed, complaint) = (text(driven.stdout), text(driven.stderr));
    assert!(driven.status.success(), "{complaint}");
    (printed, complaint)
}

#[tokio::test]
async fn unmodified_sdks_use_credentials_they_never_see() {
    let names = [OPENAI, STRIPE, SHOP];
    let scene = Scene::start_as(&names, answering(upstream), always("127.0.0.1"), &[]).await;
    let policy = |host| json!({ "hosts": [host] });
    let credential = |provider, kind, member: &str, secret| {
        let mut credential = json!({ "extcred_provider": provider, "extcred_type": kind });
        credential["json_blob"] = json!({ member: secret });
        credential
    };
    let [openai, stripe, shopify] = SECRETS;
    let key = |secret| credential("generic", "api_key", "api_key", secret);
    let openai = scene.add(&key(openai), policy(OPENAI)).await;
    let stripe = scene.add(&key(stripe), policy(STRIPE)).await;
    let token = credential("shopify", "access_token", "access_token", shopify);
    let shopify = scene.add(&token, policy(SHOP)).await;
    let url = &scene.relay.url;
    let base = |id: &str, host: &str| format!("{url}{CREDENTIALS}/{id}/relay/{host}");
    let bases = json!({
        "openai": base(&openai, OPENAI),
        "stripe": base(&stripe, STRIPE),
        "shopify": base(&shopify, "-"),
    });
    let (printed, complaint) = drive(bases.to_string(), scene.relay.key.clone()).await;
    let answers: Vec<Value> = printed
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(
        answers,
        [
            json!({ "openai": { "answer": "fine", "parts": ["fine", ", thanks"] } }),
            json!({ "stripe": { "id": "cus_1", "missing": [404, "resource_missing"] } }),
            json!({ "shopify": { "name": "Acme" } }),
            json!({ "stripe": { "status": 200 } }),
        ]
    );
    for secret in SECRETS {
        assert!(!printed.contains(secret) && !complaint.contains(secret));
    }
}
