"""Chat templates of the kinds that checkpoints have, and what transformers renders with them.

Writes `tests/goldens/chat_ids.jsonl`, cases with a checkpoint of `tests/goldens/checkpoints`: its `ids` of the text, without any
that its tokenizer would add, and `typed`, those of the sentence. Writes `tests/goldens/chat.jsonl`: a line a case with the template, the special tokens, the system message (or none), the
sentence, and the `text` that transformers renders, or the `error` that the template raises. The templates are in the
style of the families named; dates are those of SOURCE_DATE_EPOCH 1720000000 (3 July 2024).
"""

import datetime
import json
from pathlib import Path
from unittest import mock

import jinja2
from tokenizers import Tokenizer
from transformers.utils import chat_template_utils as utils

OUT = Path(__file__).parent.parent.parent / "tests" / "goldens" / "chat.jsonl"
DATE = datetime.datetime.fromtimestamp(1720000000, datetime.timezone.utc)

TEMPLATES = {
    "chatml": """{% for message in messages %}{{'<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n'}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}""",
    "qwen": """{%- if tools %}
    {{- '<|im_start|>system\\n' }}{{- tools | tojson }}
{%- else %}
    {%- if messages[0]['role'] == 'system' %}
        {{- '<|im_start|>system\\n' + messages[0]['content'] + '<|im_end|>\\n' }}
    {%- else %}
        {{- '<|im_start|>system\\nYou are a helpful assistant.<|im_end|>\\n' }}
    {%- endif %}
{%- endif %}
{%- set ns = namespace(multi_step_tool=true, last_query_index=messages|length - 1) %}
{%- for message in messages[::-1] %}
    {%- set index = (messages|length - 1) - loop.index0 %}
    {%- if ns.multi_step_tool and message.role == "user" and message.content is string and not(message.content.startswith('<tool_response>') and message.content.endswith('</tool_response>')) %}
        {%- set ns.multi_step_tool = false %}
        {%- set ns.last_query_index = index %}
    {%- endif %}
{%- endfor %}
{%- for message in messages %}
    {%- if (message.role == "user") or (message.role == "system" and not loop.first) or (message.role == "assistant" and not message.tool_calls) %}
        {{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>' + '\\n' }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\\n' }}
    {%- if enable_thinking is defined and enable_thinking is false %}
        {{- '<think>\\n\\n</think>\\n\\n' }}
    {%- endif %}
{%- endif %}
""",
    "llama2": """{% if messages[0]['role'] == 'system' %}{% set loop_messages = messages[1:] %}{% set system_message = messages[0]['content'] %}{% else %}{% set loop_messages = messages %}{% set system_message = false %}{% endif %}{% for message in loop_messages %}{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') }}{% endif %}{% if loop.index0 == 0 and system_message != false %}{% set content = '<<SYS>>\\n' + system_message + '\\n<</SYS>>\\n\\n' + message['content'] %}{% else %}{% set content = message['content'] %}{% endif %}{% if message['role'] == 'user' %}{{ bos_token + '[INST] ' + content.strip() + ' [/INST]' }}{% elif message['role'] == 'assistant' %}{{ ' '  + content.strip() + ' ' + eos_token }}{% endif %}{% endfor %}""",
    "llama3": """{{- bos_token }}
{%- if custom_tools is defined %}
    {%- set tools = custom_tools %}
{%- endif %}
{%- if not date_string is defined %}
    {%- if strftime_now is defined %}
        {%- set date_string = strftime_now("%d %b %Y") %}
    {%- else %}
        {%- set date_string = "26 Jul 2024" %}
    {%- endif %}
{%- endif %}
{%- if not tools is defined %}
    {%- set tools = none %}
{%- endif %}

{#- This block extracts the system message, so we can slot it into the right place. #}
{%- if messages[0]['role'] == 'system' %}
    {%- set system_message = messages[0]['content']|trim %}
    {%- set messages = messages[1:] %}
{%- else %}
    {%- set system_message = "" %}
{%- endif %}

{#- System message #}
{{- "<|start_header_id|>system<|end_header_id|>\\n\\n" }}
{%- if tools is not none %}
    {{- "Environment: ipython\\n" }}
{%- endif %}
{{- "Cutting Knowledge Date: December 2023\\n" }}
{{- "Today Date: " + date_string + "\\n\\n" }}
{{- system_message }}
{{- "<|eot_id|>" }}

{%- for message in messages %}
    {%- if not (message.role == 'ipython' or message.role == 'tool' or 'tool_calls' in message) %}
        {{- '<|start_header_id|>' + message['role'] + '<|end_header_id|>\\n\\n'+ message['content'] | trim + '<|eot_id|>' }}
    {%- elif 'tool_calls' in message %}
        {{- message.tool_calls[0].function | tojson }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}
{%- endif %}
""",
    "gemma": """{{ bos_token }}{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}{% for message in messages %}{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') }}{% endif %}{% if (message['role'] == 'assistant') %}{% set role = 'model' %}{% else %}{% set role = message['role'] %}{% endif %}{{ '<start_of_turn>' + role + '\\n' + message['content'] | trim + '<end_of_turn>\\n' }}{% endfor %}{% if add_generation_prompt %}{{'<start_of_turn>model\\n'}}{% endif %}""",
    "gemma3": """{{ bos_token }}
{%- if messages[0]['role'] == 'system' -%}
    {%- if messages[0]['content'] is string -%}
        {%- set first_user_prefix = messages[0]['content'] + '\\n\\n' -%}
    {%- else -%}
        {%- set first_user_prefix = messages[0]['content'][0]['text'] + '\\n\\n' -%}
    {%- endif -%}
    {%- set loop_messages = messages[1:] -%}
{%- else -%}
    {%- set first_user_prefix = "" -%}
    {%- set loop_messages = messages -%}
{%- endif -%}
{%- for message in loop_messages -%}
    {%- if (message['role'] == 'assistant') -%}
        {%- set role = "model" -%}
    {%- else -%}
        {%- set role = message['role'] -%}
    {%- endif -%}
    {{ '<start_of_turn>' + role + '\\n' + (first_user_prefix if loop.first else "") }}
    {%- if message['content'] is string -%}
        {{ message['content'] | trim }}
    {%- elif message['content'] is iterable -%}
        {%- for item in message['content'] -%}
            {%- if item['type'] == 'text' -%}{{ item['text'] | trim }}{%- endif -%}
        {%- endfor -%}
    {%- else -%}
        {{ raise_exception("Invalid content type") }}
    {%- endif -%}
    {{ '<end_of_turn>\\n' }}
{%- endfor -%}
{%- if add_generation_prompt -%}
    {{'<start_of_turn>model\\n'}}
{%- endif -%}
""",
    "zephyr": """{% for message in messages %}
{% if message['role'] == 'user' %}
{{ '<|user|>\\n' + message['content'] + eos_token }}
{% elif message['role'] == 'system' %}
{{ '<|system|>\\n' + message['content'] + eos_token }}
{% elif message['role'] == 'assistant' %}
{{ '<|assistant|>\\n'  + message['content'] + eos_token }}
{% endif %}
{% if loop.last and add_generation_prompt %}
{{ '<|assistant|>' }}
{% endif %}
{% endfor %}""",
    "deepseek": """{% if not add_generation_prompt is defined %}{% set add_generation_prompt = false %}{% endif %}{% set ns = namespace(is_first=false, is_tool=false, is_output_first=true, system_prompt='', is_first_sp=true) %}{%- for message in messages %}{%- if message['role'] == 'system' %}{%- if ns.is_first_sp %}{% set ns.system_prompt = ns.system_prompt + message['content'] %}{% set ns.is_first_sp = false %}{%- else %}{% set ns.system_prompt = ns.system_prompt + '\\n\\n' + message['content'] %}{%- endif %}{%- endif %}{%- endfor %}{{ bos_token }}{{ ns.system_prompt }}{%- for message in messages %}{%- if message['role'] == 'user' %}{%- set ns.is_tool = false -%}{{'<|User|>' + message['content']}}{%- endif %}{%- if message['role'] == 'assistant' and message['content'] is not none %}{% set content = message['content'] %}{% if '</think>' in content %}{% set content = content.split('</think>')[-1] %}{% endif %}{{'<|Assistant|>' + content}}{%- endif %}{%- endfor -%}{% if add_generation_prompt %}{{'<|Assistant|>'}}{% endif %}""",
    "macros": """{%- macro shown(name, options) -%}
{{ name | upper }}={{ options | tojson }}
{%- endmacro -%}
{%- for key, value in {"b": [1, 2.5, none, true], "a": {"x": "<&'\\"é"}} | dictsort -%}
{{ shown(key, value) }};
{%- endfor %}
{% for m in messages %}{% if loop.index > 5 %}{% break %}{% endif %}{% if not m.content %}{% continue %}{% endif %}
  {% generation %}
{{ loop.index }}/{{ loop.length }} {{ m.role.title() }}: {{ m.content.replace("o", "0").split(" ") | join("_") }} {{ m["content"][:3] }}{{ "%s-%d" | format(m.role, loop.index) }}
  {% endgeneration %}
{% endfor %}
{{ messages | selectattr("role", "equalto", "user") | map(attribute="content") | list | length }} {{ messages[-1].content.rstrip("!").lstrip() }} {{ "a,b".split(",")[1] ~ 3 // 2 }} {{ strftime_now("%Y-%m-%d") }} {{ [3,1,2] | sort | first }} {{ undefined_thing }} {{ tools is none }} {{ {"indented": [1]} | tojson(indent=2) }}
{{ messages[-1].content }}""",
    "json": """{%- set tool = {"type": "function", "name": "look", "about": {"é": "<&'\\"\\n", "a": [], "b": {}, "c": [{}]}} -%}
{{ cls_token }}{{ image_token }}{{ messages[-1].content }}{{ sep_token }}{{ mask_token }}
{{ tool | tojson }} {{ messages | tojson }} {{ tool | tojson(sort_keys=true, separators=(",", ":")) }} {{ tool | tojson(ensure_ascii=true) }}
{{ tool | tojson(indent=2, ensure_ascii=False) }} {{ dict(z=1, y="😀") | tojson(ensure_ascii=True) }} {% for key in {"b": 1, "a": 2} %}{{ key }}{% endfor %}
{% generation %}{% set kept = 1 %}{{ kept }}{% endgeneration %}{{ kept is defined }} {{ "abc" is iterable }} {{ "abc" is sequence }} {{ {} is sequence }} {{ none is iterable }} {{ 3 is sequence }} {{ missing is sequence }} {{ "hello world, all" | truncate(length=8) }} {{ "<b>x</b>" | striptags }}{% set comma = joiner(", ") %}{{ comma() }}{{ comma() }}
{{ messages[-1].content }}""",
    "undefined": "{{ messages[-1].content }}{{ missing | tojson }}",
}  # fmt: skip
SPECIALS = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "pad_token": "<pad>", "sep_token": "<sep>",
            "cls_token": "<cls>", "mask_token": "<mask>", "image_token": "<image>"}  # fmt: skip
