//! Types 1 to 5 of the client, 1 to 3 of the server.

use super::*;

pub fn client() -> Vec<ClientMessage> {
    use ClientMessage as C;
    let register = |invitation, capabilities| Register {
        request: 1,
        user: text("Alice"),
        invitation,
        capabilities,
    };
    let login = |capabilities| Login {
        request: 3,
        scram: text("p=chatbox,,n=alice,r=rOprNGfwEbeRWgbNEkqO"),
        capabilities,
    };
    let resume = |capabilities| Resume {
        request: 5,
        id: [0x33; 16],
        proof: [0x44; 32],
        capabilities,
    };
    let announced = Some(Capabilities(1));
    vec![
        C::Register(register(None, None)),
        C::Register(register(Some(vec![1, 2, 3, 4]), None)),
        C::Register(register(None, announced)),
        C::RegisterConfirm(RegisterConfirm {
            request: 2,
            stored_key: Secret::new([0x11; 32]),
            server_key: Secret::new([0x22; 32]),
            code: code("123456"),
        }),
        C::Login(login(None)),
        C::Login(login(announced)),
        C::LoginConfirm(LoginConfirm {
            request: 4,
            scram: text("c=biws,r=abc,p=ZGVm"),
            code: code("654321"),
        }),
        C::Resume(resume(None)),
        C::Resume(resume(announced)),
    ]
}

pub fn server() -> Vec<ServerMessage> {
    use ServerMessage as S;
    let logged_in = |request, scram, id, token, seconds, wrong| LoggedIn {
        request,
        scram,
        user: text("Alice"),
        account: AccountId(7),
        token_id: [id; 16],
        token: Secret::new([token; 32]),
        token_seconds: seconds,
        wrong_codes: wrong,
        recovery_left: None,
    };
    let by_recovery = LoggedIn {
        recovery_left: Some(9),
        ..logged_in(6, Some(text("v=ZGVm")), 0x8a, 0x9b, 43_200, 0)
    };
    vec![
        S::RegisterChallenge(RegisterChallenge {
            request: 1,
            salt: [0x55; 16],
            iterations: 600_000,
            totp: Secret::new([0x66; 20]),
            recovery: recovery_codes(),
            time: TIME,
        }),
        S::LoginChallenge(LoginChallenge {
            request: 3,
            scram: text("r=abcdef,s=c2FsdA==,i=600000"),
            time: TIME,
        }),
        S::LoggedIn(logged_in(4, Some(text("v=ZGVm")), 0x88, 0x99, 43_200, 2)),
        S::LoggedIn(logged_in(5, None, 0x89, 0x9a, 43_199, 0)),
        S::LoggedIn(by_recovery),
    ]
}
