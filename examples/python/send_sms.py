"""Sends a text through the simulated carriers and waits for its delivery report. Needs no server and no account."""

import trunkline

with trunkline.Runtime(clock="virtual") as rt:
    (outcome,) = rt.sms.send(from_="+14255550100", to=["+14255550123"], message="Your code is 123456", delivery_report=True)
    print("accepted:", outcome.successful, outcome.http_status)

    rt.clock.advance(5)  # carriers take their time; this clock only moves when it is told to

    event = rt.wait_for(
        "Microsoft.Communication.SMSDeliveryReportReceived",
        where=lambda event: event.data["messageId"] == outcome.message_id,
        timeout=10,
    )
    print("report:  ", event.data["deliveryStatus"], "to", event.data["to"])

    for step in rt.sms.explain(outcome.message_id or "").steps:
        print(f"  {step.rule}: {step.outcome} ({step.value})")
