"""Refuses sampling parameters that could harm a step, before they get near it.

The gateway has its own, stricter rules; these keep the engine whole whoever calls it.
"""

from dataclasses import fields

from inference.engines.base import GenerationRequest, InvalidGeneration, SamplingParams

SEEDS = 1 << 63

# name: (lowest, highest), both allowed
RANGES: dict[str, tuple[float, float]] = {
    "temperature": (0, 100),
    "top_p": (0, 1),
    "top_k": (0, 1 << 30),
    "min_p": (0, 1),
    "presence_penalty": (-2, 2),
    "frequency_penalty": (-2, 2),
    "repetition_penalty": (0.01, 100),
    "n": (1, 128),
    "top_logprobs": (0, 20),
}
WHOLE = {"top_k", "n", "top_logprobs"}
MAX_STOPS = 16
MAX_STOP_LENGTH = 1024
MAX_BIASES = 1024
MAX_BIAS = 100


def check(params: SamplingParams, vocabulary: int, slots: int) -> None:
    """Raises InvalidGeneration naming the parameter."""
    for field in fields(params):
        if field.name in RANGES:
            _check_range(field.name, getattr(params, field.name))
    if params.n > slots:
        raise InvalidGeneration(f"This engine answers at most {slots} choices at once.", "n")
    seed = params.seed
    if seed is not None and not (_is_whole(seed) and -SEEDS <= seed < SEEDS):
        raise InvalidGeneration("seed must be a whole number of 64 bits.", "seed")
    _check_stops(params.stop)
    _check_bias(params, vocabulary)


def check_prompt(request: GenerationRequest) -> None:
    """Raises InvalidGeneration: `echo` and `suffix` go with some prompts only."""
    if request.echo and request.prompt is None:
        raise InvalidGeneration("Messages cannot be echoed. Send a prompt.", "echo")
    if request.suffix is None:
        return
    if not isinstance(request.prompt, str):
        raise InvalidGeneration("suffix goes with a prompt that is text.", "suffix")
    if request.echo:
        raise InvalidGeneration("suffix does not go together with echo.", "suffix")


def _check_range(name: str, value: object) -> None:
    lowest, highest = RANGES[name]
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not lowest <= value <= highest or (name in WHOLE and not _is_whole(value)):  # type: ignore[operator]  # a number, as just tested
        kind = "a whole number" if name in WHOLE else "a number"
        raise InvalidGeneration(f"{name} must be {kind} from {lowest} to {highest}.", name)


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _check_stops(stops: tuple[str, ...]) -> None:
    if len(stops) > MAX_STOPS or not all(0 < len(stop) <= MAX_STOP_LENGTH for stop in stops):
        raise InvalidGeneration(
            f"stop takes up to {MAX_STOPS} texts of 1 to {MAX_STOP_LENGTH} characters.", "stop"
        )


def _check_bias(params: SamplingParams, vocabulary: int) -> None:
    if len(params.logit_bias) > MAX_BIASES:
        raise InvalidGeneration(f"logit_bias takes up to {MAX_BIASES} tokens.", "logit_bias")
    for token, bias in params.logit_bias.items():
        if not 0 <= token < vocabulary:
            raise InvalidGeneration(
                f"Token ids in logit_bias are 0 to {vocabulary - 1} for this model.", "logit_bias"
            )
        if not abs(bias) <= MAX_BIAS:  # so that NaN is refused, too
            raise InvalidGeneration(
                f"Values in logit_bias are -{MAX_BIAS} to {MAX_BIAS}.", "logit_bias"
            )
