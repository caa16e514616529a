"""`manage.py models …`, and what it says."""

from io import StringIO

from django.core.management import call_command

PRICED = ("--input-price", "0.50", "--output-price", "1.5")


def models(*arguments: object) -> str:
    output = StringIO()
    call_command("models", *map(str, arguments), stdout=output, stderr=output)
    return output.getvalue()
