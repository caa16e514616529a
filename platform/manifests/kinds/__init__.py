"""All kinds by name, in the order in which a folder is applied."""

from typing import Final

from manifests.kinds import api_keys, chatbots, knowledge_files, organisations, prices, webhooks
from manifests.kinds.base import Kind

KINDS: Final[dict[str, Kind]] = {
    kind.name: kind
    for kind in sorted(
        (
            organisations.KIND, prices.KIND, chatbots.KIND, knowledge_files.KIND, webhooks.KIND,
            api_keys.KIND,
        ),
        key=lambda kind: kind.rank,
    )
}  # fmt: skip
