/** A page that uses what browsers do over HTTP, and puts the results into its title. */

export const html = `<!doctype html>
<html lang="en">
<title>loading</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/page.css">
<p id="styled">styled</p>
<script src="/page.js"></script>
</html>
`;

export const css = "#styled { color: rgb(1, 2, 3); }\n";

export const script = `
const attempts = {
  async style() {
    await new Promise((resolve) => addEventListener("load", resolve));
    return getComputedStyle(document.getElementById("styled")).color;
  },
  async post() {
    const response = await fetch("/echo?a=%2F", { method: "POST", body: "x".repeat(100_000) });
    const { method, bytes, target } = await response.json();
    return [method, bytes, target];
  },
  async download() {
    const bytes = await (await fetch("/bytes/30000000")).arrayBuffer();
    return bytes.byteLength;
  },
  async manyRequests() {
    const texts = await Promise.all(Array.from({ length: 50 }, async (_, i) => (await fetch("/chunked/" + (i + 1))).text()));
    return texts.reduce((sum, text) => sum + text.length, 0);
  },
  events() {
    return new Promise((resolve) => {
      const source = new EventSource("/events/3");
      const seen = [];
      source.onmessage = (event) => seen.push(event.data);
      // Closed where the response ends, not before: an aborted request would be a complaint of its own.
      source.onerror = () => {
        source.close();
        resolve(seen);
      };
    });
  },
  webSocket() {
    return new Promise((resolve, reject) => {
      const socket = new WebSocket("ws://" + location.host + "/ws");
      socket.onopen = () => socket.send("a".repeat(200_000));
      socket.onerror = () => reject(new Error("web socket"));
      socket.onmessage = (event) => {
        socket.onclose = ({ code, wasClean }) => resolve([event.data.length, code, wasClean, socket.extensions]);
        socket.close(1000);
      };
    });
  },
};

const entries = Object.entries(attempts).map(async ([name, attempt]) => [name, await attempt()]);
Promise.all(entries).then(
  (results) => { document.title = JSON.stringify(Object.fromEntries(results)); },
  (error) => { document.title = "failed: " + error.message; },
);
`;
