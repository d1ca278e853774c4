"""How wide text is, without a font: advance widths of the Arial metric, with room for wider fonts."""

from __future__ import annotations

import unicodedata
from functools import lru_cache

# Hundredths of the font size, two digits a character: ASCII, Greek and Cyrillic letters, then signs.
_RANGES = ((0x20, 0x7F), (0x391, 0x3CA), (0x410, 0x450))
_SIGNS = "−–—…·×±≥≤≈≠→←∞°µ’‘“”•€£ß«»½√∑∆│"
_REGULAR = (
    "282835565689671933333958283328285656565656565656565628285858585699676772726761787228506756837278"
    "677872676172679467676128282847563356565056562856562222502283565656563350285650725050503326335867"
    "675567676172782867678372657872673762616780678475286758455622555858505645445656225050585045566957"
    "486240556552717867666754686792607272586683727872677261647667746792947989667299725657533658566746"
    "565644586955565456504650825057528082637252517554585699992858555555555599997140582222333335565661"
    "56568355716163"
)
_BOLD = (
    "283347565689722433333958283328285656565656565656565633335858586198727272726761787228567261837278"
    "677872676172679467676133283358563356615661563361612828562889616161613956336156785656503928395872"
    "726072676172782872678372647872673760616782678180286761456128586161566147466154285656615645617762"
    "526845587258758472727257716790637272617083727872677261628567737099998798727199725662614263567150"
    "616150647460616061564956885661588384738561558558585699992858555555555599997140582828505035565661"
    "56568355716163"
)

# The reader's font is not known: the widest common fallback is 16 % wider, 22 % in bold.
SAFETY = {False: 1.16, True: 1.22}


# Of DejaVu Sans, which many machines have and nothing else: signs that it draws wider than that.
_WIDE = (("#+<=>^~−×±≥≤≈≠", 0.838, 0.838), ("{}", 0.636, 0.712), ('"*`', 0.5, 0.523), ("()[]", 0.39, 0.457),
         ("|/\\:;", 0.337, 0.365), ("!", 0.401, 0.456), ("'", 0.275, 0.306))  # fmt: skip


def _table(packed: str, *, bold: bool) -> dict[str, float]:
    letters = "".join(chr(code) for first, last in _RANGES for code in range(first, last)) + _SIGNS
    table = {letter: int(packed[2 * i : 2 * i + 2]) / 100 for i, letter in enumerate(letters)}
    for signs, regular, heavy in _WIDE:
        least = (heavy if bold else regular) / SAFETY[bold]
        table |= {sign: max(table[sign], least) for sign in signs}
    return table


_TABLES = {False: _table(_REGULAR, bold=False), True: _table(_BOLD, bold=True)}


def _guess(letter: str) -> float:
    """Width of a letter outside the tables, in font sizes, rather too wide than too narrow."""
    if unicodedata.combining(letter):
        return 0.0
    base = unicodedata.normalize("NFD", letter)[0]
    if base in _TABLES[False]:
        return _TABLES[True][base]
    if ord(letter) >= 0x1F000 or 0xFB50 <= ord(letter) <= 0xFDFF:
        return 1.4
    return 1.0


@lru_cache(maxsize=4096)
def text_width(text: str, size: float = 13.0, bold: bool = False) -> float:
    """An upper bound of how wide ``text`` is drawn, in the unit of ``size``."""
    table = _TABLES[bold]
    total = 0.0
    for letter in text:
        width = table.get(letter)
        total += _guess(letter) if width is None else width
    return total * size * SAFETY[bold]


def is_measured(text: str) -> bool:
    """Whether the tables know every letter of ``text``; else its width is a guess."""
    table = _TABLES[False]
    return all(letter in table or (letter < "\u0250" and letter.isalpha()) for letter in text)


def fit(text: str, room: float, size: float = 13.0, bold: bool = False) -> str:
    """``text``, or as much of it as ``room`` takes with an ellipsis behind."""
    # A letter is at least 0.15 of its size wide, so a longer text than this cannot fit.
    text = text[: max(4, int(room / (0.15 * size)) + 2)] if len(text) > 400 else text
    if text_width(text, size, bold) <= room:
        return text
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        if text_width(text[:middle].rstrip() + "…", size, bold) <= room:
            low = middle
        else:
            high = middle - 1
    return text[:low].rstrip() + "…" if low else ("…" if text_width("…", size, bold) <= room else "")


def wrap(text: str, room: float, size: float = 13.0, bold: bool = False, lines: int = 2) -> list[str]:
    """``text`` in at most ``lines`` lines of ``room``; the last ends with an ellipsis where it is cut."""
    words, out = text[:2000].split(), [""]
    for i, word in enumerate(words):
        longer = f"{out[-1]} {word}" if out[-1] else word
        if text_width(longer, size, bold) <= room:
            out[-1] = longer
        elif len(out) < lines and out[-1]:
            out.append(word)
        else:
            out[-1] = fit(" ".join([out[-1], *words[i:]]).strip(), room, size, bold)
            return out
    out[-1] = fit(out[-1], room, size, bold)
    return out
