"""Migrations leave the web processes of the version before at work: they run while those answer."""

from collections.abc import Iterator

import pytest
from django.db import migrations
from django.db.migrations.loader import MigrationLoader
from django.db.models import NOT_PROVIDED

RULED_FROM = {  # the first migration of each app that anybody ran beside an older process
    "accounts": 10, "billing": 12, "chatbots": 8, "files": 3, "inference": 4, "knowledge": 6,
    "batches": 1, "fine_tuning": 1,
}  # fmt: skip
TAKES_AWAY = (
    migrations.RemoveField,
    migrations.RenameField,
    migrations.RenameModel,
    migrations.DeleteModel,
)


def ruled() -> Iterator[tuple[str, migrations.Migration]]:
    for (app, name), migration in MigrationLoader(None).disk_migrations.items():
        if app in RULED_FROM and int(name[:4]) >= RULED_FROM[app] and not migration.initial:
            yield f"{app}.{name}", migration


@pytest.mark.parametrize(
    "migration", [pytest.param(migration, id=name) for name, migration in sorted(ruled())]
)
def test_a_process_that_does_not_know_a_migration_can_go_on(
    migration: migrations.Migration,
) -> None:
    """It writes rows without the new columns, and reads those that it knows."""
    for step in migration.operations:
        assert not isinstance(step, TAKES_AWAY), "take it away in the version after this one"
        if isinstance(step, migrations.AddField):
            known = step.field.null or step.field.db_default is not NOT_PROVIDED
            assert known or step.field.many_to_many, f"{step.name} needs null or db_default"
