"""Consent, receipts, dry runs, estimates, sends at a time and taking back."""

from __future__ import annotations

import asyncio
import datetime
from typing import Any

import pytest
import trunkline
import trunkline.aio
from conftest import OURS, PHONE, make_config
from trunkline.service import ConsentAction, ReceiptVerdict
from trunkline.sms import Encoding, FailureReason, Fault, MessageState


def test_stop_is_confirmed_kept_and_proved(config: dict[str, Any]) -> None:
    with trunkline.Runtime(config) as rt:
        rt.sandbox.send_from_phone(PHONE, OURS, "Stop")
        rt.clock.advance(1)
        assert "unsubscribed" in rt.sandbox.messages(PHONE)[-1].text
        (outcome,) = rt.sms.send(from_=OURS, to=[PHONE], message="hello")
        assert outcome.successful
        record = rt.sms.get(outcome.message_id or "")
        assert (record.state, record.reason, record.fault, record.retryable) == (
            MessageState.FAILED,
            FailureReason.OPTED_OUT,
            Fault.RECIPIENT,
            False,
        )
        assert [one.recipient for one in rt.sms_consent.list().items] == [PHONE]
        (entry,) = rt.sms_consent.history().items
        assert (entry.action, entry.keyword, entry.language) == (ConsentAction.OPT_OUT, "STOP", "en")
        proof = rt.sms_consent.verify()
        assert proof.intact
        assert proof.digest == entry.digest
        assert [one.opted_out for one in rt.sms_consent.remove(OURS, [PHONE])] == [False]
        (bad,) = rt.sms_consent.check(OURS, ["nobody"])
        assert bad.http_status == 400
        with pytest.raises(trunkline.UnauthenticatedError):
            rt.sms_consent.check("+14255550199", [PHONE])


def test_a_dry_run_and_an_estimate(config: dict[str, Any]) -> None:
    with trunkline.Runtime(config) as rt:
        plan, refused = rt.sms.plan(from_=OURS, to=[PHONE, "12"], message="hello")
        assert plan.accepted
        assert plan.provider == "sim"
        assert "route.pick" in {step.rule for step in plan.decision.steps}
        assert not refused.accepted
        assert refused.http_status == 400
        assert rt.sms.list().items == []
        estimate = rt.sms.estimate(from_=OURS, to=[PHONE], message="It\u2019s" + "x" * 70)
        assert estimate.encoding == Encoding.UCS2
        assert estimate.segments == 2
        assert estimate.costly_character == "\u2019"
        assert estimate.swapped_segments == 1


def test_send_at_a_time_and_take_back(config: dict[str, Any]) -> None:
    with trunkline.Runtime(config) as rt:
        at = rt.clock.now() + datetime.timedelta(hours=1)
        kept, other = (rt.sms.send(from_=OURS, to=[PHONE], message="later", send_at=at)[0] for _ in range(2))
        assert kept.expected_at == at
        assert rt.sms.get(kept.message_id or "").state == MessageState.SCHEDULED
        assert rt.sms.cancel(other.message_id or "").state == MessageState.CANCELLED
        rt.clock.advance(3601)
        assert rt.sms.get(kept.message_id or "").state == MessageState.DELIVERED
        with pytest.raises(trunkline.FailedPreconditionError, match="it is delivered"):
            rt.sms.cancel(kept.message_id or "")
        (receipt,) = rt.sms.receipts(kept.message_id or "")
        assert receipt.verdict == ReceiptVerdict.APPLIED
        assert receipt.state == MessageState.DELIVERED
        assert len(rt.sandbox.messages(PHONE)) == 1


def test_a_key_with_another_body_is_a_conflict(config: dict[str, Any]) -> None:
    with trunkline.Runtime(config) as rt:
        rt.sms.send(from_=OURS, to=[PHONE], message="one", idempotency_key="k")
        (again,) = rt.sms.send(from_=OURS, to=[PHONE], message="two", idempotency_key="k")
        assert not again.successful
        assert again.http_status == 409


def test_the_same_for_asyncio() -> None:
    async def main() -> None:
        async with trunkline.aio.Runtime(make_config()) as rt:
            (added,) = await rt.sms_consent.add(OURS, [PHONE])
            assert added.opted_out
            (plan,) = await rt.sms.plan(from_=OURS, to=[PHONE], message="hello")
            assert ("consent", "reject") in {(step.rule, step.outcome) for step in plan.decision.steps}

    asyncio.run(main())
