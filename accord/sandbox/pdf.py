"""A one-page PDF with lines of text that programs can read back, in a font that every reader has."""

from collections.abc import Sequence

_FIRST = 128  # code of the first character beyond ASCII


def document(lines: Sequence[str]) -> bytes:
    """The lines from top to bottom; up to 128 different characters beyond ASCII, such as ș and ț."""
    beyond = list(dict.fromkeys(letter for line in lines for letter in line if not " " <= letter <= "~"))
    if len(beyond) > 256 - _FIRST:
        raise ValueError("too many different letters for one page")
    codes = {letter: _FIRST + number for number, letter in enumerate(beyond)}
    shown = b" T* ".join(b"(" + b"".join(_written(letter, codes) for letter in line) + b") Tj" for line in lines)
    stream = b"BT /F1 10 Tf 14 TL 50 800 Td " + shown + b" ET"
    names = " ".join(f"/uni{ord(letter):04X}" for letter in beyond)
    return _file(
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R"
        b" /Resources << /Font << /F1 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica"
        + f" /Encoding << /Type /Encoding /Differences [{_FIRST} {names}] >> >> >> >> >>".encode(),
        b"<< /Length %d >>\nstream\n%b\nendstream" % (len(stream), stream),
    )


def _written(letter: str, codes: dict[str, int]) -> bytes:
    return b"\\%03o" % codes.get(letter, ord(letter)) if letter in codes or letter in "()\\" else letter.encode()


def _file(*objects: bytes) -> bytes:
    """The objects, numbered from 1, with the table of where each begins."""
    body, places = b"%PDF-1.4\n", []
    for number, content in enumerate(objects, 1):
        places.append(len(body))
        body += b"%d 0 obj\n%b\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    size = len(objects) + 1
    end = b"xref\n0 %d\n0000000000 65535 f \n%btrailer\n<< /Size %d /Root 1 0 R >>\n" % (size, table, size)
    return body + end + b"startxref\n%d\n%%%%EOF\n" % len(body)
