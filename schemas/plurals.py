"""Words for people: counts with their noun."""


def counted(number: int, noun: str) -> str:
    """`1 day`, `2 days`, `1,000 messages`; the noun's plural has an s."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def with_verb(number: int, noun: str, one: str, more: str) -> str:
    """`1 pack is`, `2 packs are`: counts with their noun and its verb."""
    return f"{counted(number, noun)} {verb(number, one, more)}"


def verb(number: int, one: str, more: str) -> str:
    """The verb that goes with a count."""
    return one if number == 1 else more


def signed(number: int, noun: str) -> str:
    """`+1 day`, `-2 days`, `+0 packs`: by how many more or fewer."""
    return f"{number:+,} {noun}{'' if number in (1, -1) else 's'}"