CASES = [(None, "Why does it rain?"), ("Be brief.", "Why does it rain?"), (None, "  two lines\n and spaces !! "), ("é 猫", "猫 sat, didn't it?")]


def rendered(template: str, system: str | None, sentence: str) -> dict[str, str]:
    messages = [{"role": "system", "content": system}] * (system is not None) + [{"role": "user", "content": sentence}]
    try:
        [text], _ = utils.render_jinja_template([messages], chat_template=template, add_generation_prompt=True, **SPECIALS)
        return {"text": text}
    except (jinja2.exceptions.TemplateError, TypeError) as error:
        return {"error": str(error)}


def ids_case(checkpoint: str, template: str, system: str | None, sentence: str) -> dict:
    folder = OUT.parent / "checkpoints" / checkpoint
    tokenizer, config = Tokenizer.from_file(str(folder / "tokenizer.json")), json.loads((folder / "config.json").read_text())
    eos = config["eos_token_id"]
    bos, eos = map(tokenizer.id_to_token, (config["bos_token_id"], eos[-1] if isinstance(eos, list) else eos))
    messages = [{"role": "system", "content": system}] * (system is not None) + [{"role": "user", "content": sentence}]
    [text], _ = utils.render_jinja_template(
        [messages], chat_template=template, add_generation_prompt=True, bos_token=bos, eos_token=eos
    )
    # The checkpoints take 96 tokens.
    encoding, first = tokenizer.encode(text, add_special_tokens=False), text.rindex(sentence)
    inside = [i for i, (a, b) in enumerate(encoding.offsets) if a < first + len(sentence) and b > first]
    return {"checkpoint": checkpoint, "template": template, "system": system, "sentence": sentence, "text": text,
            "ids": encoding.ids, "typed": [inside[0], inside[-1] + 1]}  # fmt: skip


def main() -> None:
    with OUT.with_name("chat_ids.jsonl").open("w") as out:
        for checkpoint in ("llama3", "llama2", "qwen2"):
            for name, system in (("llama2", None), ("gemma", None), ("deepseek", "é")):
                case = ids_case(checkpoint, TEMPLATES[name], system, "birds; 猫")
                out.write(json.dumps(case, ensure_ascii=False) + "\n")
    with mock.patch.object(utils, "datetime", mock.Mock(now=lambda: DATE)), OUT.open("w") as out:
        for name, template in TEMPLATES.items():
            for system, sentence in CASES:
                case = {"name": name, "template": template, "system": system, "sentence": sentence}
                case |= rendered(template, system, sentence)
                out.write(json.dumps({**case, **SPECIALS}, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
