"""An order arrives as a text. It is taken, cannot be cooked, comes again, is acknowledged; and the history knows all of it."""

import trunkline

NUMBER, PHONE = "+14255550100", "+14255550123"

with trunkline.Runtime(clock="virtual") as rt:
    rt.event_subscriptions.put(name="kitchen", types=["Microsoft.Communication.SMSReceived"])
    rt.sandbox.send_from_phone(PHONE, NUMBER, "two pizzas")

    with rt.deliveries("kitchen", credits=4, timeout=10) as deliveries:
        delivery = next(deliveries)
        print("attempt", delivery.attempt, delivery.event.data["message"])
        delivery.reject("the oven is cold")

        rt.clock.advance(120)  # this clock only moves when it is told to; the retry schedule follows it
        with next(deliveries) as delivery:  # acknowledges at its end, rejects if this block raises
            print("attempt", delivery.attempt, delivery.event.data["message"])

    rt.settle()
    (explanation,) = rt.event_history.explain(delivery.event.id)
    print(explanation.subscription, explanation.state.name.lower())
    for attempt in explanation.attempts:
        print(f"  {attempt.number} {attempt.outcome} {attempt.reply}".rstrip())
