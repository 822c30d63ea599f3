//! `(fruix native ssh)`: connections, commands and questions.

use super::archive;
use super::build_log::{self, Cause, How};
use super::job::{self, End, Follow};
use super::listing::{Listed, State};
use super::run::last_lines;
use super::tree::Moved;
use super::{
    Connection, Ending, Files, Identity, Output, Question, Request, Wanted, estimate, text,
};
use crate::clock;
use crate::failure::{Failure, Key};
use crate::guile::data::bytevectors;
use crate::guile::natives::{Outcome, Raise};
use crate::guile::value::{
    Value, alist_value, handle, handle_value, integer, list, list_value, optional_string,
    pair_value, seconds, string, string_value, strings, symbol_value, truth, wrong_type,
};
use crate::progress::{self, Event};
use crate::runtime;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

/// How many lines are shown of a job that has failed.
const LAST_LINES: usize = 12;

crate::natives! {
    outside;
    /// (%ssh-connect host port user private-key host-key known-hosts agent config home seconds outage variables) -> connection
    ///
    /// Log in as USER at HOST and PORT within SECONDS, with the key in the file
    /// PRIVATE-KEY or one that the agent at the socket AGENT holds, to a server
    /// with the public key line HOST-KEY or, where that is #f, a key in the file
    /// KNOWN-HOSTS. What is #f is looked up in the file CONFIG of ssh_config(5), or
    /// where that is #t in the user's own and the system's, and below the directory
    /// HOME; VARIABLES is the environment, a list of NAME=VALUE. A connection that
    /// is lost is made again for OUTAGE seconds at most.
    "%ssh-connect" (12) => ssh_connect,
    /// (%ssh-host-config host port user config home variables) -> alist
    ///
    /// What the files of ssh_config(5) say of HOST: `hostname`, `port`, `user`,
    /// `identityfile`, `certificatefile`, `proxyjump`, `proxycommand`, `hostkeyalias`,
    /// `userknownhostsfile`, `identitiesonly` and `identityagent`, and in `ignored` what
    /// is not followed: pairs of keyword and value. What is not said is #f or ().
    "%ssh-host-config" (6) => ssh_host_config,
    /// (%ssh-check-private-key file agent) -> unspecified
    ///
    /// Throw 'settings-error unless FILE holds a private key that can be used,
    /// with the help of the agent at the socket AGENT, or #f.
    "%ssh-check-private-key" (2) => ssh_check_private_key,
    /// (%ssh-run connection command input live seconds binary?) -> (status stdout stderr)
    ///
    /// Run the command line COMMAND with INPUT, a string or bytevector, for at most
    /// SECONDS; with BINARY? its output is bytevectors;
    /// show its output live as that of LIVE, a string, unless it is #f. STATUS
    /// is an integer, or a string when a signal ended the command.
    "%ssh-run" (6) => ssh_run,
    /// (%ssh-ask connection questions seconds again?) -> list of (status stdout stderr)
    ///
    /// Put QUESTIONS to the guest's shell, all at once: each a list of words, or
    /// a string for the shell to read. With AGAIN? put them once more when the
    /// connection is lost under them.
    "%ssh-ask" (4) => ssh_ask,
    /// (%ssh-boot connection) -> string
    ///
    /// What tells the guest's boot from others.
    "%ssh-boot" (1) => ssh_boot,
    /// (%ssh-same-boot? one other) -> boolean
    ///
    /// Whether what %ssh-boot has answered twice is of one boot.
    "%ssh-same-boot?" (2) with inside => ssh_same_boot,
    /// (%ssh-job-start connection directory script) -> string
    ///
    /// Start SCRIPT as a job in DIRECTORY of the guest; what tells the guest's
    /// boot from others.
    "%ssh-job-start" (3) => ssh_job_start,
    /// (%ssh-job-follow connection directory boot offset live copy stall seconds outage keep history) -> alist
    ///
    /// Follow a job to its end, from byte OFFSET of its log. BOOT, LIVE, COPY
    /// (a file that is appended to), STALL (seconds), KEEP (an archive, which
    /// knows the offset itself) and HISTORY (a file) may be #f. The result has
    /// `end` (a symbol), `status`, `offset`, `tail`, `memory`, `free`, `warnings`
    /// and `cause`, as %build-log-cause has it.
    "%ssh-job-follow" (11) => ssh_job_follow,
    /// (%ssh-job-list connection directory) -> list of alists
    ///
    /// The jobs whose directories are in DIRECTORY of the guest, by name: `name`;
    /// `state`, a symbol, `running`, `finished`, `gone` or `rebooted`; `status`, an
    /// integer or #f; `began` in seconds since 1970, and `seconds`, both integers or
    /// #f; `log-size` in bytes; `last`, the last line of the log. Throw 'ssh-error
    /// when the guest cannot tell.
    "%ssh-job-list" (2) => ssh_job_list,
    /// (%ssh-job-failed! name tail logs) -> unspecified
    ///
    /// Show that the job NAME has failed: the last lines of TAIL, the end of its
    /// log, and LOGS, a list of strings that say where the whole log is.
    "%ssh-job-failed!" (3) with inside => ssh_job_failed,
    /// (%work-history-file directory words) -> string
    ///
    /// The file below DIRECTORY for the history of the work that WORDS, a list of
    /// strings, tell from all other work.
    "%work-history-file" (2) => work_history_file,
    /// (%ssh-job-end connection directory) -> unspecified
    "%ssh-job-end" (2) => ssh_job_end,
    /// (%build-log-cause log) -> alist or #f
    ///
    /// The first cause of failure in the text LOG: `target`, `status` or
    /// `signal`, `directory`, `summary`, `stage`, `line` (its number, from one) and
    /// `lines`, and in one line `told`.
    "%build-log-cause" (1) with inside => build_log_cause,
    /// (%log-archive-cause file) -> alist or #f
    ///
    /// The first cause of failure that the log kept in the archive FILE tells.
    "%log-archive-cause" (1) => log_archive_cause,
    /// (%log-archive-read file from count) -> string
    ///
    /// COUNT bytes from byte FROM on of the log kept in the archive FILE, or as
    /// many as there are.
    "%log-archive-read" (3) => log_archive_read,
    /// (%log-archive-stages file) -> list of (offset . stage)
    "%log-archive-stages" (1) => log_archive_stages,
    /// (%ssh-fetch connection remote local) -> string
    ///
    /// Copy the guest's file REMOTE to LOCAL; its SHA-256.
    "%ssh-fetch" (3) => ssh_fetch,
    /// (%ssh-send connection local remote) -> string
    ///
    /// Copy the file LOCAL to REMOTE in the guest; its SHA-256.
    "%ssh-send" (3) => ssh_send,
    /// (%ssh-fetch-tree connection remote local) -> (files bytes kept)
    ///
    /// Make the directory LOCAL hold what REMOTE of the guest holds; how many
    /// files and bytes were moved, and how many files were there already.
    "%ssh-fetch-tree" (3) => ssh_fetch_tree,
    /// (%ssh-send-tree connection local remote) -> (files bytes kept)
    ///
    /// Make the directory REMOTE of the guest hold what LOCAL holds.
    "%ssh-send-tree" (3) => ssh_send_tree,
    /// (%ssh-port-open? connection address port) -> boolean
    ///
    /// Whether something accepts connections at ADDRESS and PORT as seen from
    /// the server.
    "%ssh-port-open?" (3) => ssh_port_open,
    /// (%ssh-close connection) -> unspecified
    "%ssh-close" (1) => ssh_close,
    /// (%ssh-alive? connection) -> boolean
    "%ssh-alive?" (1) => ssh_alive,
    /// (%ssh-destination connection) -> alist with address, port and user
    "%ssh-destination" (1) => ssh_destination,
    /// (%ssh-quote words) -> string
    ///
    /// WORDS, a list of strings, as one command line for /bin/sh.
    "%ssh-quote" (1) with inside => ssh_quote,
    /// (%ssh-visible text) -> string
    ///
    /// TEXT of a guest as it may stand in a message.
    "%ssh-visible" (1) with inside => ssh_visible,
    /// (%pause seconds what) -> unspecified
    ///
    /// Wait for SECONDS, or until the user interrupts, who is told that it was WHAT:
    /// `waiting for …`.
    "%pause" (2) => pause,
}

