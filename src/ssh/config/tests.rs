use super::*;
use std::fs;
use std::path::Path;

/// What TEXT says of HOST for USER, who is at home in a folder of his own.
fn of(text: &str, host: &str, user: Option<&str>) -> Result<HostConfig, SshError> {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("config");
    fs::write(&path, text).unwrap();
    Wanted {
        host: host.to_owned(),
        user: user.map(str::to_owned),
        config: Files::One(path),
        home: Some(home.path().to_owned()),
        ..Wanted::default()
    }
    .looked_up()
}

const TEXT: &str = "\
# before any Host: for all
User everybody
Host guest builder-?
    HostName = %h.example.org
    Port 2222
    IdentityFile ~/.ssh/first
    IdentityFile \"~/.ssh/with space\"
    ProxyJump admin@gate:2200,inner
Match originalhost guest exec \"false\"
    Port 9
Host * !gate
    User nobody
    Port 23
    IdentityFile ~/.ssh/last
    StrictHostKeyChecking no
";

#[test]
fn the_first_value_counts_and_every_identity_does() {
    let guest = of(TEXT, "guest", None).unwrap();
    assert_eq!(guest.host_name.as_deref(), Some("guest.example.org"));
    assert_eq!(
        (guest.user.as_deref(), guest.port),
        (Some("everybody"), Some(2222))
    );
    assert_eq!(
        guest.identity_files,
        ["~/.ssh/first", "~/.ssh/with space", "~/.ssh/last"]
    );
    assert_eq!(guest.proxy_jump.as_deref(), Some("admin@gate:2200,inner"));
    assert_eq!(of(TEXT, "builder-12", None).unwrap().port, Some(23));
    assert_eq!(of(TEXT, "gate", None).unwrap().port, None);
}

#[test]
fn match_asks_for_host_and_user_and_may_be_negated() {
    let text = "Host short\nHostName long.example.org\n\
                Match host *.example.org !originalhost other user=root,me\nPort 1\n\
                Match originalhost long.*\nPort 2\n\
                Match all\nPort 3\nMatch exec false\nUser never\nMatch all\nUser last\n";
    let port = |host, user| of(text, host, user).unwrap().port;
    assert_eq!(port("short", None), Some(1));
    assert_eq!(port("short", Some("me")), Some(1));
    assert_eq!(port("short", Some("you")), Some(3));
    assert_eq!(port("long.example.org", Some("you")), Some(2));
    assert_eq!(
        of(text, "short", None).unwrap().user.as_deref(),
        Some("last")
    );
}

#[test]
fn what_newer_ones_ask_and_is_not_known_is_told_where_it_matters() {
    let text = "Match localnetwork 10.0.0.0/8\nProxyJump gate\nMatch version x\nForwardAgent no\n";
    let found = of(text, "a", None).unwrap();
    assert_eq!(found.passed_over, ["Match localnetwork 10.0.0.0/8"]);
    assert_eq!(found.proxy_jump, None);
    let found = of(
        "KnownHostsCommand /x\nVerifyHostKeyDNS no\nForwardAgent yes\nCiphers x\n",
        "a",
        None,
    )
    .unwrap();
    assert_eq!(
        found.not_followed,
        [("knownhostscommand".to_owned(), "/x".to_owned())]
    );
    assert_eq!(found.ignored, [("ciphers".to_owned(), "x".to_owned())]);
}

#[test]
fn included_files_count_where_they_are_included() {
    let home = tempfile::tempdir().unwrap();
    let ssh = home.path().join(".ssh");
    fs::create_dir_all(ssh.join("config.d")).unwrap();
    let write = |name: &str, text: &str| fs::write(ssh.join(name), text).unwrap();
    write(
        "config",
        "Include config.d/[ab].conf none-there config.d\nHost guest\n Include ~/.ssh/for-guest\n \
         User behind\n",
    );
    write("config.d/b.conf", "Port 2\n");
    write("config.d/a.conf", "Host guest\nPort 1\n");
    write("config.d/.hidden.conf", "Port 9\n");
    write(
        "for-guest",
        "Host nobody\nUser no\nMatch all\nHostName there\n",
    );
    let of = |host: &str| {
        Wanted {
            host: host.to_owned(),
            config: Files::One(ssh.join("config")),
            home: Some(home.path().to_owned()),
            ..Wanted::default()
        }
        .looked_up()
    };
    let guest = of("guest").unwrap();
    assert_eq!(guest.port, Some(1));
    assert_eq!(guest.host_name.as_deref(), Some("there"));
    assert_eq!(guest.user.as_deref(), Some("behind"));
    assert_eq!(of("other").unwrap().port, Some(2));

    write("for-guest", "Port many\n");
    let message = of("guest").unwrap_err().to_string();
    assert!(
        message.contains("for-guest") && message.contains("line 1"),
        "{message}"
    );
    write("for-guest", "Include config\n");
    let message = of("guest").unwrap_err().to_string();
    assert!(message.contains("circle"), "{message}");
}

