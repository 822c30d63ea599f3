//! Numbers and texts as bytes: short numbers are short.
//!
//! What is read has been checked as a whole before (`shelf`), so that bytes which make no
//! sense are a bug of ours; they are told as [`Damaged`] all the same and never a panic.

/// The bytes are not what was written.
#[derive(Debug)]
pub struct Damaged;

pub type Result<T> = std::result::Result<T, Damaged>;

/// NUMBER at the end of BYTES, seven bits a byte.
pub fn put_number(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

/// TEXT at the end of BYTES, after its length.
pub fn put_text(bytes: &mut Vec<u8>, text: &str) {
    put_number(bytes, text.len() as u64);
    bytes.extend_from_slice(text.as_bytes());
}

/// Reads what has been put, from a position on.
pub struct Input<'b> {
    bytes: &'b [u8],
    pub position: usize,
}

impl<'b> Input<'b> {
    pub fn at(bytes: &'b [u8], position: usize) -> Input<'b> {
        Input { bytes, position }
    }

    pub fn byte(&mut self) -> Result<u8> {
        let byte = *self.bytes.get(self.position).ok_or(Damaged)?;
        self.position += 1;
        Ok(byte)
    }

    pub fn flag(&mut self) -> Result<bool> {
        Ok(self.byte()? != 0)
    }

    pub fn number(&mut self) -> Result<u64> {
        let (mut number, mut shift) = (0_u64, 0);
        loop {
            let byte = self.byte()?;
            if shift > 63 {
                return Err(Damaged);
            }
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(number);
            }
            shift += 7;
        }
    }

    pub fn index(&mut self) -> Result<usize> {
        usize::try_from(self.number()?).map_err(|_| Damaged)
    }

    pub fn offset(&mut self) -> Result<u32> {
        u32::try_from(self.number()?).map_err(|_| Damaged)
    }

    pub fn slice(&mut self, length: usize) -> Result<&'b [u8]> {
        let end = self.position.checked_add(length).ok_or(Damaged)?;
        let slice = self.bytes.get(self.position..end).ok_or(Damaged)?;
        self.position = end;
        Ok(slice)
    }

    pub fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        self.slice(N)?.try_into().map_err(|_| Damaged)
    }

    pub fn text(&mut self) -> Result<&'b str> {
        let length = self.index()?;
        std::str::from_utf8(self.slice(length)?).map_err(|_| Damaged)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_is_read_and_what_is_cut_short_is_damaged() {
        let mut bytes = Vec::new();
        for number in [
            0,
            1,
            127,
            128,
            16_383,
            16_384,
            u64::from(u32::MAX),
            u64::MAX,
        ] {
            put_number(&mut bytes, number);
        }
        put_text(&mut bytes, "λ");
        let mut input = Input::at(&bytes, 0);
        for number in [
            0,
            1,
            127,
            128,
            16_383,
            16_384,
            u64::from(u32::MAX),
            u64::MAX,
        ] {
            assert_eq!(input.number().unwrap(), number);
        }
        assert_eq!(input.text().unwrap(), "λ");
        assert!(input.byte().is_err());
        assert!(
            Input::at(&bytes[..bytes.len() - 1], bytes.len() - 3)
                .text()
                .is_err()
        );
    }
}
