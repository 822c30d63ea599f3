//! Sockets: made, named, connected, and what travels through them without a port.
//!
//! An address travels as a list, which `scheme/guile/boot/sockets.scm` turns into
//! Guile's vectors: `(family path)`, or `(family bytes port flow scope)` with the bytes
//! in network order.
//!
//! Source: POSIX; GNU Guile reference manual, "Networking".

use crate::data::args::{fixnum, integer, size, unspecified};
use crate::data::native::{Outcome, Raise};
use crate::data::value::Value;
use crate::data::{bytevectors, errors, pairs, strings as text};
use crate::library::files::descriptor_argument;
use crate::natives;
use std::ffi::{CStr, CString};
use std::mem::{size_of, zeroed};

/// An address as the operating system has it, and its length.
type Address = (libc::sockaddr_storage, libc::socklen_t);

fn number(procedure: &str, args: &[Value], position: usize) -> Result<libc::c_int, Raise> {
    libc::c_int::try_from(fixnum(args, position)?)
        .map_err(|_| errors::out_of_range(procedure, position, &args[position - 1]))
}

fn descriptor(procedure: &str, args: &[Value]) -> Result<libc::c_int, Raise> {
    descriptor_argument(args)
        .ok_or_else(|| errors::expecting(procedure, 1, "open file port", &args[0]))
}

fn answered(procedure: &str, result: isize) -> Result<isize, Raise> {
    match result {
        0.. => Ok(result),
        _ => Err(errors::system(procedure, errors::last_code())),
    }
}

fn done(procedure: &str, result: libc::c_int) -> Outcome {
    answered(procedure, result as isize).map(|_| unspecified())
}

/// The address that argument POSITION describes.
fn address(procedure: &str, args: &[Value], position: usize) -> Result<Address, Raise> {
    let wrong = || errors::wrong_type(procedure, position, &args[position - 1]);
    let fields = pairs::to_vec(&args[position - 1]).ok_or_else(wrong)?;
    let family = fixnum(&fields, 1)? as libc::c_int;
    // SAFETY: an address of zeros is one.
    let mut storage: libc::sockaddr_storage = unsafe { zeroed() };
    let place = &raw mut storage;
    let port = |fields: &[Value]| size(procedure, fields, 3).map(|port| (port as u16).to_be());
    let length = match (family, fields.len()) {
        (libc::AF_UNIX, 2) => {
            let path = crate::data::args::string(procedure, &fields, 2)?.as_bytes();
            let place = place.cast::<libc::sockaddr_un>();
            // SAFETY: the storage has room for every kind of address.
            let named = unsafe { &mut (*place).sun_path };
            if path.len() >= named.len() {
                return Err(errors::out_of_range(procedure, position, &fields[1]));
            }
            for (to, from) in named.iter_mut().zip(path) {
                *to = *from as libc::c_char;
            }
            size_of::<libc::sockaddr_un>()
        }
        (libc::AF_INET, 5) => {
            let bytes = bytevectors::bytes(procedure, &fields, 2)?;
            let place = place.cast::<libc::sockaddr_in>();
            let bytes: [u8; 4] = bytes.try_into().map_err(|_| wrong())?;
            // SAFETY: as above.
            unsafe {
                (*place).sin_port = port(&fields)?;
                (*place).sin_addr.s_addr = u32::from_ne_bytes(bytes);
            }
            size_of::<libc::sockaddr_in>()
        }
        (libc::AF_INET6, 5) => {
            let bytes = bytevectors::bytes(procedure, &fields, 2)?;
            let place = place.cast::<libc::sockaddr_in6>();
            // SAFETY: as above.
            unsafe {
                (*place).sin6_port = port(&fields)?;
                (*place).sin6_addr.s6_addr = bytes.try_into().map_err(|_| wrong())?;
                (*place).sin6_flowinfo = size(procedure, &fields, 4)? as u32;
                (*place).sin6_scope_id = size(procedure, &fields, 5)? as u32;
            }
            size_of::<libc::sockaddr_in6>()
        }
        _ => return Err(wrong()),
    };
    storage.ss_family = family as libc::sa_family_t;
    Ok((storage, length as libc::socklen_t))
}

