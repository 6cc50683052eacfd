"""What pydantic finds wrong, in the words of who sent it: no names of classes, no regular expressions."""

from dataclasses import dataclass
from functools import lru_cache
from re import compile as compiled
from typing import Any

from pydantic import BaseModel, GetCoreSchemaHandler, GetJsonSchemaHandler, ValidationError
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

# By pydantic's type; braces name values of its context. What is not here keeps pydantic's words.
WORDS = {
    "missing": "must be given",
    "string_type": "must be a text",
    "string_unicode": "must be a text of whole characters: it holds half of a surrogate pair",
    "string_too_short": "must not be empty",
    "string_too_long": "must have at most {max_length} characters",
    "int_type": "must be an integer",
    "int_parsing": "must be an integer",
    "int_from_float": "must be an integer",
    "int_parsing_size": "must be an integer of fewer digits",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "finite_number": "must be a finite number",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "literal_error": "must be {expected}",
    "greater_than": "must be greater than {gt}",
    "greater_than_equal": "must be {ge} or more",
    "less_than": "must be less than {lt}",
    "less_than_equal": "must be {le} or less",
    "list_type": "must be a list: [...]",
    "too_long": "must have at most {max_length} entries",
    "dict_type": "must be an object: {{...}}",
}
OBJECTS = ("model_type", "model_attributes_type")


@dataclass(frozen=True, slots=True)
class Shape:
    """Which texts a field takes: `Annotated[str, Shape(pattern, words)]`; others are refused in these words."""

    pattern: str
    words: str

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Judge the text once it is known to be one."""
        return core_schema.no_info_after_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """Show the pattern in the documentation."""
        return {**handler(schema), "pattern": f"^{self.pattern}$"}

    def _check(self, text: str) -> str:
        if compiled(self.pattern).fullmatch(text) is None:
            raise PydanticCustomError("string_pattern_mismatch", "{words}", {"words": self.words})
        return text


def wrong_values(error: ValidationError, model: type[BaseModel]) -> list[dict[str, Any]]:
    """Return an entry of `detail` for each value that `model` refused; `loc` begins within it."""
    entries = error.errors(include_url=False, include_input=False)
    return [{"loc": list(entry["loc"]), "msg": _words(entry, model), "type": entry["type"]} for entry in entries]


def _words(entry: Any, model: type[BaseModel]) -> str:
    kind, context = entry["type"], entry.get("ctx", {})
    if kind in OBJECTS:
        return f"must be an object with {', '.join(_names(model, context.get('class_name', '')))}"
    text: str = entry["msg"]
    is_own = not text.startswith(("Input ", "String ", "Field ", "List ", "Value "))
    if kind == "string_too_short" and context.get("min_length", 1) > 1:
        return f"must have at least {context['min_length']} characters"
    return text if is_own or kind not in WORDS else WORDS[kind].format_map(context)


@lru_cache(maxsize=64)
def _names(model: type[BaseModel], class_name: str) -> tuple[str, ...]:
    """Return the fields of the model, or of the one within it that has this name."""
    schema = model.model_json_schema()
    return tuple(schema.get("$defs", {}).get(class_name, schema)["properties"])
