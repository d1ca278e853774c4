"""Does a version satisfy a requirement? Enough of it for our own lower and upper bounds."""

from __future__ import annotations

OPERATORS = ("===", "~=", "==", "!=", "<=", ">=", "<", ">")


def release(version: str) -> tuple[int, ...]:
    """The numbers of a version: ``1.4.0rc1`` is (1, 4, 0)."""
    numbers: list[int] = []
    for part in version.lstrip("vV").split("+")[0].split("!")[-1].split("."):
        digits = ""
        for character in part:
            if not character.isdigit():
                break
            digits += character
        if not digits:
            break
        numbers.append(int(digits))
        if len(digits) != len(part):
            break
    return tuple(numbers)


def split_requirement(text: str) -> tuple[str, str, str]:
    """``labctl[x] (>=0.1,<1) ; extra == "y"`` is its name, its bounds and its marker."""
    body, _, marker = text.partition(";")
    body = body.strip()
    end = 0
    while end < len(body) and (body[end].isalnum() or body[end] in "-_."):
        end += 1
    name, rest = body[:end], body[end:].strip()
    if rest.startswith("["):
        rest = rest.partition("]")[2].strip()
    return name, rest.strip("() "), marker.strip()


def satisfies(version: str, bounds: str) -> bool:
    """Whether ``version`` lies within ``>=0.1,<1``. What is not understood counts as satisfied."""
    have = release(version)
    for bound in bounds.replace(" ", "").split(","):
        operator = next((o for o in OPERATORS if bound.startswith(o)), "")
        if operator and not _holds(have, operator, bound[len(operator) :]):
            return False
    return True


def _holds(have: tuple[int, ...], operator: str, text: str) -> bool:
    want = release(text.removesuffix(".*"))
    width = max(len(have), len(want))
    left = have + (0,) * (width - len(have))
    right = want + (0,) * (width - len(want))
    if operator == "~=":
        return left >= right and have[: len(want) - 1] == want[:-1]
    if operator in ("==", "===", "!="):
        equal = have[: len(want)] == want if text.endswith(".*") else left == right
        return equal == (operator != "!=")
    if operator == "<=":
        return left <= right
    if operator == ">=":
        return left >= right
    return left < right if operator == "<" else left > right
