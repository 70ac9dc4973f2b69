"""Checks of bytes for the tests, written without looking at src/.

copytext.py decode      a text table on standard input as one JSON array of objects, by its header
copytext.py harmless    exit 1 and tell where, if standard input could act on a terminal
"""
import json
import re
import sys
import unicodedata

LETTERS = {b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t", b"v": b"\v"}


def unescape(match):
    octal, hexadecimal, other = match.groups()
    if octal:
        return bytes([int(octal, 8) & 255])
    if hexadecimal:
        return bytes([int(hexadecimal, 16)])
    return LETTERS.get(other, other)


def decode(field):
    """The value of a field, after "Text Format" in the documentation of COPY."""
    if field == rb"\N":
        return None
    return re.sub(rb"\\(?:([0-7]{1,3})|x([0-9A-Fa-f]{1,2})|(.))", unescape, field, flags=re.S).decode()


def records(data):
    """Every record of a table as a list of its values, the header first."""
    if not data.endswith(b"\n"):
        sys.exit("incomplete record (no newline at the end)")
    return [[decode(field) for field in line.split(b"\t")] for line in data[:-1].split(b"\n")]


def harm(data):
    """The first thing in it that could act on a terminal, or None."""
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        return f"byte {error.start}: no UTF-8"
    for at, character in enumerate(text):
        if character == "\n":
            continue
        if unicodedata.category(character) == "Cc" or unicodedata.bidirectional(character) in (
            "LRE", "RLE", "PDF", "LRO", "RLO", "LRI", "RLI", "FSI", "PDI") or character in "\u061c\u200e\u200f":
            return f"character {at}: U+{ord(character):04X}"
    return None


if __name__ == "__main__":
    data = sys.stdin.buffer.read()
    if sys.argv[1] == "harmless":
        sys.exit(harm(data))
    header, *rest = records(data)
    print(json.dumps([dict(zip(header, record)) for record in rest]))