/// Longer than any deadline that a script would set.
const BACKSTOP: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// How long good manners may take.
const PARTING: Duration = Duration::from_secs(2);

fn connection(procedure: &str, args: &[Value]) -> Result<std::rc::Rc<Connection>, Raise> {
    handle::<Connection>(procedure, args, 1)
}

fn boolean(value: bool) -> Outcome {
    Ok(Value::BoolV(value))
}

fn ssh_connect(args: &[Value]) -> Outcome {
    const NAME: &str = "%ssh-connect";
    let path = |place| Ok::<_, Raise>(optional_string(NAME, args, place)?.map(PathBuf::from));
    let port = match truth(args, 2) {
        false => None,
        true => Some(
            u16::try_from(integer(NAME, args, 2)?).map_err(|_| wrong_type(NAME, 2, &args[1]))?,
        ),
    };
    let wanted = Wanted {
        host: string(NAME, args, 1)?,
        port,
        user: optional_string(NAME, args, 3)?,
        private_key: path(4)?,
        host_key: optional_string(NAME, args, 5)?,
        known_hosts: path(6)?,
        agent: path(7)?,
        config: files(NAME, args, 8)?,
        home: path(9)?,
        variables: variables(NAME, args, 12)?,
    };
    let limit = seconds(NAME, args, 10)?;
    let outage = seconds(NAME, args, 11)?;
    let login = wanted.login()?;
    let what = format!("connecting to {}", login.destination);
    let connection = runtime::wait(&what, BACKSTOP, Connection::open(&login, limit))?;
    Ok(handle_value(
        "ssh-connection",
        connection.with_outage(outage),
    ))
}

