use super::*;
use crate::endpoint::Endpoint;
use hyper::Method;
use serde_json::json;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

/// A server that answers every request with 200 and `{"n":N}`, N counting the requests.
fn counting_server() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let mut count = 0;
        for stream in listener.incoming() {
            count += 1;
            let mut stream = stream.unwrap();
            read_request(&mut stream);
            let body = json!({"n": count, "padding": "x".repeat(1000)}).to_string();
            let head =
                format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
            stream.write_all((head + &body).as_bytes()).unwrap();
        }
    });
    url
}

/// Reads a request with its body, as far as `content-length` says.
fn read_request(stream: &mut TcpStream) {
    let mut text = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let read = stream.read(&mut buffer).unwrap();
        text.extend_from_slice(&buffer[..read]);
        let so_far = String::from_utf8_lossy(&text).to_lowercase();
        if let Some((head, body)) = so_far.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap_or("0");
            if body.len() >= length.parse().unwrap() {
                return;
            }
        }
        assert!(read > 0, "the request broke off");
    }
}

async fn number(proxy: &Proxy) -> anyhow::Result<u64> {
    let answer = Endpoint::new(&proxy.url()).post("/i/_search?scroll=1m", &json!({"a": 1})).await?;
    answer["n"].as_u64().context("no number")
}

#[tokio::test]
async fn forwards_and_records() {
    let proxy = Proxy::start(&counting_server()).unwrap();
    assert_eq!(number(&proxy).await.unwrap(), 1);
    assert_eq!(number(&proxy).await.unwrap(), 2);
    assert!(proxy.wait_until(Duration::from_secs(5), |requests| requests.iter().all(|r| r.status.is_some())));
    let opens = proxy.opens();
    assert_eq!(opens.len(), 2);
    assert_eq!(opens[0].json(), Some(json!({"a": 1})));
    assert_eq!((opens[0].status, opens[0].upstream_status, opens[0].fault), (Some(200), Some(200), None));
}

#[tokio::test]
async fn answers_in_the_servers_place_so_often() {
    let proxy = Proxy::start(&counting_server()).unwrap();
    proxy.rule(Rule::on(Method::POST, "_search").times(2).status(429));
    for _ in 0..2 {
        let error = number(&proxy).await.unwrap_err();
        assert!(format!("{error:#}").contains("status 429"), "{error:#}");
    }
    assert_eq!(number(&proxy).await.unwrap(), 1);
    assert_eq!(proxy.applied(), [2]);
}

#[tokio::test]
async fn drops_before_and_after() {
    let proxy = Proxy::start(&counting_server()).unwrap();
    proxy.rule(Rule::any().times(1).drop_before()).rule(Rule::any().times(1).drop_after());
    number(&proxy).await.unwrap_err();
    number(&proxy).await.unwrap_err();
    assert_eq!(number(&proxy).await.unwrap(), 2, "the first was not forwarded, the second was");
    assert_eq!(proxy.requests()[1].status, None);
    assert_eq!(proxy.requests()[1].upstream_status, Some(200));
}

#[tokio::test]
async fn cuts_in_the_middle_and_truncates_with_the_right_frame() {
    let proxy = Proxy::start(&counting_server()).unwrap();
    proxy.rule(Rule::any().times(1).cut()).rule(Rule::any().times(1).truncate_at(50));
    let cut = format!("{:#}", number(&proxy).await.unwrap_err());
    assert!(cut.contains("reading the answer"), "{cut}");
    let truncated = format!("{:#}", number(&proxy).await.unwrap_err());
    assert!(truncated.contains("not JSON"), "{truncated}");
}

#[tokio::test]
async fn rewrites_and_repeats() {
    let proxy = Proxy::start(&counting_server()).unwrap();
    proxy.rule(Rule::any().times(1).shards(3, 1, 0)).rule(Rule::any().times(1).previous_answer());
    let answer = Endpoint::new(&proxy.url()).post("/i/_search?scroll=1m", &json!({})).await.unwrap();
    assert_eq!(answer["_shards"], json!({"total": 3, "successful": 1, "failed": 0}));
    assert_eq!(number(&proxy).await.unwrap(), 1, "the answer before");
    assert_eq!(number(&proxy).await.unwrap(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn holds_until_released() {
    let proxy = Proxy::start(&counting_server()).unwrap();
    let gate = Gate::new();
    proxy.rule(Rule::any().times(1).hold(&gate));
    let url = proxy.url();
    let waiting = tokio::spawn(async move { Endpoint::new(&url).get("/").await });
    assert!(gate.wait_held(1, Duration::from_secs(5)));
    assert!(!waiting.is_finished());
    gate.release();
    waiting.await.unwrap().unwrap();
    assert_eq!(gate.held(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn freezes_and_refuses_and_serves_again() {
    let proxy = Proxy::start(&counting_server()).unwrap();
    proxy.freeze();
    let url = proxy.url();
    let waiting = tokio::spawn(async move { Endpoint::new(&url).get("/").await });
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(!waiting.is_finished());
    proxy.serve();
    waiting.await.unwrap().unwrap();
    proxy.refuse();
    while TcpStream::connect(proxy.address).is_ok() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    proxy.serve();
    let until = Instant::now() + Duration::from_secs(5);
    while number(&proxy).await.is_err() {
        assert!(Instant::now() < until, "serves no more");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
