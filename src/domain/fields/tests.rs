use super::*;

fn specs(text: &str) -> Vec<FieldSpec> {
    #[derive(serde::Deserialize)]
    struct File {
        field: Vec<FieldSpec>,
    }
    toml::from_str::<File>(text).unwrap().field
}

fn one(kind: &str, more: &str) -> Vec<FieldSpec> {
    let secret = kind.starts_with("secret");
    specs(&format!(
        "[[field]]\nkey = \"x\"\nlabel = \"X\"\nkind = \"{kind}\"\nsecret = {secret}\n{more}"
    ))
}

fn raw(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

fn try_one(specs: &[FieldSpec], value: &str) -> Result<Option<String>, Complaint> {
    match check(specs, &raw(&[("x", value)]), &Asked::default()) {
        Ok(values) => Ok(values.get("x").cloned()),
        Err(problems) => Err(problems.fields().first().unwrap().1.clone()),
    }
}

fn value(specs: &[FieldSpec], text: &str) -> String {
    try_one(specs, text).unwrap().unwrap()
}

#[test]
fn all_complaints_come_at_once() {
    let specs = specs(
        "[[field]]\nkey='host'\nlabel='H'\nkind='host'\nsecret=false\n[[field]]\nkey='port'\nlabel='P'\nkind='port'\nsecret=false\n\
         [[field]]\nkey='password'\nlabel='W'\nkind='secret'\nsecret=true",
    );
    let problems =
        check(&specs, &raw(&[("host", "https://db"), ("port", "54322x")]), &Asked::default())
            .unwrap_err();
    assert_eq!(
        problems.fields(),
        [
            ("host".to_owned(), Complaint::NotAHost),
            ("port".to_owned(), Complaint::NotANumber),
            ("password".to_owned(), Complaint::Required)
        ]
    );
}

#[test]
fn a_host_is_a_name_or_an_address_alone() {
    let host = one("host", "");
    for (typed, kept) in [
        (" db1.example ", "db1.example"),
        ("DB1.Example", "db1.example"),
        ("localhost", "localhost"),
        ("10.0.0.1", "10.0.0.1"),
        ("[::1]", "::1"),
        ("fd00::2", "fd00::2"),
        ("my_db.internal.", "my_db.internal."),
        ("bücher.example", "xn--bcher-kva.example"),
    ] {
        assert_eq!(value(&host, typed), kept, "{typed}");
    }
    for bad in [
        "https://db",
        "db:5432",
        "db/x",
        "a b",
        "user@db",
        "",
        "db..x",
        "[db]",
        "1",
        "0x7f.1",
        "db?x",
        "db#x",
        "%31",
        "d%62.example",
    ] {
        assert!(try_one(&host, bad).is_err(), "{bad}");
    }
}

#[test]
fn a_port_is_from_1_to_65535() {
    let port = one("port", "");
    assert_eq!(value(&port, "05432"), "5432");
    assert_eq!(try_one(&port, "0"), Err(Complaint::OutOfRange { min: 1, max: 65_535 }));
    assert_eq!(try_one(&port, "65536"), Err(Complaint::OutOfRange { min: 1, max: 65_535 }));
    assert_eq!(try_one(&port, "five"), Err(Complaint::NotANumber));
}

#[test]
fn an_integer_keeps_to_its_range() {
    let number = one("integer", "min = -5\nmax = 5");
    assert_eq!(value(&number, "-5"), "-5");
    assert!(try_one(&number, "6").is_err());
    assert_eq!(try_one(&number, "1.5"), Err(Complaint::NotANumber));
    assert_eq!(try_one(&number, "99999999999999999999"), Err(Complaint::NotANumber));
}

#[test]
fn an_address_is_https_unless_the_operator_opened_http() {
    let url = one("url", "");
    for typed in ["https://api.example/v1/", "https://api.example/v1", "https://api.example"] {
        assert_eq!(value(&url, typed), typed, "it is used as it was typed");
    }
    assert_eq!(value(&url, "  https://api.example/v1/ \n"), "https://api.example/v1/");
    assert_eq!(try_one(&url, "http://api.example"), Err(Complaint::NotHttps));
    for bad in [
        "api.example",
        "ftp://x.example",
        "https://",
        "https://x.example/#a",
        "https://x.example/{y}",
        "javascript:1",
    ] {
        assert!(try_one(&url, bad).is_err(), "{bad}");
    }
    assert!(matches!(try_one(&url, "https://me:pw@x.example"), Err(Complaint::Say(_))));
    let asked = Asked { http_allowed: true, ..Asked::default() };
    assert!(check(&url, &raw(&[("x", "http://127.0.0.1:9000")]), &asked).is_ok());
}

#[test]
fn a_value_must_match_its_pattern_as_a_whole() {
    let text = one("text", "pattern = 'a+'\npattern_hint = 'only the letter a'");
    assert_eq!(value(&text, "aaa"), "aaa");
    assert_eq!(
        try_one(&text, "aab"),
        Err(Complaint::Pattern { hint: "only the letter a".to_owned() })
    );
}

#[test]
fn pasted_spaces_are_taken_off_tokens_but_not_off_passwords() {
    assert_eq!(value(&one("secret", ""), "  tok\n"), "tok");
    let password = specs("[[field]]\nkey='password'\nlabel='P'\nkind='secret'\nsecret=true");
    let kept = check(&password, &raw(&[("password", " pass word ")]), &Asked::default()).unwrap();
    assert_eq!(kept.get("password").unwrap(), " pass word ");
}

#[test]
fn control_characters_are_refused() {
    assert_eq!(try_one(&one("text", ""), "a\0b"), Err(Complaint::Control));
    assert_eq!(try_one(&one("text", ""), "a\nb"), Err(Complaint::Control));
    assert_eq!(value(&one("multiline", ""), "a\r\n\tb"), "a\n\tb");
    assert_eq!(try_one(&one("multiline", ""), "a\0b"), Err(Complaint::Control));
}

#[test]
fn too_much_is_refused() {
    assert_eq!(try_one(&one("text", "max_bytes = 3"), "abcd"), Err(Complaint::TooLong { max: 3 }));
    assert_eq!(
        try_one(&one("secret_file", "max_bytes = 3"), "abcd"),
        Err(Complaint::FileTooLarge { max: 3 })
    );
    assert_eq!(try_one(&one("text", "max = 3"), "ääää"), Err(Complaint::TooLong { max: 3 }));
}

#[test]
fn a_field_that_is_not_asked_for_is_ignored() {
    let specs = specs(
        "[[field]]\nkey='late'\nlabel='L'\nkind='text'\nsecret=false\nwhen={field='how',is=['b']}\n\
         [[field]]\nkey='how'\nlabel='H'\nkind='select'\nsecret=false\ndefault='a'\noptions=[{value='a',label='A'},{value='b',label='B'}]\n\
         [[field]]\nkey='deep'\nlabel='D'\nkind='boolean'\nsecret=false\nwhen={field='how',is=['b']}",
    );
    let values = check(&specs, &raw(&[("late", "left over")]), &Asked::default()).unwrap();
    assert_eq!(values, raw(&[("how", "a")]));
    let problems = check(&specs, &raw(&[("how", "b")]), &Asked::default()).unwrap_err();
    assert_eq!(problems.fields(), [("late".to_owned(), Complaint::Required)]);
    assert_eq!(
        check(&specs, &raw(&[("how", "c")]), &Asked::default()).unwrap_err().fields(),
        [("how".to_owned(), Complaint::NotAChoice)]
    );
}

#[test]
fn a_stored_secret_may_stay() {
    let secret = one("secret", "");
    let stored = ["x".to_owned()];
    let asked = Asked { stored: &stored, ..Asked::default() };
    assert!(check(&secret, &raw(&[]), &asked).unwrap().is_empty());
    assert_eq!(check(&secret, &raw(&[("x", "new")]), &asked).unwrap(), raw(&[("x", "new")]));
    assert!(check(&secret, &raw(&[]), &Asked::default()).is_err());
}

#[test]
fn an_unfinished_form_misses_nothing_but_still_sees_mistakes() {
    let asked = Asked { is_partial: true, ..Asked::default() };
    assert!(check(&one("port", ""), &raw(&[]), &asked).unwrap().is_empty());
    assert!(check(&one("port", ""), &raw(&[("x", "no")]), &asked).is_err());
}

#[test]
fn keys_that_are_something_else_are_named() {
    let key = one("secret_file", "format = 'private_key'");
    assert_eq!(try_one(&key, "ssh-ed25519 AAAAC3Nza me@here"), Err(Complaint::PublicKey));
    assert_eq!(
        try_one(&key, "-----BEGIN PUBLIC KEY-----\nx\n-----END PUBLIC KEY-----"),
        Err(Complaint::PublicKey)
    );
    assert!(matches!(try_one(&key, "PuTTY-User-Key-File-3: ssh-ed25519"), Err(Complaint::Say(_))));
    assert_eq!(try_one(&key, "hello"), Err(Complaint::NotPem));
    assert_eq!(try_one(&key, "-----BEGIN OPENSSH PRIVATE KEY-----\nabc"), Err(Complaint::NotPem));
    assert_eq!(
        value(&key, " \n-----BEGIN PRIVATE KEY-----\r\nabc\r\n-----END PRIVATE KEY-----\r\n\r\n"),
        "-----BEGIN PRIVATE KEY-----\nabc\n-----END PRIVATE KEY-----\n"
    );
    let certificate = one("secret_file", "format = 'certificate'");
    assert!(matches!(
        try_one(&certificate, "-----BEGIN PRIVATE KEY-----\nabc\n-----END PRIVATE KEY-----"),
        Err(Complaint::Say(_))
    ));
    assert!(
        try_one(&certificate, "-----BEGIN CERTIFICATE-----\nabc\n-----END CERTIFICATE-----")
            .is_ok()
    );
}

#[test]
fn an_encrypted_key_asks_for_its_passphrase() {
    let specs = specs(
        "[[field]]\nkey='key'\nlabel='K'\nkind='secret_file'\nsecret=true\nformat='private_key'\npassphrase_in='word'\n\
         [[field]]\nkey='word'\nlabel='W'\nkind='secret'\nsecret=true\nrequired=false",
    );
    let openssh = |cipher: &str| {
        use base64::Engine;
        let mut bytes = b"openssh-key-v1\0\0\0\0".to_vec();
        bytes.push(u8::try_from(cipher.len()).unwrap());
        bytes.extend(cipher.as_bytes());
        let body = base64::engine::general_purpose::STANDARD.encode(bytes);
        format!("-----BEGIN OPENSSH PRIVATE KEY-----\n{body}\n-----END OPENSSH PRIVATE KEY-----")
    };
    assert!(check(&specs, &raw(&[("key", &openssh("none"))]), &Asked::default()).is_ok());
    for locked in [
        openssh("aes256-ctr"),
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nx\n-----END ENCRYPTED PRIVATE KEY-----".to_owned(),
    ] {
        let problems = check(&specs, &raw(&[("key", &locked)]), &Asked::default()).unwrap_err();
        assert_eq!(problems.fields(), [("word".to_owned(), Complaint::EncryptedKey)]);
        assert!(check(&specs, &raw(&[("key", &locked), ("word", "w")]), &Asked::default()).is_ok());
    }
}

#[test]
fn json_and_e_mail_and_booleans() {
    assert!(try_one(&one("json", ""), "{\"a\":1}").is_ok());
    assert_eq!(try_one(&one("json", ""), "{a}"), Err(Complaint::NotJson));
    assert!(try_one(&one("email", ""), "me@x.example").is_ok());
    assert_eq!(try_one(&one("email", ""), "me.x"), Err(Complaint::NotAnEmail));
    assert_eq!(value(&one("boolean", ""), "on"), "true");
    assert_eq!(value(&one("boolean", ""), ""), "false");
}
