"""Trains what `spec.json` in a folder describes; told by JSON lines how far it is."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from django.conf import settings

from inference.fine_tuning.trainer.spec import TRAINING, VALIDATION, Plan, Refused, Spec
from inference.fine_tuning.trainer.talk import Talk

if TYPE_CHECKING:
    from inference.fine_tuning.trainer.examples import Row

POLITE: Final = 10  # live answers come first


def main() -> int:
    folder = Path(sys.argv[1])
    talk = Talk()
    settings.configure(USE_I18N=False)  # what is wrong with a line is told in English, without apps
    os.nice(POLITE)
    os.environ["HF_HUB_OFFLINE"] = "1"  # before transformers is imported: it looks once
    try:
        _train(folder, talk)
    except Refused as refused:
        talk.tell("refused", code=refused.code, message=refused.message, param=refused.param)
    return 0


def _train(folder: Path, talk: Talk) -> None:
    # Torch takes seconds: who starts us hears of a wrong folder before.
    import torch  # noqa: PLC0415 - see above

    from inference.fine_tuning.trainer.training import Training  # noqa: PLC0415 - see above

    torch.set_num_threads(max(1, len(os.sched_getaffinity(0)) // 2))
    spec = Spec.read(folder)
    rows, validation = _rows(folder, spec)
    plan = Plan.of(spec, len(rows), sum(len(row.tokens) for row in rows))
    _require_bounded(plan, spec)
    talk.tell("counted", steps=plan.steps, total_tokens=plan.total_tokens, **plan.figures)
    talk.wait_for_go()
    if talk.is_to_stop:
        return
    try:
        Training(folder, spec, plan, rows, validation).run(talk)
    except torch.OutOfMemoryError as error:
        message = "The model and its training do not fit the accelerator's memory."
        raise Refused("out_of_memory", message) from error


def _rows(folder: Path, spec: Spec) -> "tuple[list[Row], list[Row]]":
    """To learn from, and to be judged by."""
    from inference.fine_tuning.trainer.examples import Examples  # noqa: PLC0415 - as above

    examples = Examples(Path(spec.base), spec.context)
    rows, held_out = examples.read(folder / TRAINING, "training_file"), folder / VALIDATION
    return rows, examples.read(held_out, "validation_file") if held_out.exists() else []


def _require_bounded(plan: Plan, spec: Spec) -> None:
    if plan.total_tokens > spec.most_tokens:
        raise Refused(
            "too_many_tokens",
            f"{plan.total_tokens:,} tokens would be trained; a job takes {spec.most_tokens:,}. "
            "Use fewer examples or epochs.",
            "training_file",
        )


if __name__ == "__main__":
    sys.exit(main())
