"""Read a posted form: what was filled in, and what is wrong with it in words."""

from dataclasses import dataclass

from starlette.datastructures import UploadFile
from starlette.requests import Request

_LONGEST = 200


@dataclass(frozen=True, slots=True)
class Form:
    """The values of a form and, by field, its errors."""

    values: dict[str, str]
    errors: dict[str, str]

    def __getitem__(self, field: str) -> str:
        return self.values[field]


async def read_form(request: Request, *required: str, optional: tuple[str, ...] = ()) -> Form:
    """Return the named fields of the request's form, tidied and checked."""
    values = {}
    async with request.form() as posted:
        for field in required + optional:
            values[field] = _tidy(field, posted.get(field))
    filled = [field for field in values if values[field] or field in required]
    errors = {field: error for field in filled if (error := _error(field, values[field]))}
    return Form(values, errors)


def _tidy(field: str, value: UploadFile | str | None) -> str:
    if not isinstance(value, str):
        return ""
    if field == "password":
        return value
    return value.strip().lower() if field == "email" else value.strip()


def _error(field: str, value: str) -> str | None:
    if not value:
        return "Please fill this in."
    if len(value) > _LONGEST:
        return f"Please keep this under {_LONGEST} characters."
    if field == "email" and not ("@" in value.strip("@") and " " not in value):
        return "This does not look like an e-mail address."
    return None
