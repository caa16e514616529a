"""Which keys are good is asked by the ledger, too."""

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).resolve().parents[1] / "sql"


class Migration(migrations.Migration):
    dependencies = [("accounts", "0009_browser_language")]

    operations = [
        migrations.RunSQL((SQL / "good_keys.sql").read_text(), "DROP FUNCTION accounts_good_keys()")
    ]
