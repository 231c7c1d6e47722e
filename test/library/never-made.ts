// A program that is told to reload what is never made, and stops its proxy then: nothing else keeps it.
import { createProxy } from "../../library/mod.ts";

const proxy = createProxy({ listeners: ["127.0.0.1:0"], routes: [{ respond: { status: 200 } }] });
await proxy.start();
void proxy.reload(() => new Promise(() => {}));
await proxy.stop();
console.log("stopped");
