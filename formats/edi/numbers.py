"""Numbers as documents write them."""

from decimal import Context, Decimal, InvalidOperation

from formats.edi.syntax import Syntax
from formats.findings import FormatError

EXACT = Context(prec=60)
"""More digits than any element has, so that moving the mark rounds nothing."""


def decimal_of(text: str) -> Decimal | None:
    """A number with either decimal mark; None when it is none. Documents have no marks between thousands."""
    plain = text.replace(",", ".")
    if not plain.isascii() or plain.count(".") > 1 or not plain.strip("-").replace(".", "").isdigit():
        return None
    try:
        return Decimal(plain)
    except InvalidOperation:
        return None


def implied(text: str, decimals: int) -> Decimal | None:
    """A number of X12's type N2 and the like, whose last digits are decimals without a mark; None when it is none."""
    number = decimal_of(text)
    if number is None or "." in text or "," in text:
        return None
    return number.scaleb(-decimals, EXACT)


def decimal_text(number: Decimal, syntax: Syntax) -> str:
    """A number as the syntax writes it: no exponent, no needless zeros, its own decimal mark.

    Raises:
        FormatError: The number is infinite or none.
    """
    if not number.is_finite():
        raise FormatError("a document has no notation of what is not a number")
    text = f"{number:f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return (text if text not in ("-0", "") else "0").replace(".", syntax.marks[0])


def implied_text(number: Decimal, decimals: int) -> str:
    """A number of X12's type N2 and the like.

    Raises:
        FormatError: It has more decimals than the type has.
    """
    scaled = number.scaleb(decimals, EXACT) if number.is_finite() else number
    if not number.is_finite() or scaled != scaled.to_integral_value():
        raise FormatError(f"the number does not fit {decimals} decimals")
    return f"{scaled.to_integral_value():f}"
