"""A phone texts us and gets an answer, with asyncio."""

import asyncio

import trunkline.aio

NUMBER, PHONE = "+14255550100", "+14255550123"


async def answer(rt: trunkline.aio.Runtime) -> None:
    async for event in rt.events.subscribe("Microsoft.Communication.SMSReceived"):
        print("received:", event.data["message"])
        await rt.sms.send(from_=NUMBER, to=[event.data["from"]], message=f"You said: {event.data['message']}")


async def main() -> None:
    async with trunkline.aio.Runtime(clock="virtual") as rt:
        answering = asyncio.create_task(answer(rt))
        await asyncio.sleep(0)  # let it subscribe
        await rt.sandbox.send_from_phone(PHONE, NUMBER, "hello")
        while not (messages := [m for m in await rt.sandbox.messages(PHONE) if not m.outbound]):
            await asyncio.sleep(0)
        print("phone got:", messages[0].text)
        answering.cancel()


asyncio.run(main())