fn files(procedure: &str, args: &[Value], place: usize) -> Result<Files, Raise> {
    Ok(match &args[place - 1] {
        Value::BoolV(true) => Files::Usual,
        _ => optional_string(procedure, args, place)?
            .map_or(Files::None, |path| Files::One(PathBuf::from(path))),
    })
}

/// The environment that is NAME=VALUE in each string of argument PLACE.
fn variables(
    procedure: &str,
    args: &[Value],
    place: usize,
) -> Result<Vec<(OsString, OsString)>, Raise> {
    Ok(strings(procedure, args, place)?
        .iter()
        .map(|text| {
            let (name, value) = text.split_once('=').unwrap_or((text, ""));
            (name.into(), value.into())
        })
        .collect())
}

fn ssh_host_config(args: &[Value]) -> Outcome {
    const NAME: &str = "%ssh-host-config";
    let wanted = Wanted {
        host: string(NAME, args, 1)?,
        port: match truth(args, 2) {
            true => Some(
                u16::try_from(integer(NAME, args, 2)?)
                    .map_err(|_| wrong_type(NAME, 2, &args[1]))?,
            ),
            false => None,
        },
        user: optional_string(NAME, args, 3)?,
        config: files(NAME, args, 4)?,
        home: optional_string(NAME, args, 5)?.map(PathBuf::from),
        variables: variables(NAME, args, 6)?,
        ..Wanted::default()
    };
    let found = wanted.looked_up()?;
    let text = |text: Option<String>| text.map_or(Value::BoolV(false), string_value);
    let texts = |texts: Vec<String>| list_value(texts.into_iter().map(string_value).collect());
    let pairs = |pairs: Vec<(String, String)>| {
        pairs
            .into_iter()
            .map(|(keyword, value)| pair_value(string_value(keyword), string_value(value)))
            .collect::<Vec<_>>()
    };
    let mut ignored = pairs(found.not_followed);
    ignored.extend(pairs(found.ignored));
    Ok(alist_value(vec![
        ("hostname", text(found.host_name)),
        (
            "port",
            found
                .port
                .map_or(Value::BoolV(false), |port| Value::IntV(port as isize)),
        ),
        ("user", text(found.user)),
        ("identityfile", texts(found.identity_files)),
        ("certificatefile", texts(found.certificate_files)),
        ("proxyjump", text(found.proxy_jump)),
        ("proxycommand", text(found.proxy_command)),
        ("hostkeyalias", text(found.host_key_alias)),
        (
            "userknownhostsfile",
            texts(found.user_known_hosts.unwrap_or_default()),
        ),
        (
            "identitiesonly",
            Value::BoolV(found.identities_only.unwrap_or(false)),
        ),
        ("identityagent", text(found.identity_agent)),
        ("ignored", list_value(ignored)),
    ]))
}

