"""One TOML table against one model: every fault found, in our words, with its place."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import MISSING, dataclass, fields
from typing import Any, TypeVar, get_type_hints

from pydantic import BaseModel, Field, ValidationError, create_model

from kaga_edge.config.characters import first_odd, plain_text
from kaga_edge.config.documents import Documents
from kaga_edge.config.faults import Code, Fault, Notes
from kaga_edge.config.lines import Path
from kaga_edge.config.models import ID_PATTERN, SAID_PATTERN, STRICT
from kaga_edge.config.syntax import LISTS
from kaga_edge.config.units import UnitFault, like, shown
from kaga_edge.text import Phrase

M = TypeVar("M", bound=BaseModel)

# Values that are ASCII by nature: by the code of their fault, the parameter that holds them.
_ASCII_VALUES = {
    Code.NO_UNIT: "value", Code.BAD_DURATION: "value", Code.BAD_SIZE: "value", Code.BAD_RATE: "value",
    Code.BAD_ID: "value", Code.NOT_ONE_OF: "value", Code.BAD_URL: "value", Code.BAD_SERIAL: "value",
    Code.BAD_ONEWIRE: "value", Code.BAD_ZONE: "value", Code.UNKNOWN_DRIVER: "name", Code.NO_SUCH_SENSOR: "id",
    Code.BAD_PORT: "port", Code.UNKNOWN_KEY: "name", Code.UNKNOWN_KEY_NEAR: "name",
}  # fmt: skip
_PLAIN_VALUE = re.compile(r"[-+]?(0x[0-9A-Fa-f]+|[0-9]+(\.[0-9]+)?)|true|false")
# pydantic's kinds of error -> what we say is expected there.
_EXPECTED = {
    "string": "type.text", "path": "type.text", "int": "type.integer", "float": "type.number",
    "bool": "type.bool", "list": "type.list", "tuple": "type.list", "dict": "type.table",
    "model": "type.table", "typed_dict": "type.table", "dataclass": "type.table",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """Where a table is judged: the documents it came from and the notes that faults go into."""

    documents: Documents
    notes: Notes

    def fault(self, path: Path, code: Code, **params: str | int | float) -> None:
        """Note a fault at ``path``; a full-width character in what should be ASCII is told as that."""
        value = str(params.get(_ASCII_VALUES.get(code, ""), ""))
        if char := first_odd(value):
            params = {"value": value, "char": char, "sign": f"U+{ord(char):04X}", "plain": plain_text(value)}
            code = Code.WIDE_INSIDE
        self.notes.faults.append(self._note(path, code, params))

    def warn(self, path: Path, code: Code, **params: str | int | float) -> None:
        """Note a warning at ``path``."""
        self.notes.warnings.append(self._note(path, code, params))

    def at(self, path: Path, *, seen_from: Path) -> Phrase:
        """Return where ``path`` stands: its line, with the file where that is another one."""
        file, line = self.documents.place(path)
        if file == self.documents.place(seen_from)[0]:
            return Phrase("at.line", n=line)
        return Phrase("at.file", file=file, n=line)

    def entries(self, kind: str | int = "sensor") -> Iterator[tuple[int, dict[str, Any]]]:
        """Yield every ``[[sensor]]`` (output, power) as written, so that a fault elsewhere hides nothing."""
        tables = self.documents.tree.get(str(kind), [])
        for index, entry in enumerate(tables if isinstance(tables, list) else [tables]):
            if isinstance(entry, dict):
                yield index, entry

    def written_ids(self) -> list[str]:
        """Return the id of every sensor, the faulty ones too."""
        return [str(entry["id"]) for _, entry in self.entries() if isinstance(entry.get("id"), str)]

    def _note(self, path: Path, code: Code, params: dict[str, str | int | float]) -> Fault:
        file, line = self.documents.place(path)
        return Fault(file=file, line=line, key=self.dotted(path), code=code, params=params)

    def dotted(self, path: Path) -> str:
        """Return ``sensor.level-1.i2c.address``: as a person says it, those with an id by it."""
        parts = [str(part) for part in path]
        if len(path) >= 2 and path[0] in LISTS and isinstance(path[1], int):
            name = dict(self.entries(path[0])).get(path[1], {}).get("id")
            parts[1] = name if isinstance(name, str) else f"#{path[1] + 1}"
        return ".".join(parts)


def read_table(desk: Desk, model: type[M], table: object, path: Path) -> M | None:
    """Return the model, or None with every fault of the table noted."""
    if not isinstance(table, dict):
        _no_table(desk, path, table, Phrase("type.table"))
        return None
    try:
        # By way of JSON: in pydantic's strict mode only JSON turns a list into a tuple.
        return model.model_validate_json(json.dumps(table, default=_dated))
    except ValidationError as error:
        for detail in error.errors(include_url=False):
            _translate(desk, model, table, path, detail)
    return None


def unknown_key(desk: Desk, path: Path, valid: Iterable[str], name: str | None = None) -> str | None:
    """Note an unknown key, with the nearest valid name, which is returned, when one is near."""
    import difflib  # only a wrong file needs it: the daemon stays small

    key = name or str(path[-1])
    by_plain = {one.lower(): one for one in valid}
    near = difflib.get_close_matches(plain_text(key).lower().replace("-", "_"), by_plain, n=1, cutoff=0.6)
    if near:
        desk.fault(path, Code.UNKNOWN_KEY_NEAR, name=key, near=by_plain[near[0]])
        return by_plain[near[0]]
    desk.fault(path, Code.UNKNOWN_KEY, name=key, valid=", ".join(sorted(by_plain.values())))
    return None


def model_of(dataclass_type: type[Any]) -> type[BaseModel]:
    """Return a strict model with the fields of a dataclass; ``metadata`` may hold ge, gt, le, lt."""
    hints = get_type_hints(dataclass_type)
    parts: dict[str, Any] = {}
    for one in fields(dataclass_type):
        bounds = {key: one.metadata[key] for key in ("ge", "gt", "le", "lt") if key in one.metadata}
        if one.default_factory is not MISSING:
            parts[one.name] = (hints[one.name], Field(default_factory=one.default_factory, **bounds))
        else:
            default = ... if one.default is MISSING else one.default
            parts[one.name] = (hints[one.name], Field(default=default, **bounds))
    made: type[BaseModel] = create_model(dataclass_type.__name__, __config__=STRICT, **parts)
    return made


def read_dataclass(desk: Desk, kind: type[Any], table: object, path: Path) -> Any:
    """Return an instance of the dataclass ``kind``, or None with the faults noted."""
    model = read_table(desk, model_of(kind), table, path)
    if model is None:
        return None
    try:
        return kind(**{one.name: getattr(model, one.name) for one in fields(kind)})
    except ValueError as error:  # a rule between options, stated by the driver in __post_init__
        desk.fault(path, Code.VALUE, reason=str(error))
        return None


# --- pydantic's findings in our words ---


def _translate(
    desk: Desk, model: type[BaseModel], table: dict[str, Any], path: Path, detail: Mapping[str, Any]
) -> None:
    where = (*path, *(part for part in detail["loc"] if part != "[key]"))
    kind, context = str(detail["type"]), detail.get("ctx") or {}
    if kind == "extra_forbidden":
        unknown_key(desk, where, _names(model, detail["loc"]))
    elif (kind == "missing" and isinstance(detail["loc"][-1], int)) or kind in ("too_long", "too_short"):
        short = where[:-1] if kind == "missing" else where
        desk.fault(short, Code.VALUE, reason=_count(short, context))
    elif kind == "finite_number":
        desk.fault(where, Code.WRONG_TYPE, expected=Phrase("type.number"), got=shown(detail["input"]))
    elif kind == "missing":
        if not {str(where[-1]), "*"} & desk.documents.left_out:
            desk.fault(where, Code.MISSING_KEY, name=str(where[-1]))
    elif kind == "value_error" and isinstance(context.get("error"), UnitFault):
        desk.fault(where, context["error"].code, **context["error"].params)
    elif kind == "string_pattern_mismatch":
        _mismatch(desk, where, str(detail["input"]), str(context.get("pattern")))
    elif kind in ("literal_error", "enum"):
        valid = ", ".join(re.findall(r"'([^']*)'", str(context["expected"])))
        desk.fault(where, Code.NOT_ONE_OF, value=shown(detail["input"]), valid=valid)
    elif bounds := [context[key] for key in ("ge", "gt", "le", "lt") if key in context]:
        _out_of_bounds(desk, where, detail, bounds[0], _value_at(table, detail["loc"]))
    else:
        _other(desk, model, where, kind, detail, _value_at(table, detail["loc"]))


def _mismatch(desk: Desk, where: Path, value: str, pattern: str) -> None:
    if pattern == ID_PATTERN:
        desk.fault(where, Code.BAD_ID, value=value)
    else:
        desk.fault(
            where, Code.VALUE, reason=Phrase("words.empty" if pattern == SAID_PATTERN else "date.form")
        )


def _out_of_bounds(desk: Desk, where: Path, detail: Mapping[str, Any], bound: float, written: object) -> None:
    sign = {"greater_than_equal": ">=", "greater_than": ">", "less_than_equal": "<=", "less_than": "<"}
    desk.fault(
        where,
        Code.OUT_OF_BOUNDS,
        value=shown(written),
        rule=f"{sign.get(str(detail['type']), '')} {like(written, bound)}".strip(),
    )


def _other(
    desk: Desk, model: type[BaseModel], where: Path, kind: str, detail: Mapping[str, Any], value: object
) -> None:
    for prefix, expected in _EXPECTED.items():
        if kind in (
            f"{prefix}_type",
            f"{prefix}_parsing",
            f"{prefix}_from_float",
            f"{prefix}_attributes_type",
        ):
            words = expected == "type.table" and set(_names(model, (*detail["loc"], ""))) == {"ja", "en"}
            _no_table(desk, where, value, Phrase("type.words" if words else expected))
            return
    desk.fault(where, Code.VALUE, reason=str(detail["msg"]))


def _no_table(desk: Desk, where: Path, value: object, expected: Phrase) -> None:
    """Note a value of a wrong kind; a table in double brackets is told as that."""
    if expected == "type.table" and isinstance(value, list) and all(isinstance(one, dict) for one in value):
        header = ".".join(str(part) for part in where if isinstance(part, str))
        desk.fault(where, Code.DOUBLE_BRACKETS, name=header)
    else:
        desk.fault(where, Code.WRONG_TYPE, expected=expected, got=_kind(value))


def _count(where: Path, context: Mapping[str, Any]) -> Phrase:
    """Return how many values the list needs."""
    if where == ("site", "position"):
        return Phrase("list.position")
    if "min_length" in context and context["min_length"] == 1:
        return Phrase("list.empty")
    return Phrase("list.count", n=context.get("min_length") or context.get("max_length") or 2)


def _names(model: type[BaseModel], loc: tuple[int | str, ...]) -> list[str]:
    """Return the valid keys of the table in which ``loc``'s last part was not known."""
    here: Any = model
    for part in loc[:-1]:
        here = _inner(here, part)
    if isinstance(here, type) and issubclass(here, BaseModel):
        return [one.alias or name for name, one in here.model_fields.items()]
    return list(getattr(here, "__annotations__", {}))


def _inner(kind: Any, part: int | str) -> Any:
    """Return the table type behind one key of a table type, as far as it can be told."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        for name, one in kind.model_fields.items():
            if part in (one.alias, name):
                return _table_type(one.annotation)
    return kind


def _table_type(annotation: Any) -> Any:
    for argument in getattr(annotation, "__args__", ()):
        if hasattr(argument, "__annotations__"):
            return argument
    return annotation


def _value_at(table: Any, loc: tuple[int | str, ...]) -> object:
    for part in loc:
        try:
            table = table[part]
        except (KeyError, IndexError, TypeError):
            break
    return table


def _kind(value: object) -> Phrase:
    if isinstance(value, int | float):
        return Phrase("type.this", value=shown(value))
    if isinstance(value, str) and _PLAIN_VALUE.fullmatch(value):
        return Phrase("type.quoted", value=value)
    for kind, name in ((str, "text"),):
        if isinstance(value, kind):
            return Phrase(f"type.{name}")
    if isinstance(value, list):
        return Phrase("type.list")
    return Phrase("type.table" if isinstance(value, dict) and "date" not in value else "type.date")


def _dated(value: object) -> object:
    """Turn a TOML date into something no key accepts, so that it is reported as a wrong type."""
    return {"date": str(value)}
