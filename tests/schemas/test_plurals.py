"""Words for people."""

from schemas.plurals import counted


def test_one_thing_is_one() -> None:
    assert [counted(n, "day") for n in (0, 1, 2, -1, 1200)] == ["0 days", "1 day", "2 days", "-1 days", "1,200 days"]
