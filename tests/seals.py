"""What audit trails of tests are sealed with."""

from store.seals import Key, Seals

SEALS = Seals((Key.of("a key of tests that nobody needs to guess"),))
