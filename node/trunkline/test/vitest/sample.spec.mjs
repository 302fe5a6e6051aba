// Run by fixtures_vitest.test.mjs, with Vitest.
import { expect, test as base } from "vitest";
import { fixtures } from "trunkline/test";

const test = base.extend(fixtures);

test("the fixture", async ({ trunkline }) => {
  await trunkline.phone("+14255550123").send("hello");
  expect((await trunkline.events.expect("SMSReceived")).data.message).toBe("hello");
});
test("a failure shows the difference", { fails: true }, async ({ trunkline }) => {
  await trunkline.phone("+14255550123").waitFor("hello", { within: 1 });
});
