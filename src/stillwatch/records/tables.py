"""The layouts of every table that crosses from one room to another, as (column, type, meaning).

Types are names, so that this room needs nothing but the standard library; `store/arrow_types.py`
turns them into Arrow schemas. A null means *unknown*, never zero.
"""

from __future__ import annotations

from typing import NamedTuple


class Column(NamedTuple):
    """One column: its name, its type's name (``list<T>`` for lists), and what it holds."""

    name: str
    type: str
    meaning: str


#: What a dialect yields: the contract's exchange (section 1), one row a call. Text is still here.
EXCHANGE: tuple[Column, ...] = (
    Column("exchange_id", "string", "unique id of the call"),
    Column("started_at", "timestamp", "when the request arrived, UTC"),
    Column("account_id", "string", "billing identity"),
    Column("model", "string", "model asked for"),
    Column("org_id", "string", "organisation"),
    Column("key_id", "string", "credential"),
    Column("end_user_id", "string", "the customer's own user"),
    Column("session_id", "string", "conversation"),
    Column("channel", "string", "pathway"),
    Column("messages", "string", "the conversation as a JSON array of {role, content}, oldest first"),
    Column("prompt", "string", "the last user message where messages is absent"),
    Column("system", "string", "system prompt where messages does not hold it"),
    Column("completion", "string", "what the model answered"),
    Column("finish_reason", "string", "stop, length, tool_use, refusal, content_filter, ..."),
    Column("input_tokens", "int64", "as billed"),
    Column("output_tokens", "int64", "as billed"),
    Column("reasoning_tokens", "int64", "as billed"),
    Column("temperature", "float64", "as the client asked"),
    Column("top_p", "float64", "as the client asked"),
    Column("max_tokens", "int64", "as the client asked"),
    Column("n", "int64", "as the client asked"),
    Column("logprobs", "bool", "as the client asked"),
    Column("stream", "bool", "as the client asked"),
    Column("tools", "list<string>", "names of the tools offered; [] where none were, null where unknown"),
    Column("status", "int64", "HTTP status"),
    Column("latency_ms", "float64", "milliseconds"),
    Column("cost_usd", "float64", "US dollars"),
    Column("ip", "string", "client address"),
    Column("asn", "int64", "autonomous system number"),
    Column("country", "string", "ISO 3166 country of the client"),
    Column("user_agent", "string", "client's user agent"),
    Column("client_fingerprint", "string", "e.g. JA4"),
)

