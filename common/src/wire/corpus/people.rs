//! Types 36 to 38 of the client, 41 to 43 of the server.

use super::*;

pub fn client() -> Vec<ClientMessage> {
    use ClientMessage as C;
    let ignore = |ignored| Ignore {
        request: 37,
        user: text("Carol"),
        ignored,
    };
    let search = |before| Search {
        request: 38,
        words: text("disk \"sda\" full"),
        before,
        limit: 50,
    };
    vec![
        C::Whois(Named {
            request: 36,
            user: text("Bob"),
        }),
        C::Ignore(ignore(true)),
        C::Ignore(ignore(false)),
        C::Search(search(None)),
        C::Search(search(Some(Place {
            room: RoomId(2),
            seq: 7,
        }))),
    ]
}

pub fn server() -> Vec<ServerMessage> {
    use ServerMessage as S;
    let profile = |is_admin, online_since, last_login| Profile {
        request: 36,
        user: text("Bob"),
        is_admin,
        online_since,
        last_login,
        registered: TIME - 86_400_000,
    };
    let ignoring = |request, ignored| Ignoring {
        request,
        user: text("Carol"),
        ignored,
    };
    let found = |messages, more, incomplete| Found {
        request: 38,
        messages,
        more,
        incomplete,
    };
    vec![
        S::Profile(profile(true, Some(TIME), Some(TIME - 1000))),
        S::Profile(profile(false, None, None)),
        S::Ignoring(ignoring(Some(37), true)),
        S::Ignoring(ignoring(None, false)),
        S::Found(found(vec![chat(), action()], true, false)),
        S::Found(found(Vec::new(), false, true)),
    ]
}
