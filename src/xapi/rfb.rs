//! RFB, the protocol of VNC, as far as one picture needs it: no keys, no mouse,
//! and every pixel as it is.
//!
//! Source: RFC 6143.

use super::console::Picture;
use super::http::Connection;
use std::io;

/// No screen of a VM has more pixels.
const MOST_PIXELS: usize = 64 << 20;

/// Speak RFB until one whole picture has come.
pub async fn see(connection: &mut Connection) -> io::Result<Picture> {
    let version = connection.take(12).await?;
    if !version.starts_with(b"RFB 003.") {
        return Err(io::Error::other("what answers is not RFB"));
    }
    let minor: u32 = std::str::from_utf8(&version[8..11])
        .ok()
        .and_then(|digits| digits.parse().ok())
        .unwrap_or(3);
    choose_security(connection, minor).await?;
    // Others may look on too.
    connection.send(&[1]).await?;
    let screen = connection.take(24).await?;
    let (width, height) = (short(&screen, 0), short(&screen, 2));
    let name = long(&screen, 20) as usize;
    connection.take(name.min(4096)).await?;
    let pixels = usize::from(width) * usize::from(height);
    if pixels == 0 || pixels > MOST_PIXELS {
        return Err(io::Error::other(format!(
            "a screen of {width} by {height} makes no sense"
        )));
    }
    // Four bytes a pixel, the lowest of them red; no encoding but none; all of it.
    let mut wishes = vec![0, 0, 0, 0, 32, 24, 0, 1];
    for most in [255_u16; 3] {
        wishes.extend(most.to_be_bytes());
    }
    wishes.extend([0, 8, 16, 0, 0, 0]);
    wishes.extend([2, 0, 0, 1, 0, 0, 0, 0]);
    wishes.extend([3, 0, 0, 0, 0, 0]);
    wishes.extend(width.to_be_bytes());
    wishes.extend(height.to_be_bytes());
    connection.send(&wishes).await?;
    let mut picture = Picture {
        width,
        height,
        pixels: vec![0; pixels * 3],
    };
    let mut drawn = 0;
    while drawn < pixels {
        drawn += message(connection, &mut picture).await?;
    }
    Ok(picture)
}

/// Agree that nobody needs to prove anything: the session has been proven.
async fn choose_security(connection: &mut Connection, minor: u32) -> io::Result<()> {
    const NONE: u8 = 1;
    let refused = || io::Error::other("the console asks for a password");
    if minor < 7 {
        connection.send(b"RFB 003.003\n").await?;
        let chosen = connection.take(4).await?;
        return match long(&chosen, 0) {
            1 => Ok(()),
            _ => Err(refused()),
        };
    }
    let ours: &[u8] = if minor == 7 {
        b"RFB 003.007\n"
    } else {
        b"RFB 003.008\n"
    };
    connection.send(ours).await?;
    let count = connection.take(1).await?[0];
    let offered = connection.take(count.into()).await?;
    if !offered.contains(&NONE) {
        return Err(refused());
    }
    connection.send(&[NONE]).await?;
    if minor > 7 && long(&connection.take(4).await?, 0) != 0 {
        return Err(refused());
    }
    Ok(())
}

/// Read one message and draw what it brings; answers how many pixels.
async fn message(connection: &mut Connection, picture: &mut Picture) -> io::Result<usize> {
    match connection.take(1).await?[0] {
        0 => {
            let count = short(&connection.take(3).await?, 1);
            let mut drawn = 0;
            for _ in 0..count {
                drawn += rectangle(connection, picture).await?;
            }
            Ok(drawn)
        }
        // A map of colours, which true colour does not need; a bell; a clipboard.
        1 => {
            let head = connection.take(5).await?;
            connection.take(usize::from(short(&head, 3)) * 6).await?;
            Ok(0)
        }
        2 => Ok(0),
        3 => {
            let head = connection.take(7).await?;
            connection
                .take((long(&head, 3) as usize).min(1 << 20))
                .await?;
            Ok(0)
        }
        other => Err(io::Error::other(format!("RFB has no message {other}"))),
    }
}

async fn rectangle(connection: &mut Connection, picture: &mut Picture) -> io::Result<usize> {
    let head = connection.take(12).await?;
    let [x, y, width, height] = [0, 2, 4, 6].map(|at| usize::from(short(&head, at)));
    if long(&head, 8) != 0 {
        return Err(io::Error::other(
            "the console sends an encoding that nobody wanted",
        ));
    }
    if x + width > picture.width.into() || y + height > picture.height.into() {
        return Err(io::Error::other("the console draws beside its screen"));
    }
    for line in y..y + height {
        let from = connection.take(width * 4).await?;
        let start = (line * usize::from(picture.width) + x) * 3;
        let to = &mut picture.pixels[start..start + width * 3];
        for (pixel, bytes) in to.chunks_exact_mut(3).zip(from.chunks_exact(4)) {
            pixel.copy_from_slice(&bytes[..3]);
        }
    }
    Ok(width * height)
}

fn short(bytes: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([bytes[at], bytes[at + 1]])
}

fn long(bytes: &[u8], at: usize) -> u32 {
    u32::from(short(bytes, at)) << 16 | u32::from(short(bytes, at + 2))
}