#: What is kept of an exchange (store/exchanges): no text. ``hash`` is a signed 64-bit keyed hash;
#: ``public`` is a 64-bit hash with the public, versioned seed, equal at every provider.
KEPT: tuple[Column, ...] = (
    Column("exchange_id", "string", "as given: the provider needs it to act"),
    Column("started_at", "timestamp", "UTC, microseconds"),
    Column("account", "int32", "account number; store.account_ids() turns it into account_id"),
    Column("model", "string", "bounded, control characters removed"),
    Column("channel", "string", "bounded"),
    Column("org", "int64", "hash"),
    Column("key", "int64", "hash"),
    Column("end_user", "int64", "hash"),
    Column("session", "int64", "hash"),
    Column("ip", "int64", "hash of the canonical address"),
    Column("net", "int64", "hash of the /24 or /48"),
    Column("asn", "int64", "hash of the AS number"),
    Column("country", "string", "two letters, upper case"),
    Column("user_agent", "int64", "hash"),
    Column("client", "int64", "hash of client_fingerprint and user_agent together; null where both lack"),
    Column("tools", "int64", "hash of the set of tool names; 0 where none were offered, null where unknown"),
    Column("tool_count", "int16", "tools offered"),
    Column("prompt", "int64", "hash of the last user message, case and white space folded"),
    Column("masked", "int64", "hash of the same with numbers and quotations masked"),
    Column("opening", "int64", "public hash of its first words (numbers masked)"),
    Column("closing", "int64", "public hash of its last words (numbers masked)"),
    Column("topic", "int64", "public SimHash64 of its words: adds up over exchanges to a direction"),
    Column("system", "int64", "hash of the system prompt, folded; null where there is none or it is unknown"),
    Column("system_opening", "int64", "public hash of its first words"),
    Column("prompt_chars", "int32", "characters of the last user message"),
    Column("prompt_words", "int32", "words (or characters of scripts without spaces)"),
    Column("system_chars", "int32", "characters"),
    Column("completion_chars", "int32", "characters"),
    Column("completion", "int64", "hash of the whole answer, ends trimmed"),
    Column("turns", "int16", "messages in the conversation as sent; null where only `prompt` is known"),
    Column("assistant_turns", "int16", "assistant messages in the inbound history"),
    Column("history", "int64", "hash of all inbound messages but the last user message; null where there are none"),
    Column("parts_unread", "int16", "content parts that were not text (images, tool calls ...)"),
    Column("script", "string", "Latn, Hans, Jpan, Kore, Arab, Cyrl, Thai, Deva, Zyyy ... (ISO 15924 guess)"),
    Column("language", "string", "ISO 639-1 guess, null where undecided"),
    Column("patterns", "list<int16>", "codes of the rules that the last user message matched, ascending"),
    Column("system_patterns", "list<int16>", "codes of the rules that the system prompt matched, ascending"),
    Column("finish_reason", "string", "bounded, lower case"),
    Column("input_tokens", "int32", ""),
    Column("output_tokens", "int32", ""),
    Column("reasoning_tokens", "int32", ""),
    Column("temperature", "float32", ""),
    Column("top_p", "float32", ""),
    Column("max_tokens", "int32", ""),
    Column("n", "int16", ""),
    Column("logprobs", "bool", ""),
    Column("stream", "bool", ""),
    Column("status", "int16", ""),
    Column("latency_ms", "float32", ""),
    Column("cost_usd", "float32", ""),
)

#: Sampled shingles of last user messages (store/fingerprints), summed for each part file.
FINGERPRINTS: tuple[Column, ...] = (
    Column("account", "int32", "account number"),
    Column("fingerprint", "int64", "public hash of a shingle"),
    Column("n", "int32", "exchanges of this account in this part that hold it"),
    Column("first_at", "timestamp", ""),
    Column("last_at", "timestamp", ""),
)

#: Assistant turns found in inbound histories (store/turns), summed for each part file.
TURNS: tuple[Column, ...] = (
    Column("account", "int32", "account number"),
    Column("turn", "int64", "hash of the assistant turn, ends trimmed: comparable with KEPT.completion"),
    Column("n", "int32", "exchanges of this account in this part whose history holds it"),
    Column("first_at", "timestamp", ""),
    Column("last_at", "timestamp", ""),
)

#: What the provider knows of a customer (contract section 2), as the accounts file gives it.
ACCOUNT: tuple[Column, ...] = (
    Column("account_id", "string", ""),
    Column("created_at", "timestamp", ""),
    Column("org_id", "string", ""),
    Column("plan", "string", ""),
    Column("kind", "string", "individual, business, enterprise, education, research, startup, reseller"),
    Column("verification", "string", "none, email, phone, identity, business"),
    Column("email_domain", "string", ""),
    Column("email_shape", "string", "local part with letters as a, digits as 9"),
    Column("email_hash", "string", ""),
    Column("phone_hash", "string", ""),
    Column("payment_fingerprint", "string", ""),
    Column("payment_kind", "string", "card, virtual_card, prepaid, invoice, credits"),
    Column("device_fingerprint", "string", ""),
    Column("signup_ip", "string", ""),
    Column("signup_country", "string", ""),
    Column("referrer", "string", ""),
    Column("status", "string", "active, suspended, closed"),
    Column("status_changed_at", "timestamp", ""),
    Column("allow", "string", "a reason: this account's bulk use is agreed"),
    Column("allow_until", "timestamp", ""),
)

