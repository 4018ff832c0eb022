//! TLS 1.3 with AES-256-GCM and nothing else, to a server whose certificate is made for the run.

use std::io::{BufRead, ErrorKind, Read, Write};
use std::net::Ipv4Addr;
use std::sync::Arc;

use anyhow::{Context, bail};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, version};

/// A self-signed certificate for 127.0.0.1, and its key.
pub struct Identity {
    /// PEM.
    pub certificate: String,
    /// PEM, PKCS #8.
    pub key: String,
    /// Trusts this certificate alone.
    pub client: Arc<ClientConfig>,
}

impl Identity {
    /// Clients send records of at most `max_record` bytes; `None`: TLS's own limit.
    pub fn new(max_record: Option<usize>) -> anyhow::Result<Self> {
        let made = rcgen::generate_simple_self_signed([Ipv4Addr::LOCALHOST.to_string()])?;
        let certificate = made.cert.der();
        Ok(Self {
            certificate: pem("CERTIFICATE", certificate),
            key: pem("PRIVATE KEY", &made.signing_key.serialize_der()),
            client: Arc::new(client(certificate, max_record)?),
        })
    }
}

/// RFC 7468.
fn pem(label: &str, der: &[u8]) -> String {
    let mut text = format!("-----BEGIN {label}-----\n");
    for line in der.chunks(48) {
        text.push_str(&STANDARD.encode(line));
        text.push('\n');
    }
    text + &format!("-----END {label}-----\n")
}

fn client(
    certificate: &CertificateDer<'static>,
    max_record: Option<usize>,
) -> anyhow::Result<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(certificate.clone())?;
    let mut provider = ring::default_provider();
    provider.cipher_suites = vec![ring::cipher_suite::TLS13_AES_256_GCM_SHA384];
    let mut config = ClientConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(&[&version::TLS13])?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.max_fragment_size = max_record;
    // A member connects once; a kept ticket would cost memory for each.
    config.resumption = rustls::client::Resumption::disabled();
    Ok(config)
}

/// The client's end of a TLS connection, without the socket.
pub struct Tls(ClientConnection);

impl Tls {
    /// `stream` must block.
    pub fn connect(
        config: &Arc<ClientConfig>,
        stream: &mut (impl Read + Write),
    ) -> anyhow::Result<Self> {
        let name = ServerName::IpAddress(Ipv4Addr::LOCALHOST.into());
        let mut connection = ClientConnection::new(Arc::clone(config), name)?;
        connection.set_buffer_limit(None);
        while connection.is_handshaking() {
            connection
                .complete_io(stream)
                .context("the TLS handshake failed")?;
        }
        Ok(Self(connection))
    }

    /// Decrypts bytes from the socket, and passes the clear text on piece by piece.
    pub fn read(
        &mut self,
        mut bytes: &[u8],
        mut clear: impl FnMut(&[u8]) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        // Runs once without bytes: clear text may have come with the end of the handshake.
        loop {
            if !bytes.is_empty() {
                self.0.read_tls(&mut bytes)?;
                self.0.process_new_packets()?;
            }
            loop {
                let mut reader = self.0.reader();
                let piece = match reader.fill_buf() {
                    Ok([]) => bail!("the server ended the TLS connection"),
                    Ok(piece) => piece,
                    Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                    Err(error) => return Err(error.into()),
                };
                let length = piece.len();
                clear(piece)?;
                reader.consume(length);
            }
            if bytes.is_empty() {
                return Ok(());
            }
        }
    }

    /// Appends to `out` as few records as the text takes, and whatever else TLS has to send.
    pub fn write(&mut self, clear: &[u8], out: &mut Vec<u8>) -> anyhow::Result<()> {
        self.0.writer().write_all(clear)?;
        while self.0.wants_write() {
            self.0.write_tls(out)?;
        }
        Ok(())
    }
}
