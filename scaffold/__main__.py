"""The command line: `make connector`, `make step` and `make workflow` call it."""

import argparse
import sys
from pathlib import Path

from scaffold import generators
from scaffold.names import Name, NotGenerated
from scaffold.tree import Tree


def generate(root: Path, kind: str, name: str, *, system: str = "wms", subject: str = "inventory") -> tuple[str, ...]:
    """Write what a kind needs into a tree. Gives the paths, and what is left to do. Raises NotGenerated."""
    tree, named = Tree(root), Name(name)
    if kind == "connector":
        left = generators.connector(tree, named, system)
    elif kind == "step":
        left = generators.step(tree, named, system)
    else:
        left = generators.workflow(tree, named, subject)
    written = tree.write()
    if kind == "step":
        tree.run("schemas.export.contracts")
    elif kind == "workflow":
        tree.run("tests.replay.record")
    return (*written, f"Next: {left}")


def main() -> None:
    """Say what was written. What cannot be generated ends with 2 and the reason, and nothing is written."""
    parser = argparse.ArgumentParser(prog="python -m scaffold", description=__doc__)
    parser.add_argument("kind", choices=["connector", "step", "workflow"])
    parser.add_argument("name")
    parser.add_argument("--system", default="wms", help="of a connector or step: erp, wms or tms")
    parser.add_argument("--subject", default="inventory", help="of a workflow: the folder it stands in")
    given = parser.parse_args()
    try:
        said = generate(Path.cwd(), given.kind, given.name, system=given.system, subject=given.subject)
    except NotGenerated as why:
        parser.error(str(why))
    sys.stdout.write("\n".join(said) + "\n")


if __name__ == "__main__":
    main()
