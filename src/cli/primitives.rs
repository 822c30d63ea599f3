//! The modules `(fruix native settings)` and `(fruix native simulation)`: the
//! world as scripts see it.

use super::settings::{Setting, Settings};
use super::trust::consent;
use crate::failure::{Failure, Key};
use crate::guile::natives::Outcome;
use crate::guile::value::{Value, list_value, pair_value, string, string_value, symbol_value};
use crate::natives;
use crate::sim::host::Handle;
use crate::visible::escape;
use std::cell::RefCell;
use std::io::IsTerminal;

thread_local! {
    static TAKE_OVER: RefCell<Option<String>> = const { RefCell::new(None) };
    static HOST: RefCell<Option<Handle>> = const { RefCell::new(None) };
    static SETTINGS: RefCell<Option<Result<Settings, (Key, String, Option<String>)>>> =
        const { RefCell::new(None) };
}

/// Let scripts on this thread see SETTINGS. Settings that could not be read
/// trouble only the script that asks for one.
pub fn install(settings: Result<Settings, Failure>) {
    let settings = settings.map_err(|failure| {
        (
            failure.key(),
            failure.message().to_owned(),
            failure.hint_text().map(str::to_owned),
        )
    });
    SETTINGS.with(|slot| *slot.borrow_mut() = Some(settings));
}

/// Change the settings that scripts on this thread see, where they could be read.
pub fn update(change: impl FnOnce(&mut Settings)) {
    SETTINGS.with(|slot| {
        if let Some(Ok(settings)) = slot.borrow_mut().as_mut() {
            change(settings);
        }
    });
}

/// Let scripts on this thread change the simulated host, if there is one.
pub fn install_host(host: Option<Handle>) {
    HOST.with(|slot| *slot.borrow_mut() = host);
}

/// Let scripts on this thread take machines from other runs as `--take-over` says:
/// from the run that it names, or after asking where it names none.
pub fn install_take_over(wish: Option<String>) {
    TAKE_OVER.with(|slot| *slot.borrow_mut() = wish);
}

/// `(fruix native simulation)`.
pub mod simulation {
    use super::HOST;
    use crate::failure::{Failure, Key};
    use crate::guile::natives::Outcome;
    use crate::guile::value::{Value, string};
    use crate::natives;
    use crate::sim::mishap::Mishap;

    natives! {
        outside;
        /// (%simulation?) -> boolean
        "%simulation?" (0) => is_there,
        /// (%simulation-mishap! spec) -> unspecified
        ///
        /// From now on SPEC goes wrong. Throw 'usage-error when it makes no
        /// sense, 'settings-error when there is no simulation.
        "%simulation-mishap!" (1) => mishap,
    }

    fn is_there(_: &[Value]) -> Outcome {
        Ok(Value::BoolV(HOST.with(|slot| slot.borrow().is_some())))
    }

    fn mishap(args: &[Value]) -> Outcome {
        let text = string("%simulation-mishap!", args, 1)?;
        let mishap: Mishap = text
            .parse()
            .map_err(|error| Failure::new(Key::Usage, format!("{error}")))?;
        let added = HOST.with(|slot| {
            slot.borrow()
                .as_ref()
                .map(|host| host.add_mishap(mishap))
                .is_some()
        });
        if added {
            return Ok(Value::Void);
        }
        Err(Failure::new(
            Key::Settings,
            "cannot make trouble: there is no simulated host",
        )
        .hint("run the program with --simulate")
        .into())
    }
}

natives! {
    outside;
    /// (%setting name) -> string, integer, list of strings, or #f
    ///
    /// The setting called NAME, such as "guest/port"; #f when it is not set.
    /// Throw 'settings-error when the settings cannot be read.
    "%setting" (1) => setting,
    /// (%setting-required name) -> string, integer or list of strings
    ///
    /// As %setting, but throw 'settings-error, which says where NAME was
    /// looked for, when it is not set.
    "%setting-required" (1) => setting_required,
    /// (%settings) -> association list from symbols to values
    "%settings" (0) => settings,
    /// (%machine-named? name) -> boolean
    ///
    /// Whether the settings have a machine called NAME. Those of a simulated host have
    /// each that is asked for.
    "%machine-named?" (1) => machine_named,
    /// (%take-over? run trouble) -> boolean
    ///
    /// Whether a machine may be taken from RUN, as `--take-over` says; TROUBLE is
    /// shown when it is to be asked. Throw 'usage-error where nobody can be.
    "%take-over?" (2) => take_over,
}

fn with_settings<T>(body: impl FnOnce(&Settings) -> Result<T, Failure>) -> Result<T, Failure> {
    SETTINGS.with(|slot| match slot.borrow().as_ref() {
        None => body(&Settings::default()),
        Some(Ok(settings)) => body(settings),
        Some(Err((key, message, hint))) => {
            let failure = Failure::new(*key, message.clone());
            Err(match hint {
                Some(hint) => failure.hint(hint.clone()),
                None => failure,
            })
        }
    })
}

fn value(setting: &Setting) -> Value {
    match setting {
        Setting::Text(text) => string_value(text.clone()),
        Setting::Count(number) => Value::IntV(*number as isize),
        Setting::Texts(texts) => list_value(texts.iter().cloned().map(string_value).collect()),
    }
}

fn setting(args: &[Value]) -> Outcome {
    let name = string("%setting", args, 1)?;
    Ok(with_settings(|settings| {
        Ok(settings
            .get(&name)
            .map_or(Value::BoolV(false), |(setting, _)| value(setting)))
    })?)
}

fn setting_required(args: &[Value]) -> Outcome {
    let name = string("%setting-required", args, 1)?;
    Ok(with_settings(|settings| match settings.get(&name) {
        Some((setting, _)) => Ok(value(setting)),
        None => Err(settings.missing(&name)),
    })?)
}

fn settings(_: &[Value]) -> Outcome {
    Ok(with_settings(|settings| {
        Ok(list_value(
            settings
                .entries()
                .map(|(name, setting, _)| pair_value(symbol_value(name), value(setting)))
                .collect(),
        ))
    })?)
}

fn machine_named(args: &[Value]) -> Outcome {
    let name = string("%machine-named?", args, 1)?;
    let known = with_settings(|settings| Ok(settings.machines().any(|it| it == name)))?;
    let host = HOST.with(|slot| slot.borrow().clone());
    if let (false, Some(host)) = (known, &host) {
        Settings::check_machine_name(&name)?;
        let made = host.add_machine(&name)?;
        update(|settings| settings.add_simulated(&made));
    }
    Ok(Value::BoolV(known || host.is_some()))
}

fn take_over(args: &[Value]) -> Outcome {
    const NAME: &str = "%take-over?";
    let (run, trouble) = (string(NAME, args, 1)?, string(NAME, args, 2)?);
    let wish = TAKE_OVER.with(|slot| slot.borrow().clone());
    let may = match wish.as_deref() {
        None => false,
        Some("") if std::io::stdin().is_terminal() && std::io::stderr().is_terminal() => {
            eprintln!("{}", escape(&trouble));
            consent("Is it to be taken from that run?")
        }
        Some("") => {
            return Err(Failure::new(
                Key::Usage,
                format!("--take-over asks first, and there is no terminal: {trouble}"),
            )
            .hint(format!("name the run: --take-over={run}"))
            .into());
        }
        Some(named) => named == run,
    };
    Ok(Value::BoolV(may))
}