fn ssh_check_private_key(args: &[Value]) -> Outcome {
    const NAME: &str = "%ssh-check-private-key";
    let identity = Identity {
        agent: optional_string(NAME, args, 2)?.map(PathBuf::from),
        ..Identity::file(string(NAME, args, 1)?)
    };
    runtime::wait("looking at a private key", BACKSTOP, identity.check())?;
    Ok(Value::Void)
}

fn ssh_run(args: &[Value]) -> Outcome {
    const NAME: &str = "%ssh-run";
    let connection = connection(NAME, args)?;
    let request = Request {
        command: string(NAME, args, 2)?,
        what: None,
        input: match bytevectors::bytes(NAME, args, 3) {
            Ok(bytes) => bytes,
            Err(_) => string(NAME, args, 3)?.into_bytes(),
        },
        live: optional_string(NAME, args, 4)?,
        limit: Some(seconds(NAME, args, 5)?),
    };
    let what = format!("running `{}`", text::visible(&request.command));
    let output = runtime::wait(&what, BACKSTOP, connection.run(&request))?;
    if truth(args, 6) {
        return Ok(list_value(vec![
            ending_value(output.ending),
            bytevectors::value(output.stdout),
            bytevectors::value(output.stderr),
        ]));
    }
    Ok(output_value(output))
}

fn ssh_ask(args: &[Value]) -> Outcome {
    const NAME: &str = "%ssh-ask";
    let connection = connection(NAME, args)?;
    let questions = list(NAME, args, 2)?
        .into_iter()
        .map(|question| {
            let at_2 = [args[0].clone(), question];
            match list(NAME, &at_2, 2) {
                Ok(_) => strings(NAME, &at_2, 2).map(Question::Words),
                Err(_) => string(NAME, &at_2, 2).map(Question::Script),
            }
        })
        .collect::<Result<Vec<_>, Raise>>()?;
    let limit = seconds(NAME, args, 3)?;
    let again = truth(args, 4);
    let answers = runtime::wait("asking the guest", BACKSTOP, async {
        if again {
            connection.ask_again(&questions, limit).await
        } else {
            connection.ask(&questions, limit).await
        }
    })?;
    Ok(list_value(answers.into_iter().map(output_value).collect()))
}

fn ending_value(ending: Ending) -> Value {
    match ending {
        Ending::Exited(status) => Value::IntV(status as isize),
        Ending::Signaled(signal) => string_value(signal),
    }
}

fn output_value(output: Output) -> Value {
    let status = ending_value(output.ending);
    let text = |bytes: Vec<u8>| string_value(String::from_utf8_lossy(&bytes).into_owned());
    list_value(vec![status, text(output.stdout), text(output.stderr)])
}

fn ssh_boot(args: &[Value]) -> Outcome {
    let connection = connection("%ssh-boot", args)?;
    let boot = runtime::wait("asking the guest for its boot", BACKSTOP, connection.boot())?;
    Ok(string_value(boot))
}

