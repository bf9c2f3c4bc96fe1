"""What a batch leaves: templates meet, turns meet completions, hostile rows stay, and no text gets through."""

from __future__ import annotations

import json
import time

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.sketch.exchanges import KEY, NO_RULES, batch_of, kept, rule, sketched

from stillwatch.arrow_types import arrow_schema
from stillwatch.errors import UsageError
from stillwatch.records.tables import FINGERPRINTS, KEPT, TURNS
from stillwatch.sketch import SEED_VERSION, compile_rules, sketch_batch
from stillwatch.sketch.identifiers import canonical_addresses, hash_identifiers, networks


def talk(*messages: tuple[str, object]) -> str:
    return json.dumps([{"role": role, "content": content} for role, content in messages])


def test_an_empty_batch_follows_the_layouts() -> None:
    done = sketched()
    assert [b.num_rows for b in done] == [0, 0, 0]
    assert [b.schema for b in done] == [arrow_schema(KEPT), arrow_schema(FINGERPRINTS), arrow_schema(TURNS)]


TEMPLATES = {
    "Latn": "Please rewrite the following customer letter in a warm and friendly tone for {}, then sign it for {} today.",  # noqa: E501
    "Cyrl": "Пожалуйста, перепиши следующее письмо клиента в тёплом и дружеском тоне для {}, потом подпиши за {} сегодня.",  # noqa: E501
    "Arab": "من فضلك أعد كتابة رسالة العميل التالية بأسلوب ودود ودافئ من أجل {} ثم وقعها باسم {} اليوم",
    "Kore": "다음 고객 편지를 따뜻하고 친근한 어조로 다시 작성해 주세요 대상은 {} 그리고 서명은 {} 로 오늘 해 주세요",
    "Thai": "กรุณาเขียนจดหมายของลูกค้าต่อไปนี้ใหม่ด้วยน้ำเสียงที่เป็นมิตรสำหรับ {} แล้วลงชื่อให้ {} วันนี้",
    "Jpan": "次のお客様からの手紙を温かく親しみやすい口調で書き直してください。宛先は {} で、署名は {} でお願いします。",  # noqa: E501
    "Hans": "请把下面这封客户来信用温暖友好的语气重新写一遍，收信人是 {}，然后今天以 {} 的名义签字。",
}


@pytest.mark.parametrize("script", list(TEMPLATES))
def test_one_template_with_other_slots_meets_in_every_script(script: str) -> None:
    template = TEMPLATES[script]
    done = sketched({"prompt": template.format(12, 7)}, {"prompt": template.format("Zoe", "Bob")},
                    {"prompt": template.format(99, 4)}, accounts=[1, 2, 3])  # fmt: skip
    numbers, other, again = done.kept.to_pylist()
    own = {a: {r["fingerprint"] for r in done.fingerprints.to_pylist() if r["account"] == a} for a in (1, 2, 3)}
    assert numbers["script"] == script
    assert numbers["opening"] == other["opening"] == again["opening"] is not None
    assert numbers["masked"] == again["masked"] != other["masked"]
    assert numbers["prompt"] != again["prompt"]
    assert own[1] == own[3] and own[1] & own[2]


def test_a_turn_in_a_history_equals_the_completion_it_was() -> None:
    said = 'Hé "x" \\ \n\t😀 \u2028 ends  '
    done = sketched(
        {"prompt": "hi", "completion": said},
        {"messages": talk(("user", "hi"), ("assistant", said), ("user", "go on"))},
        {"messages": json.dumps(json.loads(talk(("assistant", [{"type": "text", "text": said}]))), ensure_ascii=False)},
    )
    turns = done.turns.to_pylist()
    assert len(turns) == 1 and turns[0]["n"] == 2
    assert turns[0]["turn"] == done.kept.to_pylist()[0]["completion"]


HOSTILE = ["", "null", "7", "{}", "[", "[[[[[", "[" * 5000, '[{"role":"user"}', '[{"role":1,"content":null}]', '["\\', "[{]",  # noqa: E501
           '[{"role":"user","content":"\\u\\u\\u\\ud800"}]', '[{"role":"user","content":[1,{"type":"text"},{"text":[]}]}]',  # noqa: E501
           '[{"role":"user","content":"x"}] trailing', '[{"content":{"a":[{}]}}]', '[{"role":"user","content":"a"},]']  # fmt: skip  # noqa: E501


def test_hostile_conversations_keep_their_row_and_fall_back_to_the_prompt() -> None:
    rows = kept(*({"messages": text, "prompt": "the words of the prompt column"} for text in HOSTILE))
    plain = kept({"prompt": "the words of the prompt column"})[0]["prompt"]
    assert len(rows) == len(HOSTILE)
    broken = [row for row, text in zip(rows, HOSTILE, strict=True) if text in ("", "null", "[", "[{]", "[[[[[")]
    assert all(row["prompt"] == plain and row["turns"] is None for row in broken)