/// What Scheme is told of an address; nothing for one that has no name.
fn described(storage: &libc::sockaddr_storage, length: libc::socklen_t) -> Value {
    let family = libc::c_int::from(storage.ss_family);
    let place = &raw const *storage;
    let internet = |bytes: Vec<u8>, port: u16, flow: u32, scope: u32| {
        pairs::list(vec![
            Value::IntV(family as isize),
            bytevectors::value(bytes),
            integer(usize::from(u16::from_be(port))),
            integer(flow as usize),
            integer(scope as usize),
        ])
    };
    match family {
        _ if length == 0 => Value::BoolV(false),
        libc::AF_INET => {
            // SAFETY: the family says what the storage holds.
            let found = unsafe { &*place.cast::<libc::sockaddr_in>() };
            internet(
                found.sin_addr.s_addr.to_ne_bytes().to_vec(),
                found.sin_port,
                0,
                0,
            )
        }
        libc::AF_INET6 => {
            // SAFETY: as above.
            let found = unsafe { &*place.cast::<libc::sockaddr_in6>() };
            internet(
                found.sin6_addr.s6_addr.to_vec(),
                found.sin6_port,
                found.sin6_flowinfo,
                found.sin6_scope_id,
            )
        }
        libc::AF_UNIX => {
            // SAFETY: as above.
            let found = unsafe { &*place.cast::<libc::sockaddr_un>() };
            let path: Vec<u8> = found
                .sun_path
                .iter()
                .map(|char| *char as u8)
                .take_while(|byte| *byte != 0)
                .collect();
            pairs::list(vec![
                Value::IntV(family as isize),
                text::value(String::from_utf8_lossy(&path)),
            ])
        }
        _ => Value::BoolV(false),
    }
}

fn socket(args: &[Value]) -> Outcome {
    let (family, style, protocol) = (
        number("socket", args, 1)?,
        number("socket", args, 2)?,
        number("socket", args, 3)?,
    );
    // SAFETY: takes and gives numbers.
    let made = unsafe { libc::socket(family, style, protocol) };
    answered("socket", made as isize).map(Value::IntV)
}

fn socketpair(args: &[Value]) -> Outcome {
    const NAME: &str = "socketpair";
    let (family, style, protocol) = (
        number(NAME, args, 1)?,
        number(NAME, args, 2)?,
        number(NAME, args, 3)?,
    );
    let mut made = [0; 2];
    // SAFETY: writes two descriptors where there is room for two.
    let result = unsafe { libc::socketpair(family, style, protocol, made.as_mut_ptr()) };
    answered(NAME, result as isize)?;
    Ok(pairs::cons(
        Value::IntV(made[0] as isize),
        Value::IntV(made[1] as isize),
    ))
}

fn connect(args: &[Value]) -> Outcome {
    let fd = descriptor("connect", args)?;
    let (address, length) = address("connect", args, 2)?;
    // SAFETY: the address is a live structure of that length.
    done("connect", unsafe {
        libc::connect(fd, (&raw const address).cast(), length)
    })
}

fn bind(args: &[Value]) -> Outcome {
    let fd = descriptor("bind", args)?;
    let (address, length) = address("bind", args, 2)?;
    // SAFETY: the address is a live structure of that length.
    done("bind", unsafe {
        libc::bind(fd, (&raw const address).cast(), length)
    })
}

fn listen(args: &[Value]) -> Outcome {
    let (fd, backlog) = (descriptor("listen", args)?, number("listen", args, 2)?);
    // SAFETY: takes and gives numbers.
    done("listen", unsafe { libc::listen(fd, backlog) })
}

/// The answer of ASK, which is given room for an address, and that address.
fn with_address(
    procedure: &str,
    ask: impl FnOnce(*mut libc::sockaddr, *mut libc::socklen_t) -> isize,
) -> Result<(isize, Value), Raise> {
    // SAFETY: an address of zeros is one.
    let mut storage: libc::sockaddr_storage = unsafe { zeroed() };
    let mut length = size_of::<libc::sockaddr_storage>() as libc::socklen_t;
    let answer = ask((&raw mut storage).cast(), &raw mut length);
    Ok((answered(procedure, answer)?, described(&storage, length)))
}

