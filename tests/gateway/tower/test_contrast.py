"""Texts of pages can be read: their colours differ from what is behind them by 4.5 to 1 at least (WCAG AA)."""

import re
from pathlib import Path

import pytest

GATEWAY = Path(__file__).parents[3] / "gateway"
ENOUGH = 4.5
PLACES = ("page", "panel", "sunk", "shine")
TEXTS = ("ink", "soft", "blue", "good", "warn", "bad")
TINTED = (("blue", 15, "blue"), ("amber", 16, "warn"), ("bad", 16, "bad"))
"""A share of a colour over a place, and the text on it."""

Colour = tuple[float, ...]


def _colour(text: str) -> Colour:
    digits = text.lstrip("#")
    digits = "".join(digit * 2 for digit in digits) if len(digits) == 3 else digits
    return tuple(int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4))


def _contrast(one: Colour, other: Colour) -> float:
    lights = []
    for colour in (one, other):
        r, g, b = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in colour)
        lights.append(0.2126 * r + 0.7152 * g + 0.0722 * b + 0.05)
    return max(lights) / min(lights)


def _mixed(colour: Colour, percent: int, place: Colour) -> Colour:
    return tuple(c * percent / 100 + p * (1 - percent / 100) for c, p in zip(colour, place, strict=True))


def _schemes(sheet: str) -> list[dict[str, Colour]]:
    """The variables of a style sheet, in its first scheme and in its other one."""
    first, other = re.findall(r":root \{([^}]*)\}", (GATEWAY / sheet).read_text())[:2]
    named = {name: _colour(value) for name, value in re.findall(r"--([\w-]+): (#[0-9a-f]+)", first)}
    return [named, named | {name: _colour(value) for name, value in re.findall(r"--([\w-]+): (#[0-9a-f]+)", other)}]


@pytest.mark.parametrize("scheme", [0, 1])
def test_texts_of_the_control_page_stand_out(scheme: int) -> None:
    colours = _schemes("tower/static/tower.css")[scheme]
    low = {
        (text, place): round(_contrast(colours[text], colours[place]), 2)
        for text in TEXTS
        for place in PLACES
        if _contrast(colours[text], colours[place]) < ENOUGH
    }
    for tint, percent, text in TINTED:
        for place in ("panel", "sunk"):
            behind = _mixed(colours[tint], percent, colours[place])
            if (found := _contrast(colours[text], behind)) < ENOUGH:
                low[text, f"{tint} {percent} % on {place}"] = round(found, 2)
    if (found := _contrast(colours["on-deed"], colours["deed"])) < ENOUGH:
        low["on-deed", "deed"] = round(found, 2)
    assert not low


@pytest.mark.parametrize("scheme", [0, 1])
def test_texts_of_the_other_pages_stand_out(scheme: int) -> None:
    colours = _schemes("http/templates/pages.css")[scheme]
    for text in ("ink", "soft", "mark", "wrong"):
        for place in ("paper", "tint"):
            assert _contrast(colours[text], colours[place]) >= ENOUGH, (text, place)
    assert _contrast(colours["paper"], colours["mark"]) >= ENOUGH
