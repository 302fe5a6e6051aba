"""Two carriers, one fails: the other takes over, STOP is honoured, and the record says why."""

import trunkline

CONFIG = {
    "runtime": {"clock": "virtual", "seed": 1},
    "log": {"level": "warning"},
    "providers": [
        {
            "name": "cheap",
            "plugin": "sms-sandbox",
            "config": {"latency_ms": 20, "rules": [{"match": "+44", "refuse": "temporary"}]},
            "prices": {"parts": {"default": "0.01"}},
        },
        {
            "name": "sure",
            "plugin": "sms-sandbox",
            "config": {"latency_ms": 200},
            "prices": {"parts": {"default": "0.04"}},
        },
    ],
    "routes": [{"interface": "sms", "order": "cost", "providers": ["sure", "cheap"]}],
    "resources": [{"name": "shop", "numbers": [{"number": "+14255550100", "sms": "both"}]}],
}

with trunkline.Runtime(CONFIG) as rt:
    sent = rt.sms.send(
        from_="+14255550100", to=["+14255550123", "+447700900123"], message="Your parcel is here", delivery_report=True
    )
    rt.clock.advance(1)
    for outcome in sent:
        record = rt.sms.get(outcome.message_id or "")
        print(f"{record.to}: {record.state.name.lower()} by {record.provider}")

    print("why:")
    for step in rt.sms.explain(sent[1].message_id or "").steps:
        if step.rule in {"route.order", "route.pick", "provider.send", "outcome", "failover", "receipt"}:
            print(f"  {step.rule}: {step.outcome} {step.value} {step.detail or ''}".rstrip())

    rt.sandbox.send_from_phone("+447700900123", "+14255550100", "stop")
    rt.clock.advance(1)
    print("answer:", rt.sandbox.messages("+447700900123")[-1].text)
    (blocked,) = rt.sms.send(from_="+14255550100", to=["+447700900123"], message="Sale!")
    record = rt.sms.get(blocked.message_id or "")
    print(f"after STOP: {record.state.name.lower()}, {record.reason.name.lower()}, fault of the {record.fault.name.lower()}")
    print("ledger intact:", rt.sms_consent.verify().intact)
