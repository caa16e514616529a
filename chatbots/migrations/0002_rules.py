from pathlib import Path
from typing import ClassVar

from django.db import migrations
from django.db.migrations.operations.base import Operation

SQL = Path(__file__).resolve().parents[1] / "sql"
BACK = """
ALTER TABLE chatbots_message DROP CONSTRAINT message_chat;
ALTER TABLE chatbots_conversation DROP CONSTRAINT chat_visitor, DROP CONSTRAINT chat_chatbot;
ALTER TABLE chatbots_seen DROP CONSTRAINT seen_chatbot;
ALTER TABLE chatbots_visitor DROP CONSTRAINT visitor_chatbot;
ALTER TABLE chatbots_chatbot DROP CONSTRAINT chatbot_key, DROP CONSTRAINT chatbot_live;
DROP TRIGGER versions_are_final ON chatbots_version;
DROP FUNCTION chatbots_version_is_final();
ALTER TABLE chatbots_version DROP CONSTRAINT version_chatbot;
"""


class Migration(migrations.Migration):
    dependencies: ClassVar[list[tuple[str, str]]] = [("chatbots", "0001_chatbots")]

    operations: ClassVar[list[Operation]] = [
        migrations.RunSQL((SQL / "rules.sql").read_text(), BACK)
    ]
