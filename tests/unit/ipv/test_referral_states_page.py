"""docs/reference/referral-states.md shows the tables that the code runs on; run as a program, writes it."""

from pathlib import Path

from ipvscreen.ipv import case, case_step, loop
from ipvscreen.ipv.case_codes import DECLINE_WORDS, ENDS, OUTCOME_WORDS, STATE_WORDS
from ipvscreen.ipv.diagram import mermaid

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "referral-states.md"


def line(*cells: object) -> str:
    return f"| {' | '.join(str(cell) for cell in cells)} |"


MOVES = {
    state: {event: to for event, to in row.items() if to is not state}
    for state, row in case.TRANSITIONS.items()
}


def staying() -> str:
    stays = {
        state: [event for event, to in row.items() if to is state] for state, row in case.TRANSITIONS.items()
    }
    return "\n".join(line(state, ", ".join(events)) for state, events in stays.items() if events)


def told() -> str:
    declined = STATE_WORDS[case.CaseState.DECLINED]
    rows = [
        ("that the service tells", "each state once, coded reason and outcome", "the same codes"),
        (
            "nothing back; or it has ended, was taken back, or there was no agreement",
            f'`sent`, `delivered`, "{declined}" without the reason',
            "nothing",
        ),
        (
            "`release_required` in the [pack](packs.md), and no signed release that holds",
            "`sent`, `delivered`",
            "nothing",
        ),
    ]
    return "\n".join(line(*row) for row in rows)


def states() -> str:
    rows = [(state, *case.STATUS[state], STATE_WORDS[state]) for state in case.CaseState]
    return "\n".join(line(*row) for row in rows)


def events() -> str:
    def row(event: case.CaseEvent) -> str:
        roles = [role.value for role in case.CaseRole if event in case.MAY[role]]
        own = event in case.HANDED_OVER
        whom = ", ".join(f"{role} (own)" if role == "worker" and own else role for role in roles)
        said = ", ".join(
            name.replace("_", " ") for name in case_step.DETAILS if name in case_step.SAID[event]
        )
        return line(event, whom, said or "nothing", f"`{case.AUDITED[event]}`")

    return "\n".join(row(event) for event in case.CaseEvent)


def declines() -> str:
    return "\n".join(line(f"`{code}`", words, loop.LEADS[code]) for code, words in DECLINE_WORDS.items())


def outcomes() -> str:
    return "\n".join(line(f"`{code}`", words, ENDS[code]) for code, words in OUTCOME_WORDS.items())


def generated() -> str:
    return f"""# What becomes of a referral at a service

Generated from the tables in `src/ipvscreen/ipv` by `scripts/diagrams`; a test compares. Why it is so:
[ADR 0055](../adr/0055-the-loop.md). The way to the service is on the page of [states](states.md).

## A case

```mermaid
{mermaid(MOVES)}```

Statuses and moves are those of the Task of HL7 SDOH Clinical Care (3.0.0 ballot), without `draft`, `ready`
and `received`. Nothing leads out of an end. What a state takes and stays as it is:

| state | events |
|---|---|
{staying()}

| state | Task.status | Task.businessStatus | what a referrer reads |
|---|---|---|---|
{states()}

`prepared` is the business status while a person has to bring it, `sent` before the service has the message.

## Who does what

| event | who | what is said with it | in the audit log |
|---|---|---|---|
{events()}

`worker (own)`: only with a case that was handed over to that worker. No contact is taken down by
a way that was not said to be safe.

## Why a case is not taken on

| code | words | what is proposed |
|---|---|---|
{declines()}

`another`: the next best service, without those that have declined. `higher`: the same, and who takes the
highest risk goes first. `ask`: the same one again, once what it needs is known. `nothing`: nobody is asked
again unless the person wishes it. A proposal is never sent by itself.

| code of the facts | code here |
|---|---|
| area-unsafe-near-perpetrator | `area-unsuitable` |
| risk-above-threshold, risk-below-threshold | `above-threshold`, `below-threshold` |
| person-withdrew-consent | `agreement-withdrawn` |
| no-safe-contact-possible | `no-way-to-contact` |
| not-DA | `other-need` |

The record holds these codes, and a portal may show them: none names the topic.

## What a case ends with

| code | words | event |
|---|---|---|
{outcomes()}

## What is told back

| what was agreed, on that day | to the referrer's page | into the record |
|---|---|---|
{told()}

A release stands beside the agreement, never instead of it. The last day counts. Contacts, dangers and mentors
stay with the service.
"""


def test_the_page_shows_the_tables_as_they_are() -> None:
    assert PAGE.read_text(encoding="utf-8") == generated()


if __name__ == "__main__":
    PAGE.write_text(generated(), encoding="utf-8")
