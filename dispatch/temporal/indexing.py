"""The search attributes of a workflow from its first moment."""

from collections.abc import Mapping
from typing import Any

from temporalio.common import SearchAttributeKey, SearchAttributePair, TypedSearchAttributes


def indexed(values: Mapping[SearchAttributeKey[Any], Any]) -> TypedSearchAttributes:
    """Search attributes, but for those without a value."""
    return TypedSearchAttributes([SearchAttributePair(key, value) for key, value in values.items() if value])