fn ssh_same_boot(args: &[Value]) -> Outcome {
    const NAME: &str = "%ssh-same-boot?";
    let (one, other) = (string(NAME, args, 1)?, string(NAME, args, 2)?);
    Ok(Value::BoolV(job::same_boot(&one, &other)))
}

fn ssh_job_start(args: &[Value]) -> Outcome {
    const NAME: &str = "%ssh-job-start";
    let connection = connection(NAME, args)?;
    let (directory, script) = (string(NAME, args, 2)?, string(NAME, args, 3)?);
    let what = format!("starting a job in `{directory}`");
    let boot = runtime::wait(&what, BACKSTOP, connection.start_job(&directory, &script))?;
    Ok(string_value(boot))
}

fn ssh_job_follow(args: &[Value]) -> Outcome {
    const NAME: &str = "%ssh-job-follow";
    let connection = connection(NAME, args)?;
    let directory = string(NAME, args, 2)?;
    let follow = Follow {
        boot: optional_string(NAME, args, 3)?,
        offset: u64::try_from(integer(NAME, args, 4)?)
            .map_err(|_| wrong_type(NAME, 4, &args[3]))?,
        live: optional_string(NAME, args, 5)?,
        copy: optional_string(NAME, args, 6)?.map(PathBuf::from),
        stall: truth(args, 7).then(|| seconds(NAME, args, 7)).transpose()?,
        limit: seconds(NAME, args, 8)?,
        outage: seconds(NAME, args, 9)?,
        keep: optional_string(NAME, args, 10)?.map(PathBuf::from),
        history: optional_string(NAME, args, 11)?.map(PathBuf::from),
        directory,
    };
    let what = format!(
        "following the job in `{}`, which goes on in the guest",
        follow.directory
    );
    let followed = runtime::wait(&what, BACKSTOP, connection.follow_job(follow))?;
    let (end, status) = match followed.end {
        End::Finished(status) => ("finished", Some(status)),
        End::Memory(status) => ("memory", status),
        End::Full(status) => ("full", status),
        End::Gone => ("gone", None),
        End::Rebooted => ("rebooted", None),
        End::Vanished => ("vanished", None),
        End::Stalled(_) => ("stalled", None),
        End::Late => ("late", None),
    };
    let number =
        |number: Option<u64>| number.map_or(Value::BoolV(false), |it| Value::IntV(it as isize));
    Ok(alist_value(vec![
        ("end", symbol_value(end)),
        ("status", number(status.map(u64::from))),
        ("offset", Value::IntV(followed.offset as isize)),
        (
            "tail",
            string_value(String::from_utf8_lossy(&followed.tail).into_owned()),
        ),
        (
            "memory",
            followed.memory.map_or(Value::BoolV(false), string_value),
        ),
        ("free", number(followed.free)),
        ("warnings", number(Some(followed.warnings))),
        ("cause", cause_value(followed.cause)),
    ]))
}

fn ssh_job_list(args: &[Value]) -> Outcome {
    const NAME: &str = "%ssh-job-list";
    let connection = connection(NAME, args)?;
    let directory = string(NAME, args, 2)?;
    let what = format!("listing the jobs in `{directory}`");
    let jobs = runtime::wait(&what, BACKSTOP, connection.list_jobs(&directory))?;
    let number =
        |number: Option<u64>| number.map_or(Value::BoolV(false), |it| Value::IntV(it as isize));
    let entry = |job: Listed| {
        let (state, status) = match job.state {
            State::Running => ("running", None),
            State::Finished(status) => ("finished", Some(status)),
            State::Gone => ("gone", None),
            State::Rebooted => ("rebooted", None),
        };
        alist_value(vec![
            ("name", string_value(job.name)),
            ("state", symbol_value(state)),
            ("status", number(status.map(u64::from))),
            ("began", number(job.began)),
            (
                "seconds",
                number(job.elapsed.map(|elapsed| elapsed.as_secs())),
            ),
            ("log-size", number(Some(job.log_size))),
            ("last", string_value(job.last)),
        ])
    };
    Ok(list_value(jobs.into_iter().map(entry).collect()))
}

