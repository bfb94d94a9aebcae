//! What is sent, and over which connection.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream;
use strongroom_domain::crypto::SecretBytes;
use strongroom_domain::egress::{BodyError, EgressError, EgressRequest, HeaderField, RequestBody};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::{NAME, Stage, answering, get, request, text};
use crate::upstream::{Script, head};

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

#[tokio::test]
async fn a_request_is_sent_as_given_and_its_redirect_is_returned() {
    let script = answering(
        "HTTP/1.1 302 Found\r\nlocation: https://a.example/\r\n\
                            content-length: 0\r\n\r\n",
    );
    let stage = Stage::new(script).await;
    let answer = stage.send(get("/v1/%7Ea//b?x=%20y")).await.unwrap();
    assert_eq!(answer.status, 302);
    assert_eq!(
        answer.headers[0],
        ("location".to_owned(), Bytes::from("https://a.example/"))
    );
    assert_eq!(text(answer.body).await.unwrap(), "");
    let port = stage.upstream.address.port();
    let expected =
        format!("GET /v1/%7Ea//b?x=%20y HTTP/1.1\r\nhost: {NAME}:{port}\r\nx-test: yes\r\n\r\n");
    assert_eq!(stage.upstream.seen.heads(), [expected]);
}

#[tokio::test]
async fn host_and_framing_cannot_be_given() {
    let stage = Stage::new(answering(OK)).await;
    let mut forged = request(
        "POST",
        "/",
        RequestBody::Bytes(SecretBytes::new(b"four".to_vec())),
    );
    for (name, value) in [
        ("host", "other.example"),
        ("content-length", "99"),
        ("transfer-encoding", "chunked"),
    ] {
        forged
            .headers
            .push(HeaderField::new(name, value.as_bytes()));
    }
    stage.send(forged).await.unwrap();
    let head = stage.upstream.seen.heads().remove(0);
    assert!(head.contains("content-length: 4\r\n"), "{head}");
    assert_eq!(head.matches("host: ").count(), 1, "{head}");
    assert!(
        !head.contains("other.example") && !head.contains("transfer-encoding"),
        "{head}"
    );
}

#[tokio::test]
async fn control_characters_are_refused_before_anything_is_sent() {
    let stage = Stage::new(answering(OK)).await;
    let with = |name: &str, value: &[u8]| {
        let mut request = get("/");
        request.headers.push(HeaderField::new(name, value));
        request
    };
    for bad in [
        with("authorization", b"a\r\nb: c"),
        with("authorization", b"a\nb"),
        with("authorization", b"a\0b"),
        with("b\r\nc", b"d"),
        with("", b"d"),
        get("/a b"),
        get("/a\r\nb"),
        get("a"),
        EgressRequest {
            method: "G T".into(),
            ..get("/")
        },
        EgressRequest {
            method: String::new(),
            ..get("/")
        },
    ] {
        let error = stage.send(bad).await.unwrap_err();
        assert!(matches!(error, EgressError::Request(_)), "{error}");
        assert!(!error.to_string().contains('\n'));
    }
    assert_eq!(stage.upstream.seen.heads().len(), 0);
}

#[tokio::test]
async fn connections_are_used_again() {
    let stage = Stage::new(answering(OK)).await;
    for _ in 0..5 {
        assert_eq!(stage.get("/").await.unwrap(), (200, "ok".to_owned()));
    }
    assert_eq!(stage.upstream.seen.connections(), 1);
}

#[tokio::test]
async fn a_connection_that_was_closed_meanwhile_is_replaced() {
    let script: Script = Arc::new(|mut connection, seen| {
        Box::pin(async move {
            head(&mut connection, &seen).await;
            connection.write_all(OK.as_bytes()).await.unwrap();
            connection.shutdown().await.unwrap();
        })
    });
    let stage = Stage::new(script).await;
    for _ in 0..20 {
        assert_eq!(stage.get("/").await.unwrap().0, 200);
    }
    assert_eq!(stage.upstream.seen.connections(), 20);
}

// A second answer behind the first one must not become the answer to the next request.
#[tokio::test]
async fn an_answer_that_was_not_asked_for_ends_the_connection() {
    let script = answering(
        "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok\
         HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nforged",
    );
    let stage = Stage::new(script).await;
    for _ in 0..5 {
        assert_eq!(stage.get("/").await.unwrap(), (200, "ok".to_owned()));
    }
    assert_eq!(stage.upstream.seen.connections(), 5);
}

fn chunks(parts: Vec<Result<&'static str, BodyError>>, length: Option<u64>) -> RequestBody {
    let parts = parts.into_iter().map(|part| part.map(Bytes::from));
    RequestBody::Stream(Box::pin(stream::iter(parts)), length)
}

#[tokio::test]
async fn bodies_are_streamed_with_and_without_their_length() {
    let script: Script = Arc::new(|mut connection, seen| {
        Box::pin(async move {
            head(&mut connection, &seen).await;
            let mut read = Vec::new();
            while !read.ends_with(b"one end") && !read.ends_with(b"0\r\n\r\n") {
                read.push(connection.read_u8().await.unwrap());
            }
            let length = read.len();
            let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n");
            connection.write_all(answer.as_bytes()).await.unwrap();
            connection.write_all(&read).await.unwrap();
        })
    });
    let stage = Stage::new(script).await;
    let parts = || vec![Ok("one "), Ok("end")];
    for (body, framing, expected) in [
        (chunks(parts(), Some(7)), "content-length: 7", "one end"),
        (
            chunks(parts(), None),
            "transfer-encoding: chunked",
            "4\r\none \r\n3\r\nend\r\n0\r\n\r\n",
        ),
    ] {
        let answer = stage.send(request("POST", "/", body)).await.unwrap();
        assert_eq!(text(answer.body).await.unwrap(), expected);
        assert!(
            stage
                .upstream
                .seen
                .heads()
                .last()
                .unwrap()
                .contains(framing)
        );
    }
}

#[tokio::test]
async fn a_body_that_fails_never_ends_cleanly() {
    let ended = Arc::new(parking_lot::Mutex::new(Vec::new()));
    let read = ended.clone();
    let script: Script = Arc::new(move |mut connection, seen| {
        let read = read.clone();
        Box::pin(async move {
            head(&mut connection, &seen).await;
            let mut body = Vec::new();
            let _ = connection.read_to_end(&mut body).await;
            read.lock().push(body);
        })
    });
    let stage = Stage::new(script).await;
    for (body, failure) in [
        (
            chunks(vec![Ok("one"), Err(BodyError::Incomplete)], None),
            BodyError::Incomplete,
        ),
        (
            chunks(vec![Ok("one"), Err(BodyError::TooLarge)], Some(9)),
            BodyError::TooLarge,
        ),
    ] {
        let error = stage.send(request("POST", "/", body)).await.unwrap_err();
        assert_eq!(error, EgressError::Body(failure));
    }
    while ended.lock().len() < 2 {
        tokio::task::yield_now().await;
    }
    assert!(
        ended
            .lock()
            .iter()
            .all(|body| !body.ends_with(b"0\r\n\r\n"))
    );
}
