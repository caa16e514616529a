from pathlib import Path

import django.db.models.deletion
from django.db import migrations, models

import accounts.names
import django.core.validators

SQL = Path(__file__).resolve().parents[1] / "sql"


class Migration(migrations.Migration):
    dependencies = [("accounts", "0002_guards")]

    operations = [
        migrations.AddField(
            model_name="apikey",
            name="origin",
            field=models.ForeignKey(editable=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name="descendants", to="accounts.apikey"),
        ),
        migrations.RunSQL(
            (SQL / "meters.sql").read_text(),
            reverse_sql="ALTER TABLE accounts_apikey DROP CONSTRAINT origin_within_organisation",
        ),
        migrations.AlterField(
            model_name="organisation",
            name="default_model",
            field=models.CharField(blank=True, help_text="Model of calls that name none.", max_length=200, null=True, validators=[django.core.validators.RegexValidator("\\A[A-Za-z0-9][A-Za-z0-9._:/@+-]*\\Z", "A model's name has letters, digits and . _ : / @ + - and begins with a letter or digit.")]),
        ),
        migrations.AlterField(
            model_name="organisation",
            name="name",
            field=models.CharField(max_length=120, validators=[accounts.names.require_name]),
        ),
    ]
