//! Answers that are late, too large, cut or malformed.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use strongroom_domain::egress::{AnswerPart, EgressError};
use tokio::io::AsyncWriteExt;

use crate::support::{Stage, answering, endless, get, hanging, text, within};
use crate::upstream::{Script, head};

const SHORT: Duration = Duration::from_millis(150);

async fn protocol_error(script: Script) {
    let stage = Stage::new(script).await;
    let error = stage.get("/").await.unwrap_err();
    assert!(matches!(error, EgressError::Protocol(_)), "{error:?}");
}

#[tokio::test]
async fn ambiguous_and_malformed_answers_are_refused() {
    for answer in [
        "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nabc",
        "HTTP/1.1 200 OK\r\ncontent-length: 2, 3\r\n\r\nabc",
        "HTTP/1.1 200 OK\r\ncontent-length: -2\r\n\r\nabc",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\nabc",
        "HTTP/1.1 101 Switching Protocols\r\nupgrade: h2c\r\n\r\n",
        "HTTP/1.1 200 OK\r\na: b\r\n folded\r\n\r\n",
        "HTTP/1.1 200 OK\r\na b: c\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 2x0 OK\r\n\r\n",
        "ICY 200 OK\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\n",
    ] {
        protocol_error(answering(answer)).await;
    }
}

#[tokio::test]
async fn endless_heads_are_refused() {
    protocol_error(endless(
        "HTTP/1.1 200 OK\r\na: ",
        "aaaaaaaaaaaaaaaa",
        Duration::ZERO,
    ))
    .await;
    protocol_error(endless("HTTP/1.1 200 OK\r\n", "a: b\r\n", Duration::ZERO)).await;
    let interim = "HTTP/1.1 103 Early Hints\r\na: b\r\n\r\n";
    let stage = Stage::new(endless("", interim, Duration::from_millis(1))).await;
    let error = stage
        .send(within(get("/"), |limits| limits.head = SHORT))
        .await;
    assert_eq!(
        error.unwrap_err(),
        EgressError::Timeout("the head of the answer")
    );
}

#[tokio::test]
async fn endless_bodies_end_at_their_limits() {
    let start = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
    let stage = Stage::new(endless(start, "4\r\nmore\r\n", Duration::ZERO)).await;
    let request = within(get("/"), |limits| limits.answer_bytes = 100_000);
    let error = text(stage.send(request).await.unwrap().body)
        .await
        .unwrap_err();
    assert_eq!(
        error,
        EgressError::Protocol("the answer is too large".into())
    );

    let stage = Stage::new(endless(start, "1\r\nm\r\n", Duration::from_millis(20))).await;
    let request = within(get("/"), |limits| limits.total = SHORT);
    let error = text(stage.send(request).await.unwrap().body)
        .await
        .unwrap_err();
    assert_eq!(error, EgressError::Timeout("the end of the answer"));
}

#[tokio::test]
async fn silence_ends_at_the_limit_of_its_phase() {
    let stage = Stage::new(hanging("")).await;
    let error = stage
        .send(within(get("/"), |limits| limits.head = SHORT))
        .await;
    assert_eq!(
        error.unwrap_err(),
        EgressError::Timeout("the head of the answer")
    );

    let error = stage
        .send(within(get("/"), |limits| limits.total = SHORT))
        .await;
    assert_eq!(
        error.unwrap_err(),
        EgressError::Timeout("the end of the answer")
    );

    let begun = hanging("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nbegun");
    let stage = Stage::new(begun).await;
    let request = within(get("/"), |limits| limits.idle = SHORT);
    let error = text(stage.send(request).await.unwrap().body)
        .await
        .unwrap_err();
    assert_eq!(error, EgressError::Timeout("the next part of the answer"));
}

#[tokio::test]
async fn a_cut_answer_is_an_error() {
    for answer in [
        "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nbegun",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nbegun\r\n",
        // Without a length, only the end of TLS tells a whole answer from a cut one.
        "HTTP/1.1 200 OK\r\n\r\nbegun",
        "HTTP/1.1 200 O",
        "",
    ] {
        let script: Script = Arc::new(move |mut connection, seen| {
            Box::pin(async move {
                head(&mut connection, &seen).await;
                connection.write_all(answer.as_bytes()).await.unwrap();
                connection.flush().await.unwrap();
            })
        });
        assert!(Stage::new(script).await.get("/").await.is_err(), "{answer}");
    }
}

#[tokio::test]
async fn trailers_arrive_after_the_body() {
    let stage = Stage::new(answering(
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntrailer: a\r\n\r\n\
         2\r\nok\r\n0\r\na: b\r\n\r\n",
    ));
    let stage = stage.await;
    let mut body = stage.send(get("/")).await.unwrap().body;
    let mut parts = Vec::new();
    while let Some(part) = body.next().await {
        parts.push(match part.unwrap() {
            AnswerPart::Data(data) => String::from_utf8(data.to_vec()).unwrap(),
            AnswerPart::Trailers(fields) => format!("{fields:?}"),
        });
    }
    assert_eq!(parts, ["ok", r#"[("a", b"b")]"#]);
}
