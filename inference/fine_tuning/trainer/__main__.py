"""Trains what `spec.json` in a folder describes; told by JSON lines how far it is."""

import os
import sys
from pathlib import Path
from typing import Final

from inference.fine_tuning.trainer.spec import TRAINING, VALIDATION, Plan, Refused, Spec
from inference.fine_tuning.trainer.talk import Talk

POLITE: Final = 10  # live answers come first


def main() -> int:
    folder = Path(sys.argv[1])
    talk = Talk()
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

    from inference.fine_tuning.trainer.examples import Examples  # noqa: PLC0415 - see above
    from inference.fine_tuning.trainer.training import Training  # noqa: PLC0415 - see above

    torch.set_num_threads(max(1, len(os.sched_getaffinity(0)) // 2))
    spec = Spec.read(folder)
    examples = Examples(Path(spec.base), spec.context)
    rows = examples.read(folder / TRAINING, "training_file")
    validation = []
    if (folder / VALIDATION).exists():
        validation = examples.read(folder / VALIDATION, "validation_file")
    plan = Plan.of(spec, len(rows), sum(len(row.tokens) for row in rows))
    if plan.total_tokens > spec.most_tokens:
        raise Refused(
            "too_many_tokens",
            f"{plan.total_tokens:,} tokens would be trained; a job takes {spec.most_tokens:,}. "
            "Use fewer examples or epochs.",
            "training_file",
        )
    talk.tell(
        "counted", examples=plan.examples, total_tokens=plan.total_tokens, steps=plan.steps,
        n_epochs=plan.n_epochs, batch_size=plan.batch_size,
        learning_rate_multiplier=plan.learning_rate_multiplier,
    )  # fmt: skip
    talk.wait_for_go()
    if talk.is_to_stop:
        return
    try:
        Training(folder, spec, plan, rows, validation).run(talk)
    except torch.OutOfMemoryError as error:
        message = "The model and its training do not fit the accelerator's memory."
        raise Refused("out_of_memory", message) from error


if __name__ == "__main__":
    sys.exit(main())