fn ssh_job_failed(args: &[Value]) -> Outcome {
    const NAME: &str = "%ssh-job-failed!";
    let tail = string(NAME, args, 2)?;
    progress::tell(Event::WorkFailed {
        source: string(NAME, args, 1)?,
        last: last_lines(&tail, LAST_LINES),
        logs: strings(NAME, args, 3)?,
    });
    Ok(Value::Void)
}

fn work_history_file(args: &[Value]) -> Outcome {
    const NAME: &str = "%work-history-file";
    let directory = PathBuf::from(string(NAME, args, 1)?);
    let file = estimate::file(&directory, &strings(NAME, args, 2)?);
    Ok(string_value(file.to_string_lossy()))
}

fn ssh_job_end(args: &[Value]) -> Outcome {
    const NAME: &str = "%ssh-job-end";
    let connection = connection(NAME, args)?;
    let directory = string(NAME, args, 2)?;
    let what = format!("ending the job in `{directory}`");
    runtime::wait(&what, BACKSTOP, connection.end_job(&directory))?;
    Ok(Value::Void)
}

fn log_archive_read(args: &[Value]) -> Outcome {
    const NAME: &str = "%log-archive-read";
    let path = PathBuf::from(string(NAME, args, 1)?);
    let number = |place: usize| {
        u64::try_from(integer(NAME, args, place)?)
            .map_err(|_| wrong_type(NAME, place, &args[place - 1]))
    };
    let bytes =
        archive::read(&path, number(2)?, number(3)?).map_err(|error| unreadable(&path, &error))?;
    Ok(string_value(String::from_utf8_lossy(&bytes).into_owned()))
}

fn log_archive_stages(args: &[Value]) -> Outcome {
    let path = PathBuf::from(string("%log-archive-stages", args, 1)?);
    let members = archive::members(&path).map_err(|error| unreadable(&path, &error))?;
    Ok(list_value(
        members
            .into_iter()
            .map(|member| pair_value(Value::IntV(member.log as isize), string_value(member.stage)))
            .collect(),
    ))
}

fn unreadable(path: &std::path::Path, error: &std::io::Error) -> Failure {
    Failure::new(
        Key::System,
        format!("cannot read the log kept in `{}`: {error}", path.display()),
    )
}

fn ssh_fetch(args: &[Value]) -> Outcome {
    const NAME: &str = "%ssh-fetch";
    let connection = connection(NAME, args)?;
    let (remote, local) = (string(NAME, args, 2)?, string(NAME, args, 3)?);
    let what = format!("fetching `{remote}`");
    let digest = runtime::wait(
        &what,
        BACKSTOP,
        connection.fetch(&remote, &PathBuf::from(local)),
    )?;
    Ok(string_value(digest))
}

fn ssh_send(args: &[Value]) -> Outcome {
    const NAME: &str = "%ssh-send";
    let connection = connection(NAME, args)?;
    let (local, remote) = (string(NAME, args, 2)?, string(NAME, args, 3)?);
    let what = format!("sending `{local}`");
    let digest = runtime::wait(
        &what,
        BACKSTOP,
        connection.send(&PathBuf::from(local), &remote),
    )?;
    Ok(string_value(digest))
}

fn ssh_fetch_tree(args: &[Value]) -> Outcome {
    const NAME: &str = "%ssh-fetch-tree";
    let connection = connection(NAME, args)?;
    let (remote, local) = (string(NAME, args, 2)?, string(NAME, args, 3)?);
    let what = format!("fetching `{remote}`");
    let moved = runtime::wait(
        &what,
        BACKSTOP,
        connection.fetch_tree(&remote, &PathBuf::from(local)),
    )?;
    Ok(moved_value(moved))
}

