"""Mail, sound, telephones and chat: the kit finds each sin in the check that is meant for it, and in no other."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from kit_runs import BUILD, ROOT, describe, kit
from smsc import Smsc
from smtp_sink import SmtpSink

# Interface, a sin, and the checks that fail because of it; all others pass.
SINS: list[tuple[str, str, str, set[str]]] = [
    ("email", "email", "changes_capabilities", {"email.capabilities"}),
    ("email", "email", "undeclared_error", {"email.send.error.invalid_argument", "email.send.empty_arguments"}),
    ("email", "email", "crashes_on_line_breaks", {"email.send.line_breaks_in_headers"}),
    ("email", "email", "crashes_on_large_mail", {"email.send.too_large"}),
    ("email", "email", "internal_on_empty_text", {"email.send.empty_texts"}),
    ("email", "email", "takes_c_strings", {"email.send.nul_in_recipient"}),
    ("email", "email", "lies_when_down", {"email.send.failed_means_not_sent"}),
    ("email", "email", "wrong_error", {"email.send.error.unauthenticated"}),
    ("email", "email", "ignores_throttling", {"email.send.error.resource_exhausted"}),
    ("email", "email", "sends_twice", {"email.send.idempotency"}),
    ("email", "email", "swaps_results", {"email.send.answers_each_recipient"}),
    ("email", "email", "forgets_a_result", {"email.send.answers_each_recipient"}),
    ("email", "email", "says_queued", {"email.send.answers_each_recipient"}),
    ("email", "email", "sends_again", {"email.send.answers_each_recipient"}),
    ("email", "email", "contradicts_itself", {"email.receipts.own"}),
    ("email", "email", "loses_receipts", {"email.receipts.not_kept"}),
    ("email", "email", "refuses_late_receipts", {"email.receipts.late"}),
    ("email", "email", "refuses_repeated_receipts", {"email.receipts.twice"}),
    ("email", "email", "refuses_contradictions", {"email.receipts.contradictory"}),
    ("email", "email", "loses_mail", {"email.inbound.not_kept"}),
    ("email", "email", "new_ids", {"email.inbound.twice"}),
    ("media", "media", "changes_capabilities", {"media.capabilities"}),
    ("media", "media", "gives_more_than_asked", {"media.stream.one_by_one", "media.stream.two_at_once"}),
    ("media", "media", "goes_on_after_the_end", {"media.stream.after_the_end"}),
    ("media", "media", "crashes_when_closed_unread", {"media.stream.closed_unread"}),
    ("media", "media", "ignores_close", {"media.stream.closed_while_read"}),
    ("media", "media", "waits_for_nobody", {"media.stream.stop"}),
    ("media", "media", "counts_frames", {"media.render.each_format"}),
    ("media", "media", "frames_of_any_size", {"media.render.each_format"}),
    ("media", "media", "takes_any_shape", {"media.render.bad_formats"}),
    ("media", "media", "takes_any_codec", {"media.render.unknown_enum"}),
    ("media", "media", "takes_any_source", {"media.structs.unknown_source"}),
    ("media", "media", "internal_on_empty_text", {"media.render.empty_text"}),
    ("media", "media", "internal_on_bad_ssml", {"media.render.ssml"}),
    ("media", "media", "crashes_on_odd_sound", {"media.render.odd_sound"}),
    ("media", "media", "loses_the_tail", {"media.render.sound_from_memory"}),
    ("phone", "pstn", "undeclared_error", {"pstn.dial.error.invalid_argument", "pstn.dial.empty_arguments"}),
    ("phone", "pstn", "internal_on_line_breaks", {"pstn.dial.line_breaks"}),
    ("phone", "pstn", "tells_of_what_failed", {"pstn.dial.line_breaks"}),
    ("phone", "pstn", "crashes_on_huge_headers", {"pstn.dial.huge_headers"}),
    ("phone", "pstn", "takes_c_strings", {"pstn.dial.nul_in_id"}),
    ("phone", "pstn", "answers_nobody", {"pstn.not_found"}),
    ("phone", "pstn", "internal_on_unknown_cause", {"pstn.unknown_enum"}),
    ("phone", "pstn", "internal_on_no_digits", {"pstn.send_dtmf.odd_digits"}),
    ("phone", "pstn", "hangs_up_all", {"pstn.two_legs"}),
    ("phone", "pstn", "ends_twice", {"pstn.life_of_a_leg"}),
    ("phone", "pstn", "forgets_the_unanswered", {"pstn.hang_up_before_answer"}),
    ("phone", "pstn", "gives_up_when_refused", {"pstn.events.refused"}),
    ("phone", "pstn", "bridges_nobody", {"pstn.audio.not_found"}),
    ("phone", "pstn", "listens_on", {"pstn.audio.heard"}),
    ("phone", "pstn", "position_in_bytes", {"pstn.audio.heard"}),
    ("phone", "pstn", "speaks_after_the_end", {"pstn.audio.nothing_after_the_end"}),
    ("phone", "pstn", "knows_no_play", {"pstn.audio.life_of_sound"}),
    ("phone", "pstn", "internal_on_odd_sound", {"pstn.audio.play.odd_sound"}),
    ("phone", "pstn", "wrong_error_when_full", {"pstn.audio.play.too_much"}),
    ("chat", "chat", "crashes_on_unknown_enum", {"chat.unknown_enum"}),
    ("chat", "chat", "takes_c_strings", {"chat.odd_texts"}),
    ("chat", "chat", "keeps_what_failed", {"chat.host_keeps_nothing"}),
    ("chat", "chat", "forgets_edits", {"chat.life_of_a_message"}),
    ("chat", "chat", "deletes_anything", {"chat.not_found"}),
    ("chat", "chat", "lets_strangers_in", {"chat.strangers"}),
    ("chat", "chat", "lists_oldest_first", {"chat.list_messages.pages"}),
    ("chat", "chat", "repeats_pages", {"chat.list_messages.pages"}),
    ("chat", "chat", "takes_any_cursor", {"chat.error.invalid_argument"}),
    ("chat", "chat", "forgets_keys", {"chat.error.already_exists"}),
    ("chat", "chat", "takes_everybody", {"chat.error.out_of_range"}),
    ("chat", "chat", "removes_nobody_twice", {"chat.life_of_a_participant"}),
    ("chat", "chat", "keeps_every_receipt", {"chat.receipts"}),
    ("chat", "chat", "tells_twice", {"chat.events"}),
    ("chat", "chat", "tells_deleted_content", {"chat.events"}),
]
# What waits for an answer: those of every interface, proven once on each.
WAITING = [("email", "email"), ("media", "media")]

RECEIPT = "{provider_message_id} {recipient}"
QUIRKS = {
    "patience_ms": 1000,
    "clock_limit_s": 60,
    "load": {"calls": 200},
    "http": [{"method": "POST", "url": "https://mail.example/send", "status": 202}],
    "email_receipts": [
        {"body": f"delivered {RECEIPT}", "state": "delivered"},
        {"body": f"bounced {RECEIPT}", "state": "bounced"},
    ],
    "email_inbound": [{"body": "mail in-1"}],
    "errors": {"pstn.dial.unavailable": {"skip": "somebody always answers"}},
}


def awkward(tmp_path: Path, plugin: str, sin: str) -> list[str]:
    config = tmp_path / "trunkline.yaml"
    config.write_text(
        "plugins: {allow_drafts: true}\n"
        f"providers:\n  - name: awkward\n    plugin: test-awkward-{plugin}\n    config: {{sin: {sin}}}\n"
    )
    quirks = tmp_path / "quirks.json"
    quirks.write_text(json.dumps(QUIRKS))
    return [str(BUILD / "test_plugins" / f"test-awkward-{plugin}"), "--config", str(config), "--quirks", str(quirks)]


def failures(report: dict[str, object]) -> set[str]:
    return {check["name"] for check in report["checks"] if check["outcome"] == "failed"}  # type: ignore[attr-defined]


@pytest.mark.parametrize(("plugin", "interface", "sin", "checks"), SINS, ids=[f"{one[0]}-{one[2]}" for one in SINS])
def test_a_sin_is_found_where_it_is_looked_for(tmp_path: Path, plugin: str, interface: str, sin: str, checks: set[str]) -> None:
    # Load and leaks are of every interface, and take the longest.
    own = ["send", "receipts", "inbound", "render", "stream", "structs", "dial", "send_dtmf", "events", "audio", "error"]
    only = [option for name in [*own, *sorted(checks)] for option in ("--only", name if "." in name else f"{interface}.{name}*")]
    report = kit(*awkward(tmp_path, plugin, sin), *only, "--limit", "60", expect=1)
    assert failures(report) == checks, describe(report)


@pytest.mark.parametrize(("plugin", "interface"), WAITING)
def test_an_answer_that_never_comes_is_missed(tmp_path: Path, plugin: str, interface: str) -> None:
    names = [f"{interface}.{name}" for name in ("normal", "cancel_during", "deadline_during", "interleaved_instances", "threads")]
    only = [option for name in names for option in ("--only", name)]
    report = kit(*awkward(tmp_path, plugin, "never_answers"), *only, expect=1)
    assert failures(report) == set(names), describe(report)


@pytest.mark.parametrize("plugin", ["email", "media", "phone", "chat"])
def test_without_a_sin_all_passes(tmp_path: Path, plugin: str) -> None:
    report = kit(*awkward(tmp_path, plugin, "none"), expect=0)
    assert failures(report) == set(), describe(report)
    skipped = {check["name"]: check["detail"] for check in report["checks"] if check["outcome"] == "skipped"}  # type: ignore[attr-defined]
    assert set(skipped) <= {"pstn.dial.error.unavailable"}, skipped


@pytest.fixture
def smtp_sink() -> Iterator[SmtpSink]:
    with SmtpSink() as sink:
        yield sink


def test_mail_by_smtp(tmp_path: Path, smtp_sink: SmtpSink) -> None:
    config = tmp_path / "trunkline.yaml"
    config.write_text(
        "providers:\n  - name: smtp\n    plugin: email-smtp\n"
        f"    config: {{host: 127.0.0.1, port: {smtp_sink.port}, tls: 'off'}}\n"
    )
    quirks = ROOT / "tests" / "plugins" / "email-smtp" / "quirks.json"
    report = kit(str(BUILD / "plugins" / "email-smtp"), "--config", str(config), "--quirks", str(quirks), expect=0)
    assert failures(report) == set(), describe(report)
    assert smtp_sink.mails > 100


def test_texts_by_smpp(tmp_path: Path) -> None:
    with Smsc(password="hunter2", receipts=0) as smsc:
        config = tmp_path / "trunkline.yaml"
        config.write_text(
            "providers:\n  - name: smpp\n    plugin: sms-smpp\n"
            f"    config: {{host: 127.0.0.1, port: {smsc.port}, system_id: kit}}\n"
            "    secrets: {password: {value: hunter2}}\n"
        )
        quirks = ROOT / "tests" / "plugins" / "sms-smpp" / "quirks.json"
        report = kit(str(BUILD / "plugins" / "sms-smpp"), "--config", str(config), "--quirks", str(quirks), expect=0)
        assert failures(report) == set(), describe(report)
        assert len(smsc.submits()) > 100
