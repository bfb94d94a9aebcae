//! A DNS server that answers what a test says.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::net::UdpSocket;
use tokio::task::JoinHandle;

/// The addresses of a name, given how often it was asked for before. None: no answer at all.
pub type Answers = Arc<dyn Fn(&str, usize) -> Option<Vec<IpAddr>> + Send + Sync>;

pub struct DnsServer {
    pub address: SocketAddr,
    pub queries: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl DnsServer {
    /// Its answers may not be used again.
    pub async fn start(answers: Answers) -> Self {
        Self::start_with(answers, 0).await
    }

    /// Its answers may be used for `ttl` seconds.
    pub async fn start_with(answers: Answers, ttl: u32) -> Self {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = socket.local_addr().unwrap();
        let queries = Arc::new(AtomicUsize::new(0));
        let counted = queries.clone();
        let task = tokio::spawn(async move {
            let mut buffer = [0; 1500];
            loop {
                let (length, peer) = socket.recv_from(&mut buffer).await.unwrap();
                let query = buffer[..length].to_vec();
                let (name, kind, end) = question(&query);
                let of_v4 = kind == 1;
                let times = match of_v4 {
                    true => counted.fetch_add(1, Ordering::SeqCst),
                    false => counted.load(Ordering::SeqCst).saturating_sub(1),
                };
                if let Some(addresses) = answers(&name, times) {
                    let answer = answer(&query[..end], kind, (&addresses, ttl));
                    socket.send_to(&answer, peer).await.unwrap();
                }
            }
        });
        Self {
            address,
            queries,
            task,
        }
    }
}

impl Drop for DnsServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Name and type of the question, and where it ends (RFC 1035 § 4.1.2).
fn question(query: &[u8]) -> (String, u16, usize) {
    let (mut labels, mut at) = (Vec::new(), 12);
    while query[at] != 0 {
        let length = usize::from(query[at]);
        let label = &query[at + 1..=at + length];
        labels.push(String::from_utf8_lossy(label).to_lowercase());
        at += length + 1;
    }
    let kind = u16::from_be_bytes([query[at + 1], query[at + 2]]);
    (labels.join("."), kind, at + 5)
}

fn answer(query: &[u8], kind: u16, (addresses, ttl): (&[IpAddr], u32)) -> Vec<u8> {
    let records: Vec<Vec<u8>> = addresses
        .iter()
        .filter_map(|address| match (kind, address) {
            (1, IpAddr::V4(address)) => Some(address.octets().to_vec()),
            (28, IpAddr::V6(address)) => Some(address.octets().to_vec()),
            _ => None,
        })
        .collect();
    let count = u16::try_from(records.len()).unwrap().to_be_bytes();
    let mut answer = query[..2].to_vec();
    answer.extend([0x81, 0x80, 0, 1, count[0], count[1], 0, 0, 0, 0]);
    answer.extend(&query[12..]);
    for record in records {
        answer.extend([0xc0, 12]);
        answer.extend(kind.to_be_bytes());
        answer.extend([0, 1]);
        answer.extend(ttl.to_be_bytes());
        answer.extend(u16::try_from(record.len()).unwrap().to_be_bytes());
        answer.extend(record);
    }
    answer
}
