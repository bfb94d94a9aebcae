use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

/// A TCP connection on which a test writes arbitrary bytes.
pub struct Raw(TcpStream);

impl Raw {
    /// Connects to the server at `url`.
    pub async fn connect(url: &str) -> Self {
        let address = url.strip_prefix("http://").unwrap();
        Self(TcpStream::connect(address).await.unwrap())
    }

    /// Connects to the server at `url` with a small receive buffer.
    pub async fn connect_deaf(url: &str) -> Self {
        let address = url.strip_prefix("http://").unwrap().parse().unwrap();
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4096).unwrap();
        Self(socket.connect(address).await.unwrap())
    }

    /// Writes `bytes`; returns whether the server still accepted them.
    pub async fn write(&mut self, bytes: &[u8]) -> bool {
        self.0.write_all(bytes).await.is_ok()
    }

    /// Closes the writing half.
    pub async fn finish(&mut self) {
        self.0.shutdown().await.unwrap();
    }

    /// Reads until `text` has arrived; returns all of it.
    pub async fn wait_for(&mut self, text: &str) -> String {
        let mut received = Vec::new();
        while !received.ends_with(text.as_bytes()) {
            received.push(self.0.read_u8().await.unwrap());
        }
        String::from_utf8(received).unwrap()
    }

    /// Reads an answer's head, and the body that it announces unless the answer is to `HEAD`.
    pub async fn answer(&mut self, is_to_head: bool) -> (String, String) {
        let head = self.wait_for("\r\n\r\n").await.to_lowercase();
        let length = head.split_once("content-length: ");
        let length = length.and_then(|(_, rest)| rest.lines().next()?.parse().ok());
        let mut body = vec![0; length.filter(|_| !is_to_head).unwrap_or(0)];
        self.0.read_exact(&mut body).await.unwrap();
        (head, String::from_utf8(body).unwrap())
    }

    /// Reads the next bytes.
    pub async fn read_some(&mut self) -> String {
        let mut some = vec![0; 64 * 1024];
        let read = self.0.read(&mut some).await.unwrap_or(0);
        some.truncate(read);
        String::from_utf8(some).unwrap()
    }

    /// Reads until the server closes the connection.
    pub async fn read_to_end(mut self) -> String {
        let mut answer = Vec::new();
        // A connection that is reset after the answer counts as closed.
        let _ = self.0.read_to_end(&mut answer).await;
        String::from_utf8(answer).unwrap()
    }
}

/// Sends `request` unchanged to the server at `url`; returns all bytes until the connection ends.
/// The request should contain `Connection: close`.
pub async fn exchange(url: &str, request: &[u8]) -> String {
    let mut raw = Raw::connect(url).await;
    raw.write(request).await;
    raw.read_to_end().await
}
