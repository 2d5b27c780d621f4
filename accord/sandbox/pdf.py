"""A small PDF file with real text: lines of cells, each at its place, in Helvetica, Romanian letters included."""

import unicodedata
from collections.abc import Iterable, Sequence

Cell = tuple[int, str]
"""Where on the line a text begins, in points from the left, and the text."""

_TOP, _LEADING, _LINES = 800, 15, 50
_ODD = 32  # codes below it are for letters that the font lacks
_MAP = """/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapName /A def /CMapType 2 def
1 begincodespacerange <00> <FF> endcodespacerange
{count} beginbfchar
{pairs}
endbfchar endcmap end end"""


def pdf(lines: Sequence[Sequence[Cell]]) -> bytes:
    """The file, with as many pages as the lines need."""
    codes: dict[str, int] = {}
    pages = [lines[start : start + _LINES] for start in range(0, len(lines), _LINES)] or [[]]
    contents = [_content(page, codes) for page in pages]
    # Helvetica lacks some letters: they are drawn without their marks, and copied with them.
    names = " ".join(f"/{_bare(char)}" for char, code in codes.items() if code < _ODD)
    pairs = "\n".join(f"<{code:02X}> <{ord(char):04X}>" for char, code in codes.items())
    kids = " ".join(f"{5 + 2 * n} 0 R" for n in range(len(pages)))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>".encode(),
        f"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /ToUnicode 4 0 R /Encoding << /Type /Encoding "
        f"/BaseEncoding /WinAnsiEncoding /Differences [1 {names}] >> >>".encode(),
        _stream(_MAP.format(count=len(codes), pairs=pairs).encode()),
    ]
    for number, content in enumerate(contents):
        page = "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Resources << /Font << /F 3 0 R >> >>"
        objects += [f"{page} /Contents {6 + 2 * number} 0 R >>".encode(), _stream(content)]
    return _file(objects)


def _content(lines: Iterable[Sequence[Cell]], codes: dict[str, int]) -> bytes:
    parts = ["BT /F 9 Tf"]
    for number, cells in enumerate(lines):
        for x, text in cells:
            parts.append(f"1 0 0 1 {x} {_TOP - number * _LEADING} Tm <{_encoded(text, codes)}> Tj")
    return "\n".join([*parts, "ET"]).encode()


def _encoded(text: str, codes: dict[str, int]) -> str:
    return "".join(f"{_code(char, codes):02X}" for char in text)


def _code(char: str, codes: dict[str, int]) -> int:
    """The byte for a character; a question mark where all that are free are taken."""
    if char not in codes:
        usual = char.encode("cp1252", "ignore")
        code = usual[0] if usual else 1 + sum(1 for taken in codes.values() if taken < _ODD)
        if code == _ODD and char != " ":
            return _code("?", codes)
        codes[char] = code
    return codes[char]


def _bare(char: str) -> str:
    """What the font calls the letter without its marks."""
    bare = unicodedata.normalize("NFKD", char)[0]
    return bare if bare.isascii() and bare.isalpha() else "question"


def _stream(data: bytes) -> bytes:
    return b"<< /Length %d >>\nstream\n%s\nendstream" % (len(data), data)


def _file(objects: Sequence[bytes]) -> bytes:
    body, offsets = bytearray(b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n"), []
    for number, data in enumerate(objects, 1):
        offsets.append(len(body))
        body += b"%d 0 obj\n%s\nendobj\n" % (number, data)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    end = b"xref\n0 %d\n0000000000 65535 f \n%strailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n"
    return bytes(body) + end % (len(objects) + 1, table, len(objects) + 1, len(body))
