use super::*;

fn put(bytes: &mut Vec<u8>, at: usize, what: &[u8]) {
    if bytes.len() < at + what.len() {
        bytes.resize(at + what.len(), 0);
    }
    bytes[at..at + what.len()].copy_from_slice(what);
}

/// A PE32+ file of two sections with a directory of debugging data.
fn pe() -> Vec<u8> {
    let mut file = vec![0; 0x600];
    put(&mut file, 0, b"MZ");
    put(&mut file, 0x3c, &0x80_u32.to_le_bytes());
    put(&mut file, 0x80, b"PE\0\0");
    let header = 0x84;
    put(&mut file, header + 2, &2_u16.to_le_bytes());
    put(&mut file, header + 4, &0x6000_0000_u32.to_le_bytes());
    put(&mut file, header + 16, &240_u16.to_le_bytes());
    let optional = header + 20;
    put(&mut file, optional, &0x20b_u16.to_le_bytes());
    put(&mut file, optional + 108, &16_u32.to_le_bytes());
    let debug = optional + 112 + 6 * 8;
    put(&mut file, debug, &0x2010_u32.to_le_bytes());
    put(&mut file, debug + 4, &28_u32.to_le_bytes());
    for (index, (name, address, at)) in
        [(b".text", 0x1000_u32, 0x200_u32), (b".data", 0x2000, 0x400)]
            .into_iter()
            .enumerate()
    {
        let section = optional + 240 + index * 40;
        put(&mut file, section, name);
        put(&mut file, section + 12, &address.to_le_bytes());
        put(&mut file, section + 16, &0x200_u32.to_le_bytes());
        put(&mut file, section + 20, &at.to_le_bytes());
    }
    file
}

/// A 64-bit ELF file with a build identifier and a section of text.
fn elf() -> Vec<u8> {
    let mut file = vec![0; 0x400];
    put(&mut file, 0, b"\x7fELF\x02\x01");
    put(&mut file, 0x28, &0x200_u64.to_le_bytes());
    for (at, value) in [(0x3a, 64_u16), (0x3c, 4), (0x3e, 3)] {
        put(&mut file, at, &value.to_le_bytes());
    }
    let names = b"\0.note.gnu.build-id\0.text\0.shstrtab\0";
    put(&mut file, 0x180, names);
    for (index, (name, offset, size)) in [
        (0_u32, 0_u64, 0_u64),
        (1, 0x80, 36),
        (20, 0x100, 0x40),
        (26, 0x180, names.len() as u64),
    ]
    .into_iter()
    .enumerate()
    {
        let header = 0x200 + index * 64;
        put(&mut file, header, &name.to_le_bytes());
        put(&mut file, header + 4, &1_u32.to_le_bytes());
        put(&mut file, header + 0x18, &offset.to_le_bytes());
        put(&mut file, header + 0x20, &size.to_le_bytes());
    }
    file
}

/// What is told of FILE and the same with the bytes WHAT at AT.
fn told(file: &[u8], at: usize, what: &[u8]) -> (Vec<String>, bool) {
    let mut other = file.to_vec();
    put(&mut other, at, what);
    let causes = causes(file, &other);
    (
        causes.iter().map(Cause::to_string).collect(),
        causes.iter().all(Cause::is_harmless),
    )
}

#[test]
fn what_differs_in_one_thing_is_told_by_that_thing() {
    let archive = [
        ARCHIVE_START,
        b"a.o/            1700000000  0     0     100644  3         `\nabc\n",
        b"b.o/            1700000000  0     0     100644  2         `\nxy",
    ]
    .concat();
    for (file, at, what, expected, harmless) in [
        (
            pe(),
            0x88,
            &b"\x01\x02"[..],
            "PE time stamp (bytes 136 to 139)",
            true,
        ),
        (
            pe(),
            0x98 + 64,
            b"\x07",
            "PE checksum (bytes 216 to 219)",
            true,
        ),
        (
            pe(),
            0x414,
            b"\x09",
            "PE time stamp (bytes 1044 to 1047)",
            true,
        ),
        (
            pe(),
            0x210,
            b"\x03\x03",
            "2 bytes, the first of them byte 528, in section .text",
            false,
        ),
        (
            elf(),
            0x90,
            b"\xaa\xbb\xcc",
            "ELF build identifier (bytes 144 to 163)",
            true,
        ),
        (
            elf(),
            0x104,
            b"\xff\xff",
            "2 bytes, the first of them byte 260, in section .text",
            false,
        ),
        (elf(), 0x104, b"\x04", "one bit: bit 2 of byte 260", false),
        (
            archive.clone(),
            24,
            b"18",
            "time stamp of an archive's member (bytes 24 to 35)",
            true,
        ),
        (
            archive.clone(),
            88,
            b"18",
            "time stamp of an archive's member (bytes 88 to 99)",
            true,
        ),
        (
            b"\x1f\x8b\x08\0aaaa\0\x03rest".to_vec(),
            5,
            b"zz",
            "gzip time stamp (bytes 4 to 7)",
            true,
        ),
        (
            b"built Dec  1 2026 by".to_vec(),
            10,
            b"24",
            "a date or time in text (bytes 6 to 16)",
            true,
        ),
        (
            b"at 12:34:56 UTC".to_vec(),
            6,
            b"59:01",
            "a date or time in text (bytes 3 to 10)",
            true,
        ),
        (
            b"plain text".to_vec(),
            2,
            b"XX",
            "2 bytes, the first of them byte 2",
            false,
        ),
    ] {
        assert_eq!(told(&file, at, what), (vec![expected.to_owned()], harmless));
        assert_eq!(told(&file, 0, &file.clone()[..1]), (Vec::new(), true));
    }
}

const ARCHIVE_START: &[u8] = b"!<arch>\n";

#[test]
fn a_file_that_is_longer_is_told_with_both_lengths() {
    let causes = causes(b"abc", b"abXdef");
    let told: Vec<String> = causes.iter().map(Cause::to_string).collect();
    assert_eq!(
        told,
        [
            "it had 3 bytes, and has 6",
            "1 bytes, the first of them byte 2"
        ]
    );
}

#[test]
fn no_bytes_make_looking_fail() {
    // What the headers say leads anywhere.
    for file in [pe(), elf(), b"!<arch>\n".repeat(20)] {
        for at in 0..file.len().min(0x200) {
            for value in [0xff, 0x7f, 0x00] {
                let mut broken = file.clone();
                broken[at] = value;
                let _ = causes(&file, &broken);
                let _ = causes(&broken, &broken[..broken.len() / 2]);
                broken.truncate(at);
                let _ = formats::places(&broken);
                let _ = formats::sections(&broken);
            }
        }
    }
}