#[test]
fn a_login_follows_the_file_and_what_is_said_goes_first() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("config");
    fs::write(&path, TEXT).unwrap();
    let wanted = Wanted {
        host: "guest".to_owned(),
        user: Some("root".to_owned()),
        config: Files::One(path.clone()),
        home: Some(PathBuf::from("/home/me")),
        ..Wanted::default()
    };
    let jump = |login: Login| match login.proxy {
        Some(Proxy::Jump(jump)) => Some(jump),
        _ => None,
    };
    let login = wanted.login().unwrap();
    assert_eq!(login.destination.address, "guest.example.org");
    assert_eq!(
        (login.destination.port, &*login.destination.user),
        (2222, "root")
    );
    assert_eq!(login.identity.files[0], Path::new("/home/me/.ssh/first"));
    // Through `gate` to `inner`, and from there to the guest.
    let inner = jump(login).unwrap();
    assert_eq!(inner.destination.address, "inner");
    let gate = jump(*inner).unwrap();
    assert_eq!(
        (&*gate.destination.address, gate.destination.port),
        ("gate", 2200)
    );
    assert_eq!(gate.destination.user, "admin");
    assert!(gate.proxy.is_none());

    fs::write(&path, "Host *\nProxyJump other\n").unwrap();
    let circle = wanted.login().unwrap_err().to_string();
    assert!(circle.contains("circle"), "{circle}");
    fs::write(&path, "ProxyCommand nc %h %p\n").unwrap();
    let Some(Proxy::Command(command)) = wanted.login().unwrap().proxy else {
        panic!("no command");
    };
    assert_eq!(command, b"nc guest 22");
    fs::write(&path, "HostName a$(x)\nProxyCommand nc %h %p\n").unwrap();
    let refused = wanted.login().unwrap_err().to_string();
    assert!(refused.contains("says something to a shell"), "{refused}");
}

#[test]
fn trust_is_looked_up_in_the_files_that_are_named_and_never_lost() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("config");
    let known = |text: &str| {
        fs::write(&path, text).unwrap();
        let login = Wanted {
            host: "guest".to_owned(),
            config: Files::One(path.clone()),
            home: Some(PathBuf::from("/home/me")),
            ..Wanted::default()
        }
        .login()
        .unwrap();
        match login.trust {
            Trust::KnownHosts(known) => known,
            Trust::Pinned(_) => panic!("pinned"),
        }
    };
    let usual = known("");
    assert_eq!(usual.files[0].0, Path::new("/home/me/.ssh/known_hosts"));
    assert_eq!(usual.files.len(), 4);
    let named = known(
        "UserKnownHostsFile ~/.ssh/lab-%h /dev/null\nGlobalKnownHostsFile none\nHostKeyAlias VM-a\n\
         StrictHostKeyChecking no\n",
    );
    let files: Vec<_> = named
        .files
        .iter()
        .map(|(path, _)| path.to_str().unwrap())
        .collect();
    assert_eq!(files, ["/home/me/.ssh/lab-guest", "/dev/null"]);
    assert_eq!(named.alias.as_deref(), Some("vm-a"));
}

#[test]
fn a_line_that_makes_no_sense_is_named() {
    for (text, problem) in [
        ("Port many\n", "line 1: Port is not a number below 65536"),
        ("\nHost\n", "line 2: `host` without a value"),
        ("Match\n", "line 1: `match` without a value"),
        ("User \"me\n", "line 1: a quotation is not closed"),
        ("User a b\n", "line 1: `user` wants one value"),
        (
            "Match all host a\n",
            "line 1: `all` cannot stand beside what else `Match` asks",
        ),
        (
            "UserKnownHostsFile a none\n",
            "line 1: `userknownhostsfile`: `none` must stand alone",
        ),
    ] {
        let message = of(text, "a", None).unwrap_err().to_string();
        assert!(message.ends_with(problem), "{text:?}: {message}");
    }
}
