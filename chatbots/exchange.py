"""A chatbot's configuration as a YAML file, and back; what is wrong is named with its line."""

from typing import Final

import yaml
from django.utils.translation import gettext as _
from pydantic import ValidationError

from api import strict_yaml
from api.errors import InvalidRequest
from chatbots.configuration import Configuration
from inference.schemas.refusals import refusal

LARGEST: Final = 256 * 1024  # characters
HEAD: Final = "# A chatbot of Smarter: import it with POST /v1/chatbots/{name}/import.\n"


def written(configuration: Configuration) -> str:
    return HEAD + yaml.dump(
        configuration.stored(), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=88
    )


def read(text: str) -> Configuration:
    """Raises InvalidRequest: `line 12: Invalid 'limits.messages': …`."""
    try:
        documents = strict_yaml.documents(text, LARGEST)
    except strict_yaml.NotPlainYaml as error:
        raise InvalidRequest(str(error), code="invalid_yaml") from None
    if len(documents) != 1 or not isinstance(documents[0].value, dict):
        raise InvalidRequest(_("line 1: the file should hold fields, as an export does."))
    (document,) = documents
    try:
        return Configuration.model_validate(document.value)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        refused = refusal(first)
        # Names in brackets are pydantic's own: members of a union.
        place = tuple(at for at in first["loc"] if not str(at).startswith("("))
        line = _("line %(number)d") % {"number": document.line(place)}
        refused.message = f"{line}: {refused.message}"
        raise refused from None


class _Dumper(yaml.SafeDumper):
    """Texts of several lines as blocks, which people read and change."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)
