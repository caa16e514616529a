"""Forms as the dashboard shows them: our classes, errors at their fields, focus on the first."""

from collections.abc import Iterable
from typing import Any

from django import forms

from api.errors import ApiError
from dashboard.errors import said

_UNBOXED = (forms.CheckboxInput, forms.RadioSelect, forms.CheckboxSelectMultiple)


class Form(forms.Form):
    """A plain Django form with the look of the others."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            if not isinstance(field.widget, _UNBOXED):
                field.widget.attrs.setdefault("class", "input")

    def is_valid(self) -> bool:
        valid = super().is_valid()
        self.focus_first_error()
        return valid

    def refuse(self, error: ApiError) -> None:
        """What a verb would not do, said at the field that it names."""
        self.blame(error.param, said(error))

    def refuse_all(self, errors: Iterable[tuple[str, str]]) -> None:
        for name, message in errors:
            self.blame(name, message)

    def blame(self, name: str | None, message: str) -> None:
        self.add_error(name if name in self.fields else None, message)
        self.focus_first_error()

    def focus_first_error(self) -> None:
        for name in self.errors:
            if name in self.fields:
                self.fields[name].widget.attrs["autofocus"] = True
                return


def problems(detail: Any) -> list[tuple[str, str]]:
    """A serializer's errors as (field, sentence)."""
    return [(str(name), _first(inner)) for name, inner in dict(detail).items()]


def _first(detail: Any) -> str:
    while isinstance(detail, dict | list) and detail:
        detail = next(iter(detail.values())) if isinstance(detail, dict) else detail[0]
    return str(detail)