@given(st.lists(st.text(max_size=60), min_size=1, max_size=6), st.booleans())
@settings(max_examples=60, deadline=None)
def test_any_text_reads_the_same_from_json_as_from_a_column(texts: list[str], ascii_only: bool) -> None:
    texts = [t.encode("utf-8", "replace").decode() for t in texts]
    as_json = [json.dumps([{"role": "user", "content": t}], ensure_ascii=ascii_only) for t in texts]
    ours = ("prompt", "masked", "opening", "closing", "topic", "prompt_words")
    for one, other in zip(kept(*({"prompt": t} for t in texts)), kept(*({"messages": j} for j in as_json)), strict=True):  # noqa: E501
        if one["prompt"] is not None and other["prompt_chars"]:
            assert [one[c] for c in ours] == [other[c] for c in ours]
        assert one["prompt_chars"] == other["prompt_chars"] or not other["prompt_chars"]


def test_no_text_is_left_in_what_is_kept() -> None:
    secret = "Xylophone quokka"
    row = dict.fromkeys(("prompt", "system", "completion", "ip", "user_agent", "org_id", "key_id", "session_id", "end_user_id", "client_fingerprint", "country"), secret)  # fmt: skip  # noqa: E501
    done = sketched({**row, "tools": [secret], "messages": talk(("assistant", secret), ("user", secret))})
    assert not any(secret.lower() in str(batch.to_pylist()).lower() for batch in done)


def test_invalid_utf8_does_no_harm() -> None:
    bad = pa.Array.from_buffers(pa.string(), 1, [None, pa.py_buffer(np.array([0, 3], np.int32)), pa.py_buffer(b"a\xff\xe0")])  # noqa: E501
    batch = batch_of({"prompt": "x"})
    at = batch.schema.get_field_index("prompt")
    done = sketch_batch(batch.set_column(at, batch.schema.field(at), bad), np.zeros(1, np.int32), KEY, NO_RULES)
    assert done.kept.to_pylist()[0]["prompt_chars"] == 3


def test_the_order_of_rows_does_not_matter() -> None:
    rows = [{"prompt": f"tell me about the number {i} and the story of the man who lived there", "exchange_id": f"y{i}"}
            for i in range(20)]  # fmt: skip
    one, other = sketched(*rows), sketched(*rows[::-1])
    drop = ("started_at",)
    by_id = [sorted(str({k: v for k, v in r.items() if k not in drop}) for r in s.kept.to_pylist()) for s in (one, other)]  # noqa: E501
    sums = [sorted((r["fingerprint"], r["n"]) for r in s.fingerprints.to_pylist()) for s in (one, other)]
    assert by_id[0] == by_id[1] and sums[0] == sums[1]


def test_public_hashes_ignore_the_key_and_keyed_ones_do_not() -> None:
    batch = batch_of({"prompt": TEMPLATES["Latn"], "org_id": "o"})
    one, other = (sketch_batch(batch, np.zeros(1, np.int32), key, NO_RULES) for key in (b"one", b"other"))
    a, b = one.kept.to_pylist()[0], other.kept.to_pylist()[0]
    assert [a[c] for c in ("opening", "closing", "topic")] == [b[c] for c in ("opening", "closing", "topic")]
    assert one.fingerprints.equals(other.fingerprints)
    assert all(a[c] != b[c] for c in ("prompt", "masked", "org"))
    assert SEED_VERSION == 1


def test_rules_match_each_text_alone() -> None:
    rules = compile_rules([rule(3, "^alpha"), rule(2, "omega$"), rule(9, r"tail\s+head"), rule(4, r"\bword\b"),
                           rule(8, "mine", applies_to=("system",))])  # fmt: skip
    rows = kept({"prompt": "ALPHA tail"}, {"prompt": "head a word\nalpha"}, {"prompt": "x omega", "system": "mine"}, {},
                rules=rules)  # fmt: skip
    assert [row["patterns"] for row in rows] == [[3], [4], [2], None]
    assert [row["system_patterns"] for row in rows] == [None, None, [8], None]
    with pytest.raises(UsageError, match="rule r5"):
        compile_rules([rule(4, "good"), rule(5, "(?<=a)b")])


def test_addresses_have_one_spelling_and_a_network() -> None:
    ips = pa.array(["1.2.3.4", "::ffff:1.2.3.4", "2001:DB8::0:1", "junk", None, "1.2.3.4:80", "01.2.3.4", ""])
    assert canonical_addresses(ips).to_pylist()[:6] == ["1.2.3.4", "1.2.3.4", "2001:db8::1", "junk", None, "1.2.3.4"]
    nets = ["1.2.3.0/24", "1.2.3.0/24", "2001:db8::/48", None, None, "1.2.3.0/24", None, None]
    assert networks(ips).to_pylist() == nets
    hashed = hash_identifiers(pa.array(["a", None, "", "a"]), "org", KEY).to_pylist()
    assert hashed[0] == hashed[3] and hashed[1] is hashed[2] is None
    assert hashed[0] != hash_identifiers(pa.array(["a"]), "key", KEY).to_pylist()[0]


def test_reading_is_linear_in_quotation_marks() -> None:
    kept({"prompt": "\"'“`" * 10})
    begun = time.process_time()
    kept({"prompt": "“ ` \" ``` " * 90_000})
    assert time.process_time() - begun < 2
