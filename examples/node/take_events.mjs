// An application's own events: a function gets them, fails once, gets the event again; and the history knows why.
import { EventEmitter, once } from "node:events";
import { Runtime } from "trunkline";
import { config } from "./config.mjs";

const rt = await Runtime.open(config);
await rt.topics.create({ name: "orders" });
const orders = rt.topic("orders");

let cold = true;
const bell = new EventEmitter();
const failed = once(bell, "failed");
const cooked = once(bell, "cooked");
const kitchen = orders.onEvent("kitchen", { types: ["Orders.Created"], onError: () => bell.emit("failed") }, (event, { attempt }) => {
  console.log("attempt", attempt, event.data.order);
  if (cold) throw new Error("the oven is cold");
  bell.emit("cooked");
});
await kitchen.ready;

const id = await orders.publish({ type: "Orders.Created", subject: "orders/7", data: { order: "two pizzas" } });
await failed;
cold = false;
await rt.clock.advance(120_000); // this clock only moves when it is told to; the retry schedule follows it
await cooked;
await kitchen.close();
await rt.settle();

const [explanation] = await orders.eventHistory.explain(id);
console.log(explanation.subscription, explanation.state);
for (const { number, outcome, reply } of explanation.attempts) console.log(`  ${number} ${outcome} ${reply}`.trimEnd());
await rt.close();
