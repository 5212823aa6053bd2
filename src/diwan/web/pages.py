"""Pages: templates of the shell and of every desk, in each language, filled and sent."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Final

from babel.support import NullTranslations
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from litestar import Response
from litestar.enums import MediaType

from diwan.house import House
from diwan.web.files import Files
from diwan.web.language import LANGUAGES, Language, Say, catalogue, speaker
from diwan.web.visit import Visit
from diwan.web.wording import install

_SHELL: Final = Path(str(files("diwan.web")))


class Pages:
    """What turns a template and a view into an answer."""

    def __init__(self, house: House, static: Files) -> None:
        """Find the templates and catalogues of the shell and, beside it, of each desk; the shell's names come first."""
        packages = [Path(str(files(desk.package))) for desk in house.desks.values() if desk.package]
        templates = [_SHELL / "layout", *(package / "templates" for package in packages)]
        catalogues = [_SHELL / "locale", *(package / "locale" for package in packages)]
        self._house: Final = house
        messages = {code: catalogue(language, catalogues) for code, language in LANGUAGES.items()}
        self._says: Final = {code: speaker(said) for code, said in messages.items()}
        self._environments: Final = {code: _environment(templates, said) for code, said in messages.items()}
        for code, environment in self._environments.items():
            install(environment, LANGUAGES[code], messages[code])
        self._always: Final = {
            "node": house.settings.title,
            "static": static.address,
            "languages": tuple(LANGUAGES.values()),
            "boards": tuple(board for desk in house.desks.values() for board in desk.boards),
        }

    def gettext(self, language: Language) -> Say:
        """Return the gettext of a language, for the few sentences that are put together outside a template."""
        return self._says[language.code]

    def fill(self, language: Language, template: str, **view: object) -> str:
        """Return a page for nobody in particular: signing in, and refusals."""
        return (
            self._environments[language.code]
            .get_template(template)
            .render(
                {**self._always, "tongue": language, "language": language.code, "visit": None, "here": "", "base": ""},
                **view,
            )
        )

    def page(
        self, visit: Visit, template: str, view: Mapping[str, object], *, here: str = "", status: int = 200
    ) -> Response[str]:
        """Return a page for a visit; `here` is the menu's entry that it belongs to."""
        environment = self._environments[visit.language.code]
        always = {
            **self._always,
            "tongue": visit.language,
            "language": visit.language.code,
            "visit": visit,
            "here": here,
            "base": visit.base,
            "world": visit.world,
            "reader": visit.hand.reader,
            "rules": self._house.rules(),
            "now": visit.room.now,
        }
        text = environment.get_template(template).render({**always, **view})
        return Response(text, media_type=MediaType.HTML, status_code=status)


def _environment(templates: list[Path], messages: NullTranslations) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(templates),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
        extensions=["jinja2.ext.i18n"],
    )
    environment.install_gettext_translations(messages, newstyle=True)  # type: ignore[attr-defined]
    return environment
