"""Files of partners: YAML, one document or many, each one partner or a list of them.

Only what JSON can say is read (YAML 1.2, JSON schema): no dates, no `yes` and `no`, no tags. So `NO` is Norway, and a
name that stands twice in one mapping is refused.
"""

import re
from collections.abc import Hashable, Iterable
from pathlib import Path
from typing import Any

import yaml

from schemas.parsing import refuse

TEXT = "tag:yaml.org,2002:str"
SCALARS = (
    ("null", r"null|~|", "n~"),
    ("bool", r"true|false", "tf"),
    ("int", r"-?(0|[1-9][0-9]{0,17})", "-0123456789"),
    ("float", r"-?(0|[1-9][0-9]*)\.[0-9]+([eE][-+]?[0-9]+)?", "-0123456789"),
)
"""What a scalar without quotes may be beside a text, how it is written, and what it begins with."""


class JsonLoader(yaml.SafeLoader):
    """Reads texts, numbers, true, false and null; every other scalar is a text. No anchors: they can make a short file
    long without end."""

    yaml_implicit_resolvers = {}  # noqa: RUF012

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """As its base, without aliases."""
        if self.check_event(yaml.AliasEvent):
            mark = self.get_mark()
            raise yaml.composer.ComposerError(None, None, "an alias does not belong there", mark)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """A mapping whose names are texts, each once."""
        found: dict[Hashable, Any] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode) or key.value in found:
                raise yaml.constructor.ConstructorError(None, None, "a name stands there twice", key.start_mark)
            found[key.value] = self.construct_object(value, deep=True)
        return found


for kind, pattern, first in SCALARS:
    JsonLoader.add_implicit_resolver(f"tag:yaml.org,2002:{kind}", re.compile(f"^({pattern})$"), list(first))
JsonLoader.add_implicit_resolver("tag:yaml.org,2002:null", re.compile("^$"), [""])


def read_partners(files: Iterable[Path]) -> list[Any]:
    """The partners of these files, and of the `.yaml` and `.yml` files in these folders, as they are written.

    Raises `InvalidMessage`: not YAML, or not of this form. The finding names the file and the line, never the text.
    """
    found: list[Any] = []
    for file in _files(files):
        try:
            found += parsed_partners(file.read_text(encoding="utf-8"), str(file))
        except UnicodeDecodeError:
            refuse(str(file), "is not UTF-8")
    return found


def parsed_partners(text: str, file: str) -> list[Any]:
    """The partners of a file with this text. Raises `InvalidMessage`."""
    try:
        documents = list(yaml.load_all(text, JsonLoader))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        refuse(file, f"is not YAML of this kind{f', line {mark.line + 1}' if mark else ''}: {_problem(error)}")
    return [
        partner
        for document in documents
        if document is not None
        for partner in (document if isinstance(document, list) else [document])
    ]


def _files(paths: Iterable[Path]) -> Iterable[Path]:
    for path in paths:
        if path.is_dir():
            yield from sorted([*path.rglob("*.yaml"), *path.rglob("*.yml")])
        else:
            yield path


def _problem(error: yaml.YAMLError) -> str:
    """What is wrong, without the text around it: a secret may have been written where a reference belongs."""
    said = str(getattr(error, "problem", None) or "it cannot be read")
    return said if "'" not in said else "what stands there does not belong there"


def written(partners: Iterable[dict[str, Any]]) -> str:
    """Partners as a YAML file, each a document of its own, in the order of the contract."""
    return yaml.dump_all(
        list(partners), Dumper=JsonDumper, sort_keys=False, allow_unicode=True, default_flow_style=False, width=100
    )


class JsonDumper(yaml.SafeDumper):
    """Quotes what any reader of YAML could take for something else than a text."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    """By the resolvers of YAML 1.1, which is the widest: it takes NO, 12:30 and 2026-01-01 for something else."""
    ambiguous = dumper.resolve(yaml.ScalarNode, text, (True, False)) != TEXT  # type: ignore[no-untyped-call]
    return dumper.represent_scalar(TEXT, text, style='"' if ambiguous else None)


JsonDumper.add_representer(str, _text)
