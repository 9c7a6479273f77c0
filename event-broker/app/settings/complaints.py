"""Pydantic's complaints in the words of whoever wrote the value.

Data come in; a model goes out, or the same `ValidationError` with what pydantic says in terms of
Python's types said otherwise. Places, kinds and values stay as they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails, InitErrorDetails, PydanticCustomError

from .times import CLOCK_TIME

_Model = TypeVar("_Model", bound=BaseModel)

#: The pattern of an address of the web.
WEB_ADDRESS = r"^https?://[^\s/]+"

_SECTION = "should be keys with values (key: value)"
_LIST = "should be a list"
_WORDS = {
    **dict.fromkeys(("model_type", "model_attributes_type", "dict_type"), _SECTION),
    **dict.fromkeys(("list_type", "tuple_type"), _LIST),
    **dict.fromkeys(("uuid_parsing", "uuid_type"), "should be an id as lists show it"),
}
#: What our patterns ask for, by the pattern.
_SHAPES: Mapping[str, str] = {
    CLOCK_TIME: 'should be a time such as "09:30", in quotes',
    WEB_ADDRESS: "should be an address that begins with http:// or https://",
}


def validate(model: type[_Model], data: object) -> _Model:
    """`data` as `model`; raises `ValidationError`."""
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise ValidationError.from_exception_data(
            error.title, [_worded(detail) for detail in error.errors()]
        ) from None


def _worded(detail: ErrorDetails) -> InitErrorDetails:
    words = {"words": _words(detail["type"], detail["msg"], detail.get("ctx", {}))}
    return InitErrorDetails(
        # In the context: braces of the words mean nothing.
        type=PydanticCustomError(detail["type"], "{words}", words),
        loc=detail["loc"],
        input=detail["input"],
    )


def _words(kind: str, message: str, context: Mapping[str, Any]) -> str:
    if kind == "string_pattern_mismatch":
        return _SHAPES.get(context["pattern"], "has characters that are not allowed")
    return _WORDS.get(kind, message.removeprefix("Input ").removeprefix("Value error, "))
