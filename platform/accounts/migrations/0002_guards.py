from pathlib import Path

from django.db import migrations

SQL = Path(__file__).resolve().parents[1] / "sql"


class Migration(migrations.Migration):
    dependencies = [("accounts", "0001_accounts")]

    operations = [
        migrations.RunSQL(
            (SQL / "guards.sql").read_text(),
            reverse_sql="""
                ALTER TABLE accounts_apikey DROP CONSTRAINT replaced_within_organisation;
                DROP TRIGGER audit_entries_are_final ON accounts_auditentry;
                DROP FUNCTION accounts_auditentry_is_final();
            """,
        )
    ]
