use super::*;

fn faults(text: &str) -> Vec<String> {
    let faults = parse(text).unwrap_err();
    faults.iter().map(Fault::to_string).collect()
}

/// The only fault of a text of two lines, which is in the second one.
fn fault(text: &str) -> String {
    let faults = faults(text);
    assert_eq!(faults.len(), 1, "{faults:?}");
    assert!(faults[0].starts_with("line 2: "), "{faults:?}");
    faults[0].clone()
}

#[test]
fn a_profile_says_where_as_whom_and_how() {
    let text = "[profiles.Work-2_a]\nserver = '[::1]:99'\nuser = 'Alice'\n\
                password_command = 'pass show x'\notp_command = \"\"\"\ncat a |\nhead -1\"\"\"\n\
                [profiles.bare]\n";
    let config = parse(text).unwrap();
    assert_eq!(config.profiles.len(), 2);
    assert_eq!(config.profiles["bare"], Profile::default());
    let profile = &config.profiles["Work-2_a"];
    assert_eq!(profile.server.as_deref(), Some("[::1]:99"));
    assert_eq!(profile.user.as_ref().unwrap().as_str(), "Alice");
    assert_eq!(profile.password_command.as_deref(), Some("pass show x"));
    assert_eq!(profile.otp_command.as_deref(), Some("cat a |\nhead -1"));
    assert!(config.has_commands());
    assert!(
        !parse("[profiles.x]\nuser = 'a'\n[keys]\n")
            .unwrap()
            .has_commands()
    );
}

#[test]
fn a_profile_that_cannot_be_is_refused_with_what_can() {
    for (text, remedy) in [
        ("server = 'a b'", "HOST:PORT"),
        ("server = '::1'", "[::1]:7878"),
        ("server = '[::1'", "[::1]:7878"),
        ("server = '[::1]7878'", "[::1]:7878"),
        ("server = 'chat:0'", "HOST:PORT"),
        ("server = 'chat:'", "HOST:PORT"),
        ("server = 'chat:+1'", "HOST:PORT"),
        ("server = 'chat:65536'", "HOST:PORT"),
        ("server = ''", "HOST:PORT"),
        ("server = 7878", "text in quotes"),
        ("user = 'a b'", "letters a to z"),
        ("password_command = ' '", "no command"),
        ("otp_command = \"a\\u0000b\"", "no command"),
        ("otp_command = ['a']", "text in quotes"),
        ("otp_comand = 'x'", "`otp_command` in [profiles.NAME]"),
        ("password = 'x'", "no key `password`"),
        ("scrollback = 5000", "`scrollback` in [client]"),
    ] {
        let sentence = fault(&format!("[profiles.work]\n{text}"));
        assert!(sentence.contains("[profiles.work]"), "{text}: {sentence}");
        assert!(sentence.contains(remedy), "{text}: {sentence}");
    }
}

#[test]
fn a_profile_has_a_name_that_can_be_typed() {
    for good in ["a", "work", "Work-2_a", "0", &"n".repeat(32)] {
        assert!(is_profile_name(good), "{good}");
    }
    for bad in ["", "a b", "a.b", "zoë", "a\u{1b}", &"n".repeat(33)] {
        assert!(!is_profile_name(bad), "{bad:?}");
    }
    let sentence = fault("\n[profiles.\"a\\u001b[2J\"]");
    assert!(sentence.contains("digits"), "{sentence}");
    assert!(!sentence.contains('\u{1b}'), "{sentence:?}");
    assert!(fault("[profiles]\nserver = 'x'").contains("[profiles.NAME]"));
    assert!(fault("\nprofiles = 5").contains("[profiles.NAME]"));
}

#[test]
fn keys_are_texts_with_their_lines() {
    let config = parse("\n[keys]\n'ctrl-x' = 'quit'\n\n\"alt-a\" = \"next\"\nf1 = 'help'\n");
    let found: Vec<_> = config
        .unwrap()
        .keys
        .into_iter()
        .map(|setting| (setting.line, setting.key, setting.action))
        .collect();
    let expected = [
        (3, "ctrl-x", "quit"),
        (5, "alt-a", "next"),
        (6, "f1", "help"),
    ];
    let expected = expected.map(|(line, key, action)| (line, key.to_owned(), action.to_owned()));
    assert_eq!(found, expected);
}

#[test]
fn a_key_without_an_action_is_a_fault() {
    assert!(fault("[keys]\nctrl-x = 5").contains("text in quotes"));
    assert!(fault("[keys]\nctrl-x = ''").contains("have a name"));
    assert!(fault("[keys]\n'' = 'quit'").contains("have a name"));
    assert!(fault("[keys]\nctrl.x = 'quit'").contains("text in quotes"));
    assert!(fault("\nkeys = true").contains("[keys]"));
    let hostile = fault("[keys]\n\"\\u001b[2J\" = 1");
    assert!(!hostile.contains('\u{1b}'), "{hostile:?}");
}

#[test]
fn faults_of_all_sections_come_together() {
    let text = "[profiles.a]\nserver = ''\nuser = ''\n[keys]\nf1 = 1\n[client]\nbell = 1\n";
    let told = faults(text);
    let lines: Vec<&str> = told.iter().filter_map(|fault| fault.get(..7)).collect();
    assert_eq!(lines, ["line 2:", "line 3:", "line 5:", "line 7:"]);
}

#[test]
fn the_shipped_file_shows_a_profile_that_is_understood() {
    let shipped = include_str!("../../../config.toml");
    let shown: Vec<&str> = shipped
        .lines()
        .filter_map(|line| line.strip_prefix("#   "))
        .collect();
    let shown = shown.join("\n");
    let config = parse(&shown).unwrap();
    assert_eq!(config.profiles.len(), 1);
    assert_eq!(config.keys.len(), 1);
    for key in PROFILE_KEYS {
        assert!(
            shown.contains(&format!("\n{} = ", key.name)),
            "{}",
            key.name
        );
    }
}
