//! Names and numbers of this machine's users and groups.

use std::ffi::{CStr, CString};
use std::sync::Mutex;

/// Users, or groups.
pub(super) struct Directory {
    /// What one is, for messages.
    pub kind: &'static str,
    /// The number of the one with a name.
    pub number: fn(&str) -> Option<u32>,
    /// The name of the one with a number.
    pub name: fn(u32) -> Option<String>,
}

pub(super) const USERS: Directory = Directory {
    kind: "user",
    number: |name| {
        let name = CString::new(name).ok()?;
        let _alone = alone();
        // SAFETY: the name ends in a zero, and what is returned is read before
        // anybody else can ask.
        unsafe { libc::getpwnam(name.as_ptr()).as_ref() }.map(|user| user.pw_uid)
    },
    name: |number| {
        let _alone = alone();
        // SAFETY: what is returned is read before anybody else can ask.
        let user = unsafe { libc::getpwuid(number).as_ref() }?;
        text(user.pw_name)
    },
};

pub(super) const GROUPS: Directory = Directory {
    kind: "group",
    number: |name| {
        let name = CString::new(name).ok()?;
        let _alone = alone();
        // SAFETY: as for users.
        unsafe { libc::getgrnam(name.as_ptr()).as_ref() }.map(|group| group.gr_gid)
    },
    name: |number| {
        let _alone = alone();
        // SAFETY: as for users.
        let group = unsafe { libc::getgrgid(number).as_ref() }?;
        text(group.gr_name)
    },
};

/// The C library answers in a place of its own, so one asks at a time.
fn alone() -> std::sync::MutexGuard<'static, ()> {
    static ASKING: Mutex<()> = Mutex::new(());
    ASKING
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn text(name: *const libc::c_char) -> Option<String> {
    // SAFETY: an entry's name ends in a zero.
    let name = (!name.is_null()).then(|| unsafe { CStr::from_ptr(name) })?;
    Some(name.to_string_lossy().into_owned())
}
