"""Numbers as a report writes them: true minus, equal decimals, the basis beside the estimate."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

MINUS = "\u2212"
DASH = "\u2013"
_SMALL = (
    "no",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
)
_HUGE = 1e7


def finite(value: object) -> float | None:
    """``value`` as a float, or None where it is no number, not finite, or text."""
    if value is None or isinstance(value, str | bytes):
        return None
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return None
    if not math.isfinite(number):
        return None
    # Steps between numbers as small as these cannot be divided any more.
    return number if abs(number) > 1e-290 else 0.0


def finites(values: Iterable[object]) -> list[float]:
    """The numbers among ``values``."""
    return [number for number in map(finite, values) if number is not None]


def decimals_for(values: Iterable[object], least: int = 2) -> int:
    """How many decimals tell ``values`` apart: none for whole numbers, ``least`` or more below one."""
    numbers = finites(values)
    if not numbers or all(number == int(number) for number in numbers):
        return 0
    largest = max(abs(number) for number in numbers)
    if largest >= 1000:
        return 0
    if largest >= 100:
        return 1
    needed = least if largest >= 0.1 else min(6, 1 - math.floor(math.log10(largest)))
    while needed > 2 and all(math.isclose(round(n, needed - 1), n, abs_tol=1e-12) for n in numbers):
        needed -= 1
    return needed


def fixed(value: object, decimals: int = 2, sign: bool = False) -> str:
    """``value`` with ``decimals``, a true minus and grouped thousands; a dash where there is none."""
    number = finite(value)
    if number is None:
        return DASH
    size = abs(number)
    if size >= _HUGE or (0 < size < 0.5 * 10 ** -max(decimals, 0) and decimals >= 6):
        text = scientific(size)
    else:
        text = f"{size:,.{decimals}f}"
    if number < 0 and any(digit in text for digit in "123456789"):
        return MINUS + text
    return "+" + text if sign and number > 0 else text


def scientific(value: float, digits: int = 2) -> str:
    """``1.2e30``, ``4e\u22127``: for what is too large or too small to write out."""
    mantissa, _, exponent = f"{abs(value):.{digits - 1}e}".partition("e")
    if "." in mantissa:
        mantissa = mantissa.rstrip("0").rstrip(".")
    return f"{MINUS if value < 0 else ''}{mantissa}e{MINUS if exponent[0] == '-' else ''}{int(exponent[1:])}"


def short(value: object) -> str:
    """``value`` alone, with as many decimals as it needs, at least two when it is not whole."""
    number = finite(value)
    if number is None:
        return DASH
    for decimals in (0, 2, 3, 4):
        if math.isclose(round(number, decimals), number, rel_tol=1e-9, abs_tol=1e-12):
            return fixed(number, decimals)
    return fixed(number, max(2, decimals_for([number])))


def interval(low: object, high: object, decimals: int = 2, sign: bool = False) -> str:
    """``[low, high]``, or nothing where neither end is known."""
    if finite(low) is None and finite(high) is None:
        return ""
    return f"[{fixed(low, decimals, sign)},\u00a0{fixed(high, decimals, sign)}]"


def seconds(value: object) -> str:
    """A duration: ``340 ms``, ``19.2 s``, ``1 min 22 s``, ``3 h 05 min``, ``2 d 4 h``."""
    number = finite(value)
    if number is None or number < 0:
        return DASH
    if number < 0.9995:
        return f"{number * 1000:.0f} ms" if number else "0 s"
    if number < 59.95:
        return f"{number:.1f} s"
    if number < 3599.5:
        return f"{int(number + 0.5) // 60} min {int(number + 0.5) % 60} s"
    minutes = int(number / 60 + 0.5)
    if minutes < 48 * 60:
        return f"{minutes // 60} h {minutes % 60:02d} min"
    return f"{minutes // 1440:,} d {minutes % 1440 // 60} h"


def money(value: object) -> str:
    """US dollars, ``$0.23``."""
    number = finite(value)
    if number is None:
        return "not known"
    return "<$0.01" if 0 < number < 0.005 else f"{MINUS if number < 0 else ''}${abs(number):,.2f}"


def size(value: object) -> str:
    """Bytes, ``212 kB``."""
    number = finite(value)
    if number is None or number < 0:
        return DASH
    for unit in ("bytes", "kB", "MB", "GB"):
        if number < 999.5:
            return f"{number:.0f} {unit}" if unit in ("bytes", "kB") else f"{number:.1f} {unit}"
        number /= 1000
    return f"{number:,.1f} TB"


def moment(value: object) -> datetime | None:
    """Epoch seconds as a time in UTC, or None where they are none or out of the calendar."""
    number = finite(value)
    try:
        return None if number is None else datetime.fromtimestamp(number, UTC)
    except (OverflowError, ValueError, OSError):
        return None


def clock(value: object, with_seconds: bool = False) -> str:
    """``20 Nov 2026, 14:02 UTC``."""
    when = moment(value)
    if when is None:
        return DASH
    months = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
    time = f"{when:%H:%M:%S}" if with_seconds else f"{when:%H:%M}"
    return f"{when.day} {months[when.month - 1]} {when.year}, {time} UTC"


def iso(value: object) -> str | None:
    """The time in the form that machines read."""
    when = moment(value)
    return None if when is None else f"{when:%Y-%m-%dT%H:%M:%SZ}"


def in_words(count: int) -> str:
    """A count in a sentence: in words up to twelve."""
    return _SMALL[count] if 0 <= count < len(_SMALL) else f"{count:,}"


def plural(count: int, noun: str, words: bool = False) -> str:
    """``1 job``, ``13 jobs``."""
    return f"{in_words(count) if words else f'{count:,}'} {noun}{'' if count == 1 else 's'}"


def listed(parts: Sequence[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}" if parts else ""
