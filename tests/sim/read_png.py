"""Read a PNG of true colour with nothing but zlib: print width, height and the
SHA-256 of its pixels, three bytes each."""

import hashlib
import struct
import sys
import zlib

with open(sys.argv[1], "rb") as file:
    data = file.read()
assert data[:8] == b"\x89PNG\r\n\x1a\n", "it is no PNG"
chunks = []
at = 8
while at < len(data):
    (length,) = struct.unpack(">I", data[at : at + 4])
    name, content = data[at + 4 : at + 8], data[at + 8 : at + 8 + length]
    (sum_,) = struct.unpack(">I", data[at + 8 + length : at + 12 + length])
    assert sum_ == zlib.crc32(name + content), "the sum of %r is wrong" % name
    chunks.append((name, content))
    at += 12 + length
assert chunks[0][0] == b"IHDR" and chunks[-1] == (b"IEND", b""), "it is not whole"
header = struct.unpack(">IIBBBBB", chunks[0][1])
width, height = header[:2]
assert header[2:] == (8, 2, 0, 0, 0), "it is not of plain true colour"
lines = zlib.decompress(b"".join(content for name, content in chunks if name == b"IDAT"))
stride = 1 + 3 * width
assert len(lines) == stride * height, "it has another size than it says"
assert not any(lines[row * stride] for row in range(height)), "a line is filtered"
pixels = b"".join(lines[row * stride + 1 : (row + 1) * stride] for row in range(height))
print(width, height, hashlib.sha256(pixels).hexdigest())
