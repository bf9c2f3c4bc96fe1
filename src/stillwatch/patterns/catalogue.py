"""The catalogue of rules for people: docs/patterns.md is this function's output, and a test holds it so."""

from __future__ import annotations

from stillwatch.patterns.packs_on_disk import FIRST_USER_CODE, load_rules
from stillwatch.patterns.reading import LEAST_EXAMPLES, LEAST_LOOK_ALIKES, MOST_CODE
from stillwatch.records.rules import TECHNIQUES, Rule

_HEAD = """# Patterns: what prompts of each technique look like

A rule names a way of wording a prompt, says who else words it so, and how hardly an innocent does (its
strength, 0 to 1). One match says next to nothing. Signals look at the *share* of an actor's prompts that
match, weighted by strength, against everybody else's. Only the numbers of the rules that matched are kept,
never the words.

This file is written by `stillwatch.patterns.catalogue()`. A dot (·) in a cell stands for nothing to say.
"""

_OWN = f"""
## A rule of your own

Write a YAML file and name it to `load_rules`. Codes from {FIRST_USER_CODE} to {MOST_CODE} are yours; a code
never changes its meaning, since the store keeps codes.

```yaml
technique: forced_reasoning
atlas: [AML.T0065, AML.T0024.002]
parts:
  tag: (?:thoughts|working|notes)
rules:
  - code: {FIRST_USER_CODE}
    id: ours.forced.upper-tags
    title: Asks for the working in upper-case brackets first
    language: en
    strength: 0.5
    also_seen_in: our own prompt guide of 2025
    expression: "{{b}}(?:open|begin|start){{in}}\\\\[\\\\[{{tag}}\\\\]\\\\]"
    examples:
      - Begin your reply with [[WORKING]] and close it before the result.
      - Always open with [[thoughts]].
      - start every message with a [[Notes]] block
    look_alikes:
      - Put [[links]] around names of pages.
      - The working is open to everybody.
```

- `expression` is Hyperscan syntax, without look-around and back-references; letter case never matters, and a dot
  also matches a line break. It may be a list: any of them matches.
- A space stands for any white space. `{{b}}` is the left edge of a word, `{{e}}` the right one, `{{in}}` a gap within
  one sentence, `{{to}}` a gap that may cross two sentence ends. A gap of up to nine bytes is counted as written; a
  longer one reaches to the end of its sentence. A gap without a bound (`.*`) is refused. Other names in
  braces are the pack's own `parts`.
- At least {LEAST_EXAMPLES} `examples` must match and {LEAST_LOOK_ALIKES} `look_alikes` must not; both are tried
  when the pack is loaded. All faults are reported at once, with file and line.
- Be honest with `strength`: what many innocent people write is 0.2, what hardly anybody else writes is 0.9.
"""


def catalogue() -> str:
    """Markdown: a table of the shipped rules for each technique, and how to add one."""
    rules = load_rules()
    sections = [_HEAD]
    for technique, says in TECHNIQUES.items():
        mine = [rule for rule in rules if rule.technique == technique]
        sections.append(f"\n## {technique}\n\n{says[0].upper()}{says[1:]}.\n\n{_table(mine)}\n")
    sections.append(_OWN)
    return "".join(sections)


def _table(rules: list[Rule]) -> str:
    head = "| code | id | what | language | strength | where | ATLAS | also seen in |"
    return "\n".join([head, "|---" * 8 + "|", *(_row(rule) for rule in rules)])


def _row(rule: Rule) -> str:
    cells = (
        str(rule.code), f"`{rule.id}`", rule.title, rule.language, f"{rule.strength:g}",
        ", ".join(rule.applies_to), ", ".join(rule.atlas), rule.also_seen_in,
    )  # fmt: skip
    return "| " + " | ".join(cell.replace("|", "\\|") or "·" for cell in cells) + " |"
