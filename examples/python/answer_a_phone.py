"""A phone texts us and gets an answer, with asyncio."""

import asyncio

import trunkline.aio

NUMBER, PHONE = "+14255550100", "+14255550123"


async def main() -> None:
    async with (
        trunkline.aio.Runtime(clock="virtual") as rt,
        rt.events.subscribe("Microsoft.Communication.SMSReceived", timeout=10) as received,
    ):
        await rt.sandbox.send_from_phone(PHONE, NUMBER, "hello")

        event = await anext(received)
        await rt.sms.send(from_=NUMBER, to=[event.data["from"]], message=f"You said: {event.data['message']}")

        await rt.clock.advance(1)  # the carrier takes its time; this clock only moves when it is told to
        for message in await rt.sandbox.messages(PHONE):
            print("phone sent:" if message.outbound else "phone got: ", message.text)


asyncio.run(main())
