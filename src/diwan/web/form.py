"""What a form said, after it was made sure that one of our own pages sent it."""

from __future__ import annotations

from hmac import compare_digest
from typing import Final
from urllib.parse import parse_qsl, urlsplit

import msgspec
from litestar.datastructures import UploadFile
from litestar.exceptions.http_exceptions import RequestEntityTooLarge

from diwan.terms.errors import Malformed, NotAllowed
from diwan.web.threads import reading
from diwan.web.visit import Asked, Visit

_FIELDS: Final = 2000
_NO_TEXT: Final = "A field of the form is not text in UTF-8. Nothing was done."
_MANY: Final = f"The form has more than {_FIELDS} fields. Nothing was done."
_PLAIN: Final = "application/x-www-form-urlencoded"
_OWN: Final = ("same-origin", "none")


class Form(msgspec.Struct, frozen=True):
    """The fields of a form in order, and the bytes of its files."""

    fields: tuple[tuple[str, str], ...]
    files: dict[str, bytes] = {}

    def one(self, name: str) -> str:
        """Return the first value of a field, empty where it was not sent."""
        return next((value for field, value in self.fields if field == name), "")

    def all(self, name: str) -> tuple[str, ...]:
        """Return every value of a field that is not empty."""
        return tuple(value for field, value in self.fields if field == name and value)


async def read_form(request: Asked, largest: int) -> Form:
    """Return what a form said.

    Raises:
        RequestEntityTooLarge: a file or a field is larger than `largest` bytes.
        Malformed: a field is not text in UTF-8, or there are too many of them.
    """
    if request.content_type[0] == _PLAIN:
        # In a thread, for some megabytes take a while; and not by the framework, which remembers what it took apart.
        return Form(tuple(await reading(_fields_in, await request.body())))
    fields, files = [], {}
    try:
        said = list((await request.form()).multi_items())
    except (UnicodeDecodeError, LookupError):
        raise Malformed(_NO_TEXT) from None
    if len(said) > _FIELDS:
        raise Malformed(_MANY)
    for name, value in said:
        if isinstance(value, UploadFile):
            files[name] = await value.read()
        else:
            fields.append((name, str(value)))
    if any(len(data) > largest for data in files.values()):
        raise RequestEntityTooLarge
    return Form(tuple(fields), files)


def _fields_in(body: bytes) -> list[tuple[str, str]]:
    try:
        return parse_qsl(body.decode(), keep_blank_values=True, errors="strict", max_num_fields=_FIELDS)
    except UnicodeDecodeError:
        raise Malformed(_NO_TEXT) from None
    except ValueError:  # too many, counted before any is taken apart
        raise Malformed(_MANY) from None


async def read_own_form(request: Asked, visit: Visit) -> Form:
    """Return what a form of one of our own pages said.

    Raises:
        NotAllowed: it does not carry the token of this session, so another site may have sent it.
    """
    form = await read_form(request, visit.house.settings.largest)
    check_token(visit.token, form.one("token"))
    return form


def check_token(wanted: str | None, token: str) -> None:
    """Refuse what a browser sends without the token of its session; a program's own token is enough.

    Raises:
        NotAllowed: the token is another session's, or none.
    """
    if wanted is not None and not compare_digest(wanted.encode(), token.encode()):
        raise NotAllowed("This form is not from a page of your present session. Load the page anew. Nothing was done.")


def check_origin(request: Asked) -> None:
    """Refuse what a browser says it sends for another site (ASVS 5.0, 3.5.1).

    Raises:
        NotAllowed: the request says where it comes from, and it is not here.
    """
    site = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    foreign = (
        site not in _OWN if site is not None else origin is not None and _host(origin) != request.headers.get("host")
    )
    if foreign:
        raise NotAllowed("This was sent by a page of another site. Nothing was done.")


def _host(origin: str) -> str | None:
    try:
        return urlsplit(origin).netloc
    except ValueError:  # not an address at all: nobody's
        return None