fn accept(args: &[Value]) -> Outcome {
    let fd = descriptor("accept", args)?;
    // SAFETY: writes an address where there is room for every kind.
    let (made, from) = with_address("accept", |to, length| unsafe {
        libc::accept(fd, to, length) as isize
    })?;
    Ok(pairs::cons(Value::IntV(made), from))
}

fn getsockname(args: &[Value]) -> Outcome {
    let fd = descriptor("getsockname", args)?;
    // SAFETY: writes an address where there is room for every kind.
    let ask = |to, length| unsafe { libc::getsockname(fd, to, length) as isize };
    with_address("getsockname", ask).map(|(_, name)| name)
}

fn getpeername(args: &[Value]) -> Outcome {
    let fd = descriptor("getpeername", args)?;
    // SAFETY: writes an address where there is room for every kind.
    let ask = |to, length| unsafe { libc::getpeername(fd, to, length) as isize };
    with_address("getpeername", ask).map(|(_, name)| name)
}

fn getsockopt(args: &[Value]) -> Outcome {
    const NAME: &str = "getsockopt";
    let fd = descriptor(NAME, args)?;
    let (level, option) = (number(NAME, args, 2)?, number(NAME, args, 3)?);
    let mut bytes = vec![0; 64];
    let mut length = bytes.len() as libc::socklen_t;
    // SAFETY: the buffer is as long as is said.
    let result = unsafe {
        libc::getsockopt(
            fd,
            level,
            option,
            bytes.as_mut_ptr().cast(),
            &raw mut length,
        )
    };
    answered(NAME, result as isize)?;
    bytes.truncate(length as usize);
    Ok(bytevectors::value(bytes))
}

fn setsockopt(args: &[Value]) -> Outcome {
    const NAME: &str = "setsockopt";
    let fd = descriptor(NAME, args)?;
    let (level, option) = (number(NAME, args, 2)?, number(NAME, args, 3)?);
    let bytes = bytevectors::bytes(NAME, args, 4)?;
    let length = bytes.len() as libc::socklen_t;
    // SAFETY: the buffer is as long as is said.
    let result = unsafe { libc::setsockopt(fd, level, option, bytes.as_ptr().cast(), length) };
    done(NAME, result)
}

fn shutdown(args: &[Value]) -> Outcome {
    let (fd, how) = (descriptor("shutdown", args)?, number("shutdown", args, 2)?);
    // SAFETY: takes and gives numbers.
    done("shutdown", unsafe { libc::shutdown(fd, how) })
}

fn receive(args: &[Value]) -> Outcome {
    const NAME: &str = "recvfrom!";
    let fd = descriptor(NAME, args)?;
    let (room, flags) = (size(NAME, args, 2)?, number(NAME, args, 3)?);
    let mut bytes = vec![0; room];
    // SAFETY: the buffer is as long as is said.
    let (count, from) = with_address(NAME, |to, length| unsafe {
        libc::recvfrom(fd, bytes.as_mut_ptr().cast(), room, flags, to, length)
    })?;
    bytes.truncate(count as usize);
    Ok(pairs::cons(bytevectors::value(bytes), from))
}

fn send(args: &[Value]) -> Outcome {
    let fd = descriptor("send", args)?;
    let (bytes, flags) = (
        bytevectors::bytes("send", args, 2)?,
        number("send", args, 3)?,
    );
    let to = match &args[3] {
        Value::BoolV(false) => None,
        _ => Some(address("send", args, 4)?),
    };
    let (place, length) = match &to {
        Some((address, length)) => ((&raw const *address).cast(), *length),
        None => (std::ptr::null(), 0),
    };
    // SAFETY: buffer and address are live and as long as is said.
    let sent =
        unsafe { libc::sendto(fd, bytes.as_ptr().cast(), bytes.len(), flags, place, length) };
    answered("send", sent).map(Value::IntV)
}

/// The string that argument POSITION is, or nothing for #f.
fn perhaps(args: &[Value], position: usize) -> Result<Option<CString>, Raise> {
    match args[position - 1] {
        Value::BoolV(false) => Ok(None),
        _ => crate::data::args::path("getaddrinfo", args, position).map(Some),
    }
}

