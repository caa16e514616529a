from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('knowledge', '0003_internal_stores'),
    ]

    operations = [
        migrations.AddField(
            model_name='storefile',
            name='done',
            field=models.PositiveIntegerField(default=0),
        ),
        migrations.AddField(
            model_name='storefile',
            name='embedded_by',
            field=models.CharField(blank=True, help_text='Of all its vectors.', max_length=200),
        ),
        migrations.AddField(
            model_name='storefile',
            name='of',
            field=models.PositiveIntegerField(help_text='Empty: not known yet.', null=True),
        ),
        migrations.AddField(
            model_name='storefile',
            name='stage',
            field=models.CharField(choices=[('reading', 'reading its pages'), ('cutting', 'cutting its characters into chunks'), ('embedding', 'embedding its chunks')], default='reading', max_length=9),
        ),
        # What was completed before has chunks already.
        migrations.RunSQL("UPDATE knowledge_storefile SET stage = 'embedding' WHERE status = 'completed'", migrations.RunSQL.noop),
    ]
