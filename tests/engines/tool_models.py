"""Tokenizers of the families that call tools: their templates' structure and marks alone."""

from functools import cache

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from inference.engines.base import GenerationRequest, Message, SamplingParams, Tool, ToolChoice
from inference.engines.local.tool_formats import ToolFormat, format_of

QWEN = """{% if tools %}<|im_start|>system
# Tools
<tools>{% for tool in tools %}
{{ tool | tojson }}{% endfor %}
</tools>
Return calls as <tool_call>
{"name": <function-name>, "arguments": <args-json-object>}
</tool_call><|im_end|>
{% endif %}{% for message in messages %}{% if message.role == 'tool' %}<|im_start|>user
<tool_response>
{{ message.content }}
</tool_response><|im_end|>
{% else %}<|im_start|>{{ message.role }}
{{ message.content }}{% for call in message.tool_calls %}\
{{ '\\n' if message.content or not loop.first else '' }}<tool_call>
{"name": "{{ call.function.name }}", "arguments": {{ call.function.arguments | tojson }}}
</tool_call>{% endfor %}<|im_end|>
{% endif %}{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant
{% endif %}"""

LLAMA = """{% if tools is not none %}Environment: ipython
{% for tool in tools %}{{ tool | tojson(indent=4) }}{% endfor %}{% endif %}\
{% for message in messages %}{% if message.tool_calls %}\
{% if message.tool_calls | length != 1 %}\
{{ raise_exception('This model only supports single tool-calls at once!') }}{% endif %}\
{% set call = message.tool_calls[0].function %}<|start|>assistant<|end|>

{"name": "{{ call.name }}", "parameters": {{ call.arguments | tojson }}}<|eot|>\
{% else %}<|start|>{{ 'ipython' if message.role == 'tool' else message.role }}<|end|>

{{ message.content }}<|eot|>{% endif %}{% endfor %}"""

MISTRAL = """{% if tools %}[AVAILABLE_TOOLS] {{ tools | tojson }}[/AVAILABLE_TOOLS]{% endif %}\
{% for message in messages %}{% if message.tool_calls %}[TOOL_CALLS] [\
{% for call in message.tool_calls %}{% if call.id | length != 9 %}\
{{ raise_exception('Tool call IDs should be alphanumeric strings with length 9!') }}{% endif %}\
{{ (call.function | tojson)[:-1] }}, "id": "{{ call.id }}"}\
{% if not loop.last %}, {% endif %}{% endfor %}]</s>\
{% elif message.role == 'tool' %}[TOOL_RESULTS] {"content": {{ message.content }}, \
"call_id": "{{ message.tool_call_id }}"}[/TOOL_RESULTS]\
{% else %}[INST] {{ message.content }}[/INST]{% endif %}{% endfor %}"""

MISTRAL_ARGUMENTS = """{% if tools %}[AVAILABLE_TOOLS]{{ tools | tojson }}{% endif %}\
{% for message in messages %}{{ message.content }}{% for call in message.tool_calls %}\
[TOOL_CALLS]{{ call.function.name }}[ARGS]{{ call.function.arguments | tojson }}\
{% endfor %}</s>{% endfor %}"""

CODER = """{% for tool in tools %}{{ tool | tojson }}{% endfor %}\
{% for message in messages %}{{ message.content }}{% for call in message.tool_calls %}<tool_call>
<function={{ call.function.name }}>{% for name, value in call.function.arguments | items %}
<parameter={{ name }}>{{ value }}</parameter>{% endfor %}
</function>
</tool_call>{% endfor %}{% endfor %}"""

IGNORING = QWEN.replace("{% if tools %}", "{% if false %}")
PLAIN = "{% for message in messages %}{{ message.content }}{% endfor %}"

# Template, and the special tokens that matter.
FAMILIES: dict[str, tuple[str, tuple[str, ...]]] = {
    "qwen": (QWEN, ("<|im_start|>", "<|im_end|>")),
    "llama": (LLAMA, ("<|start|>", "<|end|>", "<|eot|>", "<|python_tag|>")),
    "mistral": (MISTRAL, ("[TOOL_CALLS]", "[INST]", "[/INST]")),
    "mistral_arguments": (MISTRAL_ARGUMENTS, ("[TOOL_CALLS]", "[ARGS]")),
}
CITY = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}
WEATHER = Tool("get_weather", "What the weather is.", CITY)
TOOLS = (WEATHER, Tool("get", "Anything.", {}), Tool("ping"))


@cache
def tokenizer_of(template: str, specials: tuple[str, ...] = ()) -> PreTrainedTokenizerFast:
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=420,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        special_tokens=["</s>", *specials],
        show_progress=False,
    )
    made.train_from_iterator(
        ['{"name": "get_weather", "arguments": {"city": "Oslo"}}'] * 9, trainer
    )
    return PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]  # transformers leaves it untyped
        tokenizer_object=made, eos_token="</s>", chat_template=template
    )


@cache
def tokenizer(family: str) -> PreTrainedTokenizerFast:
    made = tokenizer_of(*FAMILIES[family])
    if family == "qwen":  # tokens of their own, though not special ones
        made.add_tokens(["<tool_call>", "</tool_call>"])
    return made


def known(family: str) -> ToolFormat:
    found = format_of(tokenizer(family))
    assert found is not None
    return found


def written(form: ToolFormat, *calls: tuple[str, str]) -> str:
    """Calls as the model of this format writes them."""
    each = [form.before[0] + name + form.middle[0] + args + form.after[0] for name, args in calls]
    return form.opening + form.between.join(each) + form.closing


def asking(
    *messages: Message,
    tools: tuple[Tool, ...] = TOOLS,
    choice: ToolChoice = ToolChoice(),  # noqa: B008 - frozen, so all may share it
    parallel: bool = True,
) -> GenerationRequest:
    return GenerationRequest(
        "r",
        "m",
        SamplingParams(temperature=0.0),
        messages=messages or (Message("user", "What is the weather in Oslo?"),),
        tools=tools,
        tool_choice=choice,
        parallel_tool_calls=parallel,
    )