fn getaddrinfo(args: &[Value]) -> Outcome {
    const NAME: &str = "getaddrinfo";
    let (name, service) = (perhaps(args, 1)?, perhaps(args, 2)?);
    // SAFETY: hints of zeros ask for everything.
    let mut hints: libc::addrinfo = unsafe { zeroed() };
    hints.ai_flags = number(NAME, args, 3)?;
    hints.ai_family = number(NAME, args, 4)?;
    hints.ai_socktype = number(NAME, args, 5)?;
    hints.ai_protocol = number(NAME, args, 6)?;
    let given = |text: &Option<CString>| text.as_ref().map_or(std::ptr::null(), |t| t.as_ptr());
    let mut found = std::ptr::null_mut();
    // SAFETY: strings and hints live through the call, which makes a list that is freed below.
    let code = unsafe {
        libc::getaddrinfo(
            given(&name),
            given(&service),
            &raw const hints,
            &raw mut found,
        )
    };
    if code != 0 {
        return Ok(Value::IntV(code as isize));
    }
    let mut all = Vec::new();
    let mut next = found;
    // SAFETY: the list ends with a null pointer.
    while let Some(info) = unsafe { next.as_ref() } {
        next = info.ai_next;
        // SAFETY: an address of zeros is one.
        let mut storage: libc::sockaddr_storage = unsafe { zeroed() };
        let length = (info.ai_addrlen as usize).min(size_of::<libc::sockaddr_storage>());
        // SAFETY: the address is as long as is said, and there is room.
        unsafe {
            std::ptr::copy_nonoverlapping(
                info.ai_addr.cast::<u8>(),
                (&raw mut storage).cast::<u8>(),
                length,
            );
        }
        let canonical = match info.ai_canonname.is_null() {
            true => Value::BoolV(false),
            // SAFETY: it is a string where it is not null.
            false => text::value(unsafe { CStr::from_ptr(info.ai_canonname) }.to_string_lossy()),
        };
        let numbers = [
            info.ai_flags,
            info.ai_family,
            info.ai_socktype,
            info.ai_protocol,
        ];
        let mut fields: Vec<Value> = numbers.map(|n| Value::IntV(n as isize)).to_vec();
        fields.extend([described(&storage, length as libc::socklen_t), canonical]);
        all.push(pairs::list(fields));
    }
    // SAFETY: the list was made above, and nothing points into it any more.
    unsafe { libc::freeaddrinfo(found) };
    Ok(pairs::list(all))
}

fn gai_strerror(args: &[Value]) -> Outcome {
    let code = number("gai-strerror", args, 1)?;
    // SAFETY: there is a message for every number.
    let message = unsafe { CStr::from_ptr(libc::gai_strerror(code)) };
    Ok(text::value(message.to_string_lossy()))
}

natives! {
    outside;
    /// (%socket family style protocol) -> its descriptor
    "%socket" (3) => socket,
    /// (%socketpair family style protocol) -> pair of descriptors
    "%socketpair" (3) => socketpair,
    /// (%connect socket address) -> nothing
    "%connect" (2) => connect,
    /// (%bind socket address) -> nothing
    "%bind" (2) => bind,
    /// (listen socket backlog) -> nothing
    "listen" (2) => listen,
    /// (%accept socket) -> pair of a descriptor and an address
    "%accept" (1) => accept,
    /// (%getsockname socket) -> address
    "%getsockname" (1) => getsockname,
    /// (%getpeername socket) -> address
    "%getpeername" (1) => getpeername,
    /// (%getsockopt socket level option) -> bytevector
    "%getsockopt" (3) => getsockopt,
    /// (%setsockopt socket level option bytes) -> nothing
    "%setsockopt" (4) => setsockopt,
    /// (shutdown socket how) -> nothing
    "shutdown" (2) => shutdown,
    /// (%receive socket room flags) -> pair of the bytes and the address they came from
    "%receive" (3) => receive,
    /// (%send socket bytes flags address) -> how many were sent; ADDRESS may be #f
    "%send" (4) => send,
    /// (%getaddrinfo name service flags family style protocol) -> list of lists of six, or a code
    "%getaddrinfo" (6) => getaddrinfo,
    /// (gai-strerror code) -> what getaddrinfo's CODE means
    "gai-strerror" (1) with inside => gai_strerror,
}
