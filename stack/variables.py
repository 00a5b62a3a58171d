"""Settings as environment variables: how the processes of a stack are told."""

import json
from collections.abc import Mapping
from typing import Any

from schemas.connections import BY_REGION
from schemas.settings import variable


def environment(values: Mapping[str, Any]) -> dict[str, str]:
    """Settings by field name as the environment variables that `schemas.settings` reads; those by region one by one."""
    plain = {name: value for name, value in values.items() if name not in BY_REGION}
    of_regions = {
        f"{name}__{region}__{field}": value
        for name in BY_REGION & values.keys()
        for region, fields in values[name].items()
        for field, value in fields.items()
    }
    return {
        variable(name): value if isinstance(value, str) else json.dumps(value)
        for name, value in (plain | of_regions).items()
    }
