//! Types 39 to 44 of the client, 44 to 47 of the server.

use super::*;

pub fn client() -> Vec<ClientMessage> {
    use ClientMessage as C;
    let factor = |own: &str, part| Factor {
        request: 43,
        code: code(own),
        part,
        scram: text("c=biws,r=abc,p=ZGVm"),
    };
    vec![
        C::Sessions(plain(39)),
        C::LogOut(plain(40)),
        C::Password(Password {
            request: 41,
            scram: text("p=chatbox,,n=alice,r=rOprNGfwEbeRWgbNEkqO"),
        }),
        C::PasswordConfirm(PasswordConfirm {
            request: 42,
            scram: text("c=biws,r=abc,p=ZGVm"),
            code: code("654321"),
            stored_key: Secret::new([0x11; 32]),
            server_key: Secret::new([0x22; 32]),
        }),
        C::Factor(factor("654321", FactorPart::Secret)),
        C::Factor(factor("AAAQ-EAYE-AUDA-OCAJ", FactorPart::RecoveryCodes)),
        C::FactorConfirm(FactorConfirm {
            request: 44,
            code: code("123456"),
        }),
    ]
}

pub fn server() -> Vec<ServerMessage> {
    use ServerMessage as S;
    let session = |session, address, since| SessionInfo {
        session,
        address: text(address),
        since,
    };
    let factor = |totp| NewFactor {
        request: 43,
        totp,
        recovery: recovery_codes(),
        time: TIME,
        scram: text("v=ZGVm"),
    };
    let changed = |request, scram| Changed {
        request,
        scram,
        token_id: [0x8a; 16],
        token: Secret::new([0x9b; 32]),
        token_seconds: 43_200,
    };
    vec![
        S::SessionList(SessionList {
            request: 39,
            sessions: vec![
                session(99, "192.0.2.7:50000", TIME),
                session(104, "[2001:db8::7]:50001", TIME + 1),
            ],
        }),
        S::PasswordChallenge(PasswordChallenge {
            request: 41,
            scram: text("r=abcdef,s=c2FsdA==,i=600000"),
        }),
        S::NewFactor(factor(Some(Secret::new([0x67; 20])))),
        S::NewFactor(factor(None)),
        S::Changed(changed(42, Some(text("v=ZGVm")))),
        S::Changed(changed(44, None)),
    ]
}
