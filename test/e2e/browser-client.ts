// Chromium by Playwright, on Node whatever the runtime under test is: `browser-client.ts CHROMIUM USER_DATA_FOLDER URL`.
// Opens the page, waits until its title is no longer "loading", and says it together with what the console said.

import process from "node:process";
import { chromium } from "playwright-core";

const [executablePath = "", userDataFolder = "", url = ""] = process.argv.slice(2);
const context = await chromium.launchPersistentContext(userDataFolder, {
  executablePath,
  headless: true,
  chromiumSandbox: false,
  timeout: 20_000,
  args: [
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-proxy-server",
  ],
});
try {
  const tab = await context.newPage();
  const complaints: string[] = [];
  tab.on("console", (message) => complaints.push(`${message.type()}: ${message.text()}`));
  tab.on("pageerror", (error) => complaints.push(error.message));
  tab.on("requestfailed", (request) => complaints.push(`${request.url()}: ${request.failure()?.errorText}`));
  const response = await tab.goto(url);
  await tab.waitForFunction("document.title !== 'loading'", undefined, { timeout: 20_000 });
  console.log(JSON.stringify({ status: response?.status(), title: await tab.title(), complaints }));
} finally {
  await context.close();
}
