//! The floods: one session that says one thing as fast as the server takes it, and peers that come
//! again and again.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use chatbox_common::auth::resume::ResumeToken;
use chatbox_common::channel::ChannelError;
use chatbox_common::limits::MAX_MESSAGES_PER_RECORD;
use chatbox_common::testkit::LOBBY;
use chatbox_common::testkit::account::Account;
use chatbox_common::testkit::process::ServerProcess;
use chatbox_common::testkit::scripted_client::ScriptedClient;
use chatbox_common::wire::codec;
use chatbox_common::wire::corpus;
use chatbox_common::wire::message::{ClientMessage, Follow, History, Login, ServerMessage};
use rustix::process::{getpriority_process, setpriority_process};

use crate::again;

/// Below the server and the member: a flood gets only processor time that neither uses.
const NICE: i32 = 19;
/// Of one record, in bytes.
const RECORD: usize = 60_000;

pub struct Flood {
    pub name: String,
    kind: FloodKind,
}

enum FloodKind {
    /// This request, over and over, in one session, which is resumed where it ends.
    Said(Box<ClientMessage>),
    /// One page after the other, each the largest there is.
    Pages,
    /// One resume after the other.
    Resumes,
    /// One malformed login after the other.
    Logins,
}

pub fn floods() -> Vec<Flood> {
    let flood = |name: &str, kind| Flood {
        name: name.to_owned(),
        kind,
    };
    let follow = ClientMessage::Follow(Follow {
        request: 1,
        room: LOBBY,
        after: 8,
    });
    let named = [
        ("follow from afar", FloodKind::Said(Box::new(follow))),
        ("pages", FloodKind::Pages),
        ("resumes", FloodKind::Resumes),
        ("malformed logins", FloodKind::Logins),
    ];
    let each = corpus::one_of_each().into_iter();
    let each = each.map(|(name, message)| flood(&name, FloodKind::Said(Box::new(message))));
    let named = named.into_iter().map(|(name, kind)| flood(name, kind));
    named.chain(each).collect()
}

impl Flood {
    /// Returns how many requests were sent.
    pub fn run(
        &self,
        server: &ServerProcess,
        account: &mut Account,
        client: ScriptedClient,
        end: Instant,
    ) -> u64 {
        give_way();
        match &self.kind {
            FloodKind::Said(message) => say_over_and_over(server, account, client, message, end),
            FloodKind::Pages => pages(client, end),
            FloodKind::Resumes => resumes(server, client.token(), end),
            FloodKind::Logins => logins(server, end),
        }
    }
}

/// Lowers the priority of this thread, and of those that it starts.
pub fn give_way() {
    let own = getpriority_process(None).unwrap();
    setpriority_process(None, (own + NICE).min(NICE)).unwrap();
}

fn left(end: Instant) -> Option<Duration> {
    let left = end.saturating_duration_since(Instant::now());
    (!left.is_zero()).then_some(left)
}

fn say_over_and_over(
    server: &ServerProcess,
    account: &mut Account,
    mut client: ScriptedClient,
    message: &ClientMessage,
    end: Instant,
) -> u64 {
    let mut one = Vec::new();
    codec::put(message, &mut one);
    let count = (RECORD / one.len()).min(MAX_MESSAGES_PER_RECORD);
    let content = one.repeat(count);
    let mut sent = 0;
    loop {
        sent += pour(&mut client, &content, end) * count as u64;
        let token = client.token();
        drop(client);
        client = loop {
            let Some(left) = left(end) else { return sent };
            match resume(server, &token) {
                Ok(client) => break client,
                // Its tokens are gone.
                Err(None) if account.recovery.is_empty() => thread::sleep(left),
                Err(None) => break again(server, account),
                Err(Some(wait)) => thread::sleep(wait.min(left)),
            }
        };
    }
}

/// Writes records until the session ends, while another thread throws away what comes.
fn pour(client: &mut ScriptedClient, content: &[u8], end: Instant) -> u64 {
    let stream = client.stream.try_clone().unwrap();
    thread::scope(|scope| {
        scope.spawn(|| read_away(&stream));
        let mut sent = 0;
        while let Some(left) = left(end) {
            client.stream.set_write_timeout(Some(left)).unwrap();
            let record = client.seal(content);
            if (&client.stream).write_all(&record).is_err() {
                break;
            }
            sent += 1;
        }
        // Fails where the server has closed it already.
        let _ = stream.shutdown(Shutdown::Both);
        sent
    })
}

fn read_away(mut stream: &TcpStream) {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match stream.read(&mut buffer) {
            Ok(1..) => {}
            Ok(0) => {
                // The server has said all it has to say: the next write must fail.
                let _ = stream.shutdown(Shutdown::Both);
                return;
            }
            Err(_) => return,
        }
    }
}

fn pages(mut client: ScriptedClient, end: Instant) -> u64 {
    let mut asked = 0;
    while left(end).is_some() {
        let request = client.ask(|request| {
            ClientMessage::History(History {
                request,
                room: LOBBY,
                after: None,
                before: None,
                limit: 500,
                before_time: None,
            })
        });
        client.page(request);
        asked += 1;
    }
    asked
}

/// Where it was refused: how long to wait, or `None` where the token is no longer good.
pub fn resume(
    server: &ServerProcess,
    token: &ResumeToken,
) -> Result<ScriptedClient, Option<Duration>> {
    let passing = |_: ChannelError| Some(Duration::from_millis(100));
    let stream = TcpStream::connect(server.address).map_err(|error| passing(error.into()))?;
    let mut client = ScriptedClient::over(server, stream).map_err(passing)?;
    client.say_resume(token);
    match client.try_next().map_err(passing)? {
        ServerMessage::LoggedIn(logged_in) => {
            client.begin_session();
            client.token = Some(ResumeToken {
                id: logged_in.token_id,
                token: logged_in.token,
            });
            Ok(client)
        }
        ServerMessage::Error(error) => {
            Err(error.retry_ms.map(|ms| Duration::from_millis(ms.into())))
        }
        other => panic!("{other:?}"),
    }
}

/// Each is cut behind its welcome. Waits as it is told to.
pub fn resumes(server: &ServerProcess, mut token: ResumeToken, end: Instant) -> u64 {
    let mut sent = 0;
    while let Some(left) = left(end) {
        sent += 1;
        match resume(server, &token) {
            Ok(mut client) => {
                token = client.token();
                // A goodbye comes in its place where there are too many sessions already.
                let _ = client.try_next();
            }
            Err(Some(wait)) => thread::sleep(wait.min(left)),
            Err(None) => panic!("the token is not good any more"),
        }
    }
    sent
}

fn logins(server: &ServerProcess, end: Instant) -> u64 {
    let mut sent = 0;
    while left(end).is_some() {
        let mut client = ScriptedClient::connect(server);
        client.ask(|request| {
            ClientMessage::Login(Login {
                request,
                scram: "n,,n=nobody".to_owned(),
                capabilities: None,
            })
        });
        client.rest();
        sent += 1;
    }
    sent
}
