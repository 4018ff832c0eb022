//! The table without a server; all connections share one socket.

use std::net::TcpListener;

use chatbox_common::wire::message::AccountId;

use super::*;

fn socket() -> (Arc<TcpStream>, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    (Arc::new(TcpStream::connect(address).unwrap()), address)
}

fn person(account: AccountId, user: &str) -> Person {
    Person {
        account,
        user: user.into(),
        is_admin: false,
    }
}

#[test]
fn people_are_listed_once_in_the_order_of_their_names() {
    let connections = Connections::new(10, 0);
    let (socket, address) = socket();
    let mut sessions = Vec::new();
    for (account, user) in [(1, "bob"), (2, "Alice"), (1, "bob"), (3, "carol")] {
        let (id, _) = connections.admit(address, Arc::clone(&socket), 5).unwrap();
        connections
            .log_in(id, &person(AccountId(account), user), &Arc::default())
            .unwrap();
        connections.begin(id, 7);
        sessions.push(id);
    }
    let names = |after, limit| {
        let (people, more) = connections.people(after, limit);
        let names: Vec<_> = people
            .iter()
            .map(|p| (p.user.clone(), p.sessions))
            .collect();
        (names, more)
    };
    assert_eq!(
        names(None, 2),
        (vec![("Alice".into(), 1), ("bob".into(), 2)], true)
    );
    assert_eq!(names(Some("BOB"), 9), (vec![("carol".into(), 1)], false));
    let bobs = |connections: &Connections| -> Vec<_> {
        let sessions = connections.sessions("BOB").into_iter();
        sessions.map(|one| (one.session, one.address)).collect()
    };
    let at = |n: usize| (sessions[n], address.to_string());
    assert_eq!(bobs(&connections), [at(0), at(2)]);
    connections.remove(sessions[0]);
    assert_eq!(connections.standing(sessions[2]).unwrap().sessions, 1);
    assert_eq!(bobs(&connections), [at(2)]);
    assert_eq!(connections.sessions("nobody"), []);
    connections.remove(sessions[2]);
    assert_eq!(names(None, 9).0.len(), 2);
    assert_eq!(connections.counts(), (2, 2));
}

#[test]
fn the_cap_and_the_stop_are_kept() {
    let connections = Connections::new(1, 0);
    let (socket, address) = socket();
    let (first, _) = connections.admit(address, Arc::clone(&socket), 0).unwrap();
    let again = connections.admit(address, Arc::clone(&socket), 0);
    assert_eq!(again, Err(Full::Cap));
    connections.remove(first);
    connections.stop();
    assert_eq!(connections.admit(address, socket, 0), Err(Full::Stopping));
    let late = connections.log_in(first, &person(AccountId(1), "late"), &Arc::default());
    assert_eq!(late, Err(Full::Stopping));
}

#[test]
fn an_account_has_a_bounded_number_of_sessions() {
    let connections = Connections::new(100, 0);
    let (socket, address) = socket();
    let join = |account: AccountId, user| {
        let (id, _) = connections.admit(address, Arc::clone(&socket), 0).unwrap();
        connections.log_in(id, &person(account, user), &Arc::default())
    };
    for _ in 0..MAX_SESSIONS {
        join(AccountId(1), "alice").unwrap();
    }
    assert_eq!(join(AccountId(1), "alice"), Err(Full::Cap));
    assert_eq!(join(AccountId(2), "bob"), Ok(()));
}

#[test]
fn who_makes_room_is_over_unless_it_was_proved_whose_it_is() {
    let connections = Connections::new(2, 0);
    let (socket, _) = socket();
    let come = |n: usize| {
        let from = SocketAddr::from(([10, 0, u8::try_from(n).unwrap(), 1], 9));
        connections.admit(from, Arc::clone(&socket), 0)
    };
    let (member, _) = come(0).unwrap();
    connections.proved(member).unwrap();
    let (mut last, _) = come(1).unwrap();
    for n in 2..2 + MAX_LEAVING {
        let (next, gone) = come(n).unwrap();
        assert_eq!(gone, Some(last));
        assert!(connections.made_room(last) && !connections.made_room(next));
        assert_eq!(connections.proved(last), Err(Full::MadeRoom));
        last = next;
    }
    assert_eq!(come(99), Err(Full::Cap), "so many threads are still there");
    connections.remove(last - 1);
    assert_eq!(come(99).unwrap().1, Some(last));
}

#[test]
fn who_logs_in_is_online_when_the_session_begins_and_not_before() {
    let connections = Connections::new(10, 0);
    let (socket, address) = socket();
    let log_in = || {
        let (id, _) = connections.admit(address, Arc::clone(&socket), 5).unwrap();
        let alice = person(AccountId(1), "Alice");
        connections.log_in(id, &alice, &Arc::default()).unwrap();
        id
    };
    let alice = UserName::parse("alice").unwrap();
    let seen = || {
        let (people, more) = connections.people(None, 9);
        assert!(!more);
        let sessions: Vec<_> = people.iter().map(|one| one.sessions).collect();
        let listed = connections.sessions("alice").len();
        let (online, _) = connections.counts();
        (sessions, listed, online, connections.online_since(&alice))
    };
    let nobody = (vec![], 0, 0, None);
    let (first, second) = (log_in(), log_in());
    assert_eq!(seen(), nobody);
    assert_eq!(connections.standing(first), None);
    connections.begin(first, 7);
    assert_eq!(seen(), (vec![1], 1, 1, Some(7)));
    assert_eq!(connections.standing(first).unwrap().since, 7);
    connections.begin(second, 9);
    assert_eq!(seen(), (vec![2], 2, 1, Some(7)));
    // One that is turned away leaves no trace.
    let third = log_in();
    connections.remove(first);
    connections.remove(third);
    assert_eq!(seen(), (vec![1], 1, 1, Some(7)));
    connections.remove(second);
    assert_eq!(seen(), nobody);
    assert!(connections.table().people.is_empty());
    // One that ended meanwhile does not begin.
    connections.begin(second, 9);
    assert_eq!(seen(), nobody);
}
