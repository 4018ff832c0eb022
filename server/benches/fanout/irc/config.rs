//! The configuration of the IRC servers: TLS only, no throttling, no look-ups, no log of what is
//! said. Everything else is their default.

use std::path::Path;

pub struct Endpoint<'a> {
    /// On 127.0.0.1.
    pub port: u16,
    /// PEM.
    pub certificate: &'a Path,
    /// PEM.
    pub key: &'a Path,
}

pub fn ngircd(endpoint: &Endpoint) -> String {
    format!(
        "[Global]
Name = irc.bench.test
AdminInfo1 = bench
AdminEMail = bench@bench.test
Info = bench
Listen = 127.0.0.1
MotdPhrase = bench
[Limits]
MaxConnections = 0
MaxConnectionsIP = 0
MaxJoins = 0
MaxPenaltyTime = 0
PingTimeout = 3600
PongTimeout = 600
[Options]
DNS = no
Ident = no
PAM = no
[SSL]
CertFile = {}
KeyFile = {}
Ports = {}
",
        endpoint.certificate.display(),
        endpoint.key.display(),
        endpoint.port,
    )
}

/// The channel is made with mode `u`, in which joins are not announced: otherwise ten thousand
/// members would cause fifty million notices before the first text. Texts pass no code of that
/// module.
pub fn inspircd(endpoint: &Endpoint) -> String {
    format!(
        r#"<server name="irc.bench.test" description="bench" network="bench">
<admin name="bench" nick="bench" email="bench@bench.test">
<module name="ssl_gnutls">
<module name="auditorium">
<sslprofile name="bench" provider="gnutls" certfile="{}" keyfile="{}">
<bind address="127.0.0.1" port="{}" type="clients" sslprofile="bench">
<connect name="bench" allow="*" timeout="600" pingfreq="1h" limit="100000" localmax="100000"
 globalmax="100000" maxconnwarn="no" resolvehostnames="no" useident="no" fakelag="no"
 threshold="1000000" commandrate="1000000000" recvq="1M" softsendq="64M" hardsendq="64M">
<performance softlimit="100000" somaxconn="4096" clonesonconnect="no">
<options defaultmodes="ntu">
<whowas groupsize="0" maxgroups="0">
<dns server="127.0.0.1">
"#,
        endpoint.certificate.display(),
        endpoint.key.display(),
        endpoint.port,
    )
}
