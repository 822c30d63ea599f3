//! The screen of a VM: `CONNECT /console`, and RFB 3.8 behind it.
//!
//! What the guest has written to its console is drawn in letters that nobody can
//! read: a pattern of 8 by 16 pixels for each byte. That is enough to tell an
//! empty screen from one with text, and one text from another.
//!
//! Source: xapi's `console.ml`; RFC 6143.

use super::calls::check_session;
use super::server::{Connection, Request};
use super::state::Shared;
use std::io;
use std::sync::Arc;

const WIDTH: usize = 640;
const HEIGHT: usize = 400;

/// The size of a letter.
const LETTER: (usize, usize) = (8, 16);

/// Serve the console that REQUEST names until the client goes.
pub async fn serve(
    shared: &Arc<Shared>,
    request: &Request,
    connection: &mut Connection,
) -> io::Result<()> {
    let session = request.parameter("session_id").unwrap_or("");
    if check_session(shared, session).is_err() {
        return connection.refuse("401 Unauthorized").await;
    }
    let uuid = request.parameter("uuid").unwrap_or("");
    let lines = shared.with(|state| {
        let console = state.db.by_uuid("console", uuid).ok()?;
        let vm = state.db.text("console", &console, "VM");
        Some(state.consoles.get(&vm).cloned().unwrap_or_default())
    });
    let Some(lines) = lines else {
        return connection.refuse("500 Internal Error").await;
    };
    // The version follows in the same breath, as it may on a real host.
    connection
        .send(
            b"HTTP/1.1 200 OK\r\nConnection: keep-alive\r\n\
              Cache-Control: no-cache, no-store\r\n\r\nRFB 003.008\n",
        )
        .await?;
    exactly(connection, 12).await?;
    connection.send(&[1, 1]).await?;
    exactly(connection, 1).await?;
    connection.send(&[0; 4]).await?;
    exactly(connection, 1).await?;
    let mut screen = Vec::new();
    screen.extend((WIDTH as u16).to_be_bytes());
    screen.extend((HEIGHT as u16).to_be_bytes());
    screen.extend([32, 24, 0, 1, 0, 255, 0, 255, 0, 255, 16, 8, 0, 0, 0, 0]);
    screen.extend(5_u32.to_be_bytes());
    screen.extend(b"fruix");
    connection.send(&screen).await?;
    let mut shifts = [16, 8, 0];
    loop {
        match exactly(connection, 1).await?[0] {
            0 => {
                let format = exactly(connection, 19).await?;
                shifts = [format[13], format[14], format[15]];
            }
            2 => {
                let head = exactly(connection, 3).await?;
                exactly(connection, usize::from(head[2]) * 4).await?;
            }
            3 => {
                exactly(connection, 9).await?;
                connection.send(&update(&lines, shifts)).await?;
            }
            4 => drop(exactly(connection, 7).await?),
            5 => drop(exactly(connection, 5).await?),
            _ => return Ok(()),
        }
    }
}

async fn exactly(connection: &mut Connection, size: usize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; size];
    let mut filled = 0;
    while filled < size {
        match connection.read(&mut bytes[filled..]).await? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            count => filled += count,
        }
    }
    Ok(bytes)
}

/// The whole screen in two rectangles, each pixel with its colours at SHIFTS.
fn update(lines: &[String], shifts: [u8; 3]) -> Vec<u8> {
    let mut message = vec![0, 0];
    message.extend(2_u16.to_be_bytes());
    let half = HEIGHT / 2;
    for top in [0, half] {
        for number in [0, top, WIDTH, half] {
            message.extend((number as u16).to_be_bytes());
        }
        message.extend(0_u32.to_be_bytes());
        for y in top..top + half {
            for x in 0..WIDTH {
                let [red, green, blue] = pixel(lines, x, y);
                let colour = u32::from(red) << shifts[0]
                    | u32::from(green) << shifts[1]
                    | u32::from(blue) << shifts[2];
                message.extend(colour.to_le_bytes());
            }
        }
    }
    message
}

/// Grey letters on dark blue.
fn pixel(lines: &[String], x: usize, y: usize) -> [u8; 3] {
    let shown = HEIGHT / LETTER.1;
    let first = lines.len().saturating_sub(shown);
    let letter = lines
        .get(first + y / LETTER.1)
        .and_then(|line| line.as_bytes().get(x / LETTER.0));
    let (column, row) = (x % LETTER.0, y % LETTER.1);
    match letter {
        Some(byte) if row > 1 && row < 14 && byte.rotate_left(row as u32) >> column & 1 == 1 => {
            [170, 170, 170]
        }
        _ => [0, 0, 64],
    }
}