fn ssh_send_tree(args: &[Value]) -> Outcome {
    const NAME: &str = "%ssh-send-tree";
    let connection = connection(NAME, args)?;
    let (local, remote) = (string(NAME, args, 2)?, string(NAME, args, 3)?);
    let what = format!("sending `{local}`");
    let moved = runtime::wait(
        &what,
        BACKSTOP,
        connection.send_tree(&PathBuf::from(local), &remote),
    )?;
    Ok(moved_value(moved))
}

fn moved_value(moved: Moved) -> Value {
    list_value(
        [moved.files, moved.bytes, moved.kept]
            .map(|number| Value::IntV(number as isize))
            .to_vec(),
    )
}

fn build_log_cause(args: &[Value]) -> Outcome {
    let log = string("%build-log-cause", args, 1)?;
    Ok(cause_value(build_log::cause(&log)))
}

fn log_archive_cause(args: &[Value]) -> Outcome {
    let path = PathBuf::from(string("%log-archive-cause", args, 1)?);
    let cause = archive::cause(&path).map_err(|error| unreadable(&path, &error))?;
    Ok(cause_value(cause))
}

fn cause_value(cause: Option<Cause>) -> Value {
    let Some(cause) = cause else {
        return Value::BoolV(false);
    };
    let text = |text: Option<String>| text.map_or(Value::BoolV(false), string_value);
    let told = string_value(cause.told());
    let number = |number: u32| Value::IntV(number as isize);
    let (status, signal) = match cause.how {
        How::Status(status) => (number(status), Value::BoolV(false)),
        How::Signal(signal) => (Value::BoolV(false), number(signal)),
        How::Unsaid => (Value::BoolV(false), Value::BoolV(false)),
    };
    alist_value(vec![
        ("target", text(cause.target)),
        ("status", status),
        ("signal", signal),
        ("told", told),
        ("directory", text(cause.directory)),
        ("summary", string_value(cause.summary)),
        ("stage", text(cause.stage)),
        ("line", Value::IntV(cause.line as isize)),
        (
            "lines",
            list_value(cause.lines.into_iter().map(string_value).collect()),
        ),
    ])
}

fn ssh_port_open(args: &[Value]) -> Outcome {
    const NAME: &str = "%ssh-port-open?";
    let connection = connection(NAME, args)?;
    let address = string(NAME, args, 2)?;
    let port = u16::try_from(integer(NAME, args, 3)?).map_err(|_| wrong_type(NAME, 3, &args[2]))?;
    let what = format!("trying {address} port {port} in the guest");
    boolean(runtime::wait(
        &what,
        BACKSTOP,
        connection.reaches(&address, port),
    )?)
}

fn ssh_close(args: &[Value]) -> Outcome {
    let connection = connection("%ssh-close", args)?;
    runtime::wait_to_clean_up("closing an SSH connection", PARTING, async {
        connection.close().await;
        Ok::<_, Failure>(())
    })?;
    Ok(Value::Void)
}

fn ssh_alive(args: &[Value]) -> Outcome {
    boolean(connection("%ssh-alive?", args)?.is_alive())
}

fn ssh_destination(args: &[Value]) -> Outcome {
    let connection = connection("%ssh-destination", args)?;
    let destination = connection.destination();
    Ok(alist_value(vec![
        ("address", string_value(destination.address.as_str())),
        ("port", Value::IntV(destination.port as isize)),
        ("user", string_value(destination.user.as_str())),
    ]))
}

fn ssh_quote(args: &[Value]) -> Outcome {
    Ok(string_value(super::quote_all(strings(
        "%ssh-quote",
        args,
        1,
    )?)))
}

fn ssh_visible(args: &[Value]) -> Outcome {
    Ok(string_value(text::visible(&string(
        "%ssh-visible",
        args,
        1,
    )?)))
}

fn pause(args: &[Value]) -> Outcome {
    const NAME: &str = "%pause";
    let duration = seconds(NAME, args, 1)?;
    let what = text::visible(&string(NAME, args, 2)?);
    runtime::wait(&what, BACKSTOP, async {
        clock::sleep(duration).await;
        Ok::<_, Failure>(())
    })?;
    Ok(Value::Void)
}
