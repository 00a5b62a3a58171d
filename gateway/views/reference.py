"""The OpenAPI document arranged for the reference page. Pure."""

from dataclasses import dataclass
from typing import Any

_METHODS = ("get", "post", "put", "patch", "delete")
"""HTTP methods that an OpenAPI path has operations for."""
_REF = "#/components/schemas/"


@dataclass(frozen=True)
class Type:
    """A type as it is read: `text`, and the schema it leads to."""

    text: str
    schema: str = ""


@dataclass(frozen=True)
class ReferenceField:
    """A member of a schema, or a parameter of an operation."""

    name: str
    type: Type
    required: bool
    note: str


@dataclass(frozen=True)
class ReferenceBody:
    """A body that is sent (`label` is its media type) or an answer (`label` is its status)."""

    label: str
    type: Type
    note: str = ""


@dataclass(frozen=True)
class ReferenceOperation:
    """An operation of the API."""

    id: str
    method: str
    path: str
    summary: str
    description: str
    public: bool
    parameters: list[ReferenceField]
    bodies: list[ReferenceBody]
    answers: list[ReferenceBody]


@dataclass(frozen=True)
class Schema:
    """A named contract: its members, or the values that it may have."""

    name: str
    description: str
    fields: list[ReferenceField]
    values: list[str]


@dataclass(frozen=True)
class Reference:
    """Everything on the page. `sections` are the operations by tag."""

    title: str
    description: str
    sections: dict[str, list[ReferenceOperation]]
    schemas: list[Schema]


def reference_of(document: dict[str, Any]) -> Reference:
    """Arrange an OpenAPI document as this gateway makes it."""
    sections: dict[str, list[ReferenceOperation]] = {}
    for path, item in document["paths"].items():
        for method in _METHODS:
            if method in item:
                operation = item[method]
                sections.setdefault(operation["tags"][0], []).append(_operation(method, path, operation))
    return Reference(
        title=document["info"]["title"],
        description=document["info"]["description"],
        sections=sections,
        schemas=[_schema(name, schema) for name, schema in sorted(document["components"]["schemas"].items())],
    )


def _operation(method: str, path: str, operation: dict[str, Any]) -> ReferenceOperation:
    content = operation.get("requestBody", {}).get("content", {})
    return ReferenceOperation(
        id=operation["operationId"],
        method=method.upper(),
        path=path,
        summary=operation["summary"],
        description=operation["description"],
        public=operation.get("security") == [],
        parameters=[
            ReferenceField(p["name"], _type(p["schema"]), p.get("required", False), p.get("description", ""))
            for p in operation.get("parameters", [])
        ],
        bodies=[ReferenceBody(media_type, _type(body["schema"])) for media_type, body in content.items()],
        answers=[_answer(status, response) for status, response in sorted(operation["responses"].items())],
    )


def _answer(status: str, response: dict[str, Any]) -> ReferenceBody:
    for content in response.get("content", {}).values():
        return ReferenceBody(status, _type(content.get("schema", {})), response["description"])
    return ReferenceBody(status, Type(""), response["description"])


def _schema(name: str, schema: dict[str, Any]) -> Schema:
    required = schema.get("required", [])
    fields = [
        ReferenceField(member, _type(definition), member in required, definition.get("description", ""))
        for member, definition in schema.get("properties", {}).items()
    ]
    return Schema(name, schema.get("description", ""), fields, [str(value) for value in schema.get("enum", [])])


def _type(schema: dict[str, Any]) -> Type:
    if "$ref" in schema:
        name = schema["$ref"].removeprefix(_REF)
        return Type(name, name)
    if options := [option for option in schema.get("anyOf", []) if option.get("type") != "null"]:
        types = [_type(option) for option in options]
        return Type(" or ".join(t.text for t in types), types[0].schema)
    if schema.get("type") == "array":
        item = _type(schema.get("items", {}))
        return Type(f"list of {item.text}", item.schema)
    if "const" in schema:
        return Type(f'"{schema["const"]}"')
    return Type(schema.get("format") or schema.get("type", ""))