#: The same as kept: identifiers hashed with the domain of the exchange column that they may meet.
KEPT_ACCOUNT: tuple[Column, ...] = (
    Column("account_id", "string", "as given"),
    Column("created_at", "timestamp", ""),
    Column("org", "int64", "hash, comparable with KEPT.org"),
    Column("plan", "string", ""),
    Column("kind", "string", ""),
    Column("verification", "string", ""),
    Column("email_domain", "int64", "hash"),
    Column("email_shape", "string", "letters a, digits 9; bounded"),
    Column("email", "int64", "hash of email_hash"),
    Column("phone", "int64", "hash of phone_hash"),
    Column("payment", "int64", "hash of payment_fingerprint"),
    Column("payment_kind", "string", ""),
    Column("device", "int64", "hash"),
    Column("signup_ip", "int64", "hash, comparable with KEPT.ip"),
    Column("signup_net", "int64", "hash, comparable with KEPT.net"),
    Column("signup_country", "string", ""),
    Column("referrer", "int64", "hash"),
    Column("status", "string", ""),
    Column("status_changed_at", "timestamp", ""),
    Column("allow", "string", "reason, bounded"),
    Column("allow_until", "timestamp", ""),
)

#: Contract section 3.
RELEASE: tuple[Column, ...] = (
    Column("model", "string", ""),
    Column("released_at", "timestamp", ""),
)

#: Contract section 5, `findings/campaigns.parquet`.
CAMPAIGNS: tuple[Column, ...] = (
    Column("campaign_id", "string", "stable from sweep to sweep"),
    Column("title", "string", ""),
    Column("score", "float64", "0..100, calibrated probability in percent"),
    Column("label", "string", "clear, mixed, likely, very likely, almost certain"),
    Column("kind", "string", "distillation, relay, replay, account_network"),
    Column("conduct_score", "float64", "0..100: does it harvest, whoever it is"),
    Column("coordination_score", "float64", "0..100: is it one operator, whatever it does"),
    Column("account_ids", "list<string>", ""),
    Column("accounts", "int64", ""),
    Column("exchanges", "int64", ""),
    Column("first_seen", "timestamp", ""),
    Column("last_seen", "timestamp", ""),
    Column("targets", "list<string>", "what it harvests, in words"),
    Column("techniques", "list<string>", "MITRE ATLAS ids"),
    Column("techniques_note", "string", ""),
    Column("false_alarm_rate", "float64", "estimated share of legitimate groups that would score as high"),
    Column("evidence_ids", "list<string>", ""),
    Column("related", "list<string>", "campaign ids"),
)

#: Contract section 5, `findings/accounts.parquet`: one row for each account in the window.
ACCOUNTS: tuple[Column, ...] = (
    Column("account_id", "string", ""),
    Column("score", "float64", "0..100"),
    Column("label", "string", ""),
    Column("campaign_id", "string", "the harvest first, else the network, else null"),
    Column("exchanges", "int64", ""),
    Column("not_evaluable", "list<string>", "names of signals"),
    Column("reasons", "list<string>", "sentences, for and against"),
)

#: Contract section 5, `findings/evidence.parquet`.
EVIDENCE: tuple[Column, ...] = (
    Column("evidence_id", "string", ""),
    Column("actor_kind", "string", "account or campaign"),
    Column("actor_id", "string", ""),
    Column("signal", "string", ""),
    Column("family", "string", ""),
    Column("weight_bits", "float64", "log2 likelihood ratio; below zero speaks for the actor"),
    Column("p_value", "float64", ""),
    Column("says", "string", "one sentence"),
    Column("facts", "map<string,float64>", "numbers behind the sentence"),
    Column("exchange_ids", "list<string>", "a few to look at"),
)
