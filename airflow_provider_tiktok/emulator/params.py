"""Reading parameters as strictly as the documents allow: ids are strings, arrays of a GET are JSON text."""

import json
from collections.abc import Collection, Mapping

from airflow_provider_tiktok.emulator.errors import parameter_error

MISSING: tuple[object, ...] = (None, "", [], {})


class Params:
    """The fields of one request. `encoded` = a query string, where everything is text."""

    def __init__(self, values: Mapping[str, object], *, encoded: bool) -> None:
        self._values = values
        self._encoded = encoded

    def require(self, *names: str) -> None:
        """Refuse the request when a required field is absent or empty. (C)"""
        missing = [name for name in names if self._values.get(name) in MISSING]
        if missing:
            raise parameter_error(f"Missing required field(s): {', '.join(missing)}")

    def has(self, name: str) -> bool:
        """Whether the field was sent with a value."""
        return self._values.get(name) not in MISSING

    def raw(self, name: str) -> object:
        """The value as sent; an encoded array or object is decoded."""
        value = self._values.get(name)
        if not self._encoded or not isinstance(value, str):
            return value
        try:
            return json.loads(value)
        except ValueError:
            raise parameter_error(f"{name}: expected a JSON-encoded array or object") from None

    def text(self, name: str, default: str = "") -> str:
        """A string; a JSON number or boolean is refused, as the documented type is string."""
        value = self._values.get(name)
        if value is None:
            return default
        if not isinstance(value, str):
            raise parameter_error(f"{name}: expected a string")
        return value

    def identifier(self, name: str) -> str:
        """One required id: a string of digits, since the gateway converts it to int64. (K)"""
        self.require(name)
        return _digits(name, self.text(name))

    def identifiers(self, name: str, *, most: int) -> list[str]:
        """A required array of 1 to `most` ids, each a JSON string. (K)"""
        self.require(name)
        value = self.raw(name)
        if not isinstance(value, list):
            raise parameter_error(f"{name}: expected an array of strings")
        if not 1 <= len(value) <= most:
            raise parameter_error(f"{name}: expected 1 to {most} ids, got {len(value)}")
        return [_digits(name, item) for item in value]

    def integer(self, name: str, default: int, low: int, high: int) -> int:
        """An optional whole number in a range."""
        value = self._values.get(name)
        if value is None:
            return default
        number = _whole(value, encoded=self._encoded)
        if number is None or not low <= number <= high:
            raise parameter_error(f"{name}: expected an integer from {low} to {high}")
        return number

    def choice(self, name: str, allowed: Collection[str], default: str) -> str:
        """An optional word out of a list."""
        value = self.text(name, default)
        if value not in allowed:
            raise parameter_error(f"{name}: expected one of {', '.join(allowed)}")
        return value

    def flag(self, name: str, *, default: bool) -> bool:
        """An optional JSON boolean."""
        value = self._values.get(name, default)
        if not isinstance(value, bool):
            raise parameter_error(f"{name}: expected a boolean")
        return value


def _digits(name: str, value: object) -> str:
    if not isinstance(value, str):
        raise parameter_error(f"{name}: ids must be strings")
    if not (value.isascii() and value.isdigit()):
        raise parameter_error(f"{name}: an id consists of digits")
    return value


def _whole(value: object, *, encoded: bool) -> int | None:
    if encoded and isinstance(value, str) and value.lstrip("-").isdigit():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def body_of(content_type: str, body: bytes, byte_cap: int) -> dict[str, object]:
    """The JSON object of a POST, or 40002: wrong content type, too large, or not valid JSON. (C)"""
    if content_type.partition(";")[0].strip().lower() != "application/json":
        raise parameter_error("Content-Type must be application/json")
    if len(body) > byte_cap:
        raise parameter_error(f"The request body is larger than {byte_cap} bytes")
    try:
        parsed = json.loads(body.decode("utf-8"))
    except (ValueError, RecursionError):
        raise parameter_error("The request body is not valid JSON") from None
    if not isinstance(parsed, dict):
        raise parameter_error("The request body must be a JSON object")
    return parsed


def page_of(params: Params, rows: list[dict[str, object]], *, most: int) -> dict[str, object]:
    """One page of `rows` and its page_info: page from 1, page_size default 10. (K)"""
    page = params.integer("page", 1, 1, 2**31 - 1)
    size = params.integer("page_size", 10, 1, most)
    info = {
        "page": page,
        "page_size": size,
        "total_number": len(rows),
        "total_page": -(-len(rows) // size),
    }
    return {"list": rows[(page - 1) * size : page * size], "page_info": info}
